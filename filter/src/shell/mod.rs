//! The proxy-wasm plugin: host calls around the pure engine, nothing else.
//!
//! proxy-wasm ABI v0.2.1 as Envoy 1.40 implements it. Everything here goes through
//! `proxy_wasm::hostcalls`, which returns `Result`; the SDK's trait helpers unwrap.

mod abi;
mod consulting;
mod counters;
mod fetch;
mod http;
mod plugin;
mod properties;
mod report;
mod request;
mod respond;
mod root;
mod shared;
mod tcp;

use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|context_id| Box::new(root::Root::new(context_id)));
}}
