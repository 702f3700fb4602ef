//! Request authentication through its public interface: tokens, keys, rules, outcomes.

mod algorithms;
mod cache;
mod fuzz;
mod host;
mod keys;
mod mint;
mod presence;
mod request;
mod rules;
mod tokens;
