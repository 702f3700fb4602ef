//! `palisade render` in real Envoy: what Istio's YAML says is what connections meet.

mod changes;
mod modes;
mod naming;
mod payments;
mod plaintext;
mod policies;
mod protocols;
mod rotation;
