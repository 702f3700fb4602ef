//! Palisade against real Envoy, and the data-driven corpora.

pub mod native;
