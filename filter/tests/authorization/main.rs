//! AuthorizationPolicy from the resource to the decision.

mod decisions;
mod explanations;
mod fields;
mod properties;
mod refusals;
mod selection;
mod support;
