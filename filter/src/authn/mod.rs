//! Request authentication: is the token that the request carries a good one?

mod audience;
mod authenticator;
mod claims;
mod cookie;
mod evaluation;
pub mod identity;
pub mod key_store;
mod location;
mod number;
mod output;
mod query;
mod reply;
mod rule;
mod token_cache;

pub use authenticator::{Authentication, Authenticator, Verified};
pub use identity::Identity;
pub use key_store::{Fetch, FetchError, Fetched, KeySetId, KeyStore};
pub use reply::Refusal;
pub use token_cache::TokenCacheStats;
