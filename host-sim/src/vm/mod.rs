//! A proxy-wasm host that behaves like Envoy 1.40, with a manual clock.
//!
//! Drive it, then look at what became of it: there are no expectations to set up. Nothing is
//! global, so tests run side by side.
//!
//! ```no_run
//! use host_sim::vm::{Host, HttpRequest, Options, Outcome, Plugin, Upstream};
//!
//! let plugin = Plugin::from_file("palisade.wasm")?;
//! let mut host = Host::new(&plugin, Options { workers: 2, ..Options::default() })?;
//! host.upstreams().set("issuer", Upstream::reply(200, br#"{"keys":[]}"#));
//! host.configure(br#"{"version":1,"workload":{"namespace":"foo"}}"#)?;
//! let exchange = host.http(0, HttpRequest::new("GET", "/ip", "httpbin.foo"))?;
//! assert!(matches!(exchange.outcome, Outcome::Forwarded { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod events;
mod guest;
mod host;
mod imports;
mod instance;
mod metrics;
mod pairs;
mod plugin;
mod process;
mod properties;
mod request;
mod shared_data;
mod state;
mod status;
mod stream;
mod upstream;
mod verify_signature;
mod wasi;

pub use error::{ConfigureError, HostError};
pub use events::Begun;
pub use host::{Host, Options};
pub use metrics::Metrics;
pub use plugin::Plugin;
pub use process::LogLine;
pub use properties::Properties;
pub use request::{Header, HttpRequest};
pub use state::{LogLevel, Traps};
pub use status::Status;
pub use stream::{Exchange, Outcome, Reply};
pub use upstream::{Call, Upstream, Upstreams};
