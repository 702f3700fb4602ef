//! Request authentication: is the token that the request carries a good one?

pub mod identity;

pub use identity::Identity;
