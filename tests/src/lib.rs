//! Palisade against real Envoy.
