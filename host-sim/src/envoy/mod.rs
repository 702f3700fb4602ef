//! Real, stock Envoy: find it, configure it, start it, talk to it, stop it.
//!
//! ```no_run
//! use host_sim::envoy::{Launch, binary, bootstrap::{Bootstrap, Cluster, Listener}};
//! use host_sim::envoy::client::{Client, Request};
//! use host_sim::envoy::upstream::echo;
//!
//! let upstream = echo()?;
//! let listener = Listener::new("inbound", "upstream");
//! let bootstrap = Bootstrap::new(vec![listener], vec![Cluster::new("upstream", upstream.address())]);
//! let envoy = Launch::new(binary::find()?, &bootstrap.to_json()).start()?;
//! let response = Client::plain(envoy.listener("inbound")?).send(&Request::get("/"))?;
//! assert_eq!(response.status, 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod admin;
pub mod binary;
pub mod bootstrap;
pub mod certs;
pub mod client;
pub mod clock;
mod error;
pub mod issuer;
mod process;
pub mod server;
pub mod upstream;
mod wait;

pub use self::{
    error::EnvoyError,
    process::{Envoy, Launch},
    wait::until,
};
