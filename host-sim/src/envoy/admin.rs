//! Envoy's admin interface.
//! Source: Envoy documentation, "Administration interface".

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde_json::Value;

use super::{
    EnvoyError,
    client::{Client, Request},
    until,
};

/// The admin interface of one Envoy.
#[derive(Clone, Debug)]
pub struct Admin {
    address: SocketAddr,
}

impl Admin {
    /// The interface at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether `/ready` answers 200.
    pub fn is_ready(&self) -> bool {
        self.get("/ready").is_ok()
    }

    /// GET of a path; the body of a 200 answer as text.
    ///
    /// # Errors
    /// [`EnvoyError::Admin`] for any other answer, or none.
    pub fn get(&self, path: &str) -> Result<String, EnvoyError> {
        let request = Request::get(path)
            .header("host", "admin")
            .header("connection", "close");
        let response = Client::plain(self.address)
            .timeout(Duration::from_secs(10))
            .send(&request)
            .map_err(|error| EnvoyError::Admin(format!("GET `{path}`: {error}")))?;
        match response.status {
            200 => Ok(response.text()),
            status => Err(EnvoyError::Admin(format!(
                "GET `{path}` answered {status}: {}",
                response.text().trim()
            ))),
        }
    }

    /// GET of a path that answers with JSON.
    ///
    /// # Errors
    /// [`EnvoyError::Admin`] when there is no answer, or it is no JSON.
    pub fn json(&self, path: &str) -> Result<Value, EnvoyError> {
        serde_json::from_str(&self.get(path)?)
            .map_err(|error| EnvoyError::Admin(format!("`{path}` is no JSON: {error}")))
    }

    /// Every counter and gauge, by name.
    ///
    /// # Errors
    /// [`EnvoyError::Admin`] when there is no answer.
    pub fn stats(&self) -> Result<BTreeMap<String, u64>, EnvoyError> {
        let text = self.get("/stats")?;
        let stats = text.lines().filter_map(|line| line.split_once(": "));
        // Histograms and text values have no number, and are left out.
        Ok(stats
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect())
    }

    /// One counter or gauge; 0 when it is not there, as Envoy makes many only when first used.
    ///
    /// # Errors
    /// [`EnvoyError::Admin`] when there is no answer.
    pub fn stat(&self, name: &str) -> Result<u64, EnvoyError> {
        Ok(self.stats()?.get(name).copied().unwrap_or(0))
    }

    /// Waits until a counter or gauge is at least `value`.
    ///
    /// # Errors
    /// [`EnvoyError::TimedOut`] when it is not within `limit`.
    pub fn wait_for_stat(&self, name: &str, value: u64, limit: Duration) -> Result<(), EnvoyError> {
        until(&format!("`{name}` >= {value}"), limit, || {
            Ok((self.stat(name)? >= value).then_some(()))
        })
    }

    /// The address that a listener really has.
    ///
    /// # Errors
    /// [`EnvoyError::Admin`] when there is no listener of that name.
    pub fn listener(&self, name: &str) -> Result<SocketAddr, EnvoyError> {
        let all = self.json("/listeners?format=json")?;
        let address = all["listener_statuses"]
            .as_array()
            .and_then(|listeners| listeners.iter().find(|listener| listener["name"] == name))
            .map(|listener| &listener["local_address"]["socket_address"]);
        address
            .and_then(|address| {
                let ip = address["address"].as_str()?.parse().ok()?;
                let port = address["port_value"].as_u64()?.try_into().ok()?;
                Some(SocketAddr::new(ip, port))
            })
            .ok_or_else(|| EnvoyError::Admin(format!("no listener is called `{name}`")))
    }
}
