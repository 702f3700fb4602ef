//! A real Envoy.
