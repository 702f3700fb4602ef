//! The proxy-wasm plugin: host calls around the pure engine, nothing else.
//!
//! proxy-wasm ABI v0.2.1 as Envoy 1.40 implements it. Everything here goes through
//! `proxy_wasm::hostcalls`, which returns `Result`, or `abi` where that panics or does too much.

mod abi;
mod consulting;
mod counters;
mod dispatch;
mod fetch;
mod http;
mod plugin;
mod properties;
mod report;
mod request;
mod respond;
mod root;
mod shared;
mod subject;
mod tcp;
