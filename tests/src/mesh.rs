//! The parts that every test against real Envoy needs: an authority, a workload's certificate, an
//! application, and Envoy with the filter in front of it.

use std::{net::SocketAddr, time::Duration};

use host_sim::envoy::{
    Envoy, Launch, binary,
    bootstrap::{Bootstrap, Cluster, Listener, ServerTls, WasmFilter},
    certs::{Authority, Identity, Leaf},
    client::{Client, ClientTls, Request, Response},
    server::Server,
    upstream,
};
use palisade_filter::Evidence;
use serde_json::{Value, json};

use crate::{Error, wasm};

/// The name of the cluster of the application.
pub const UPSTREAM: &str = "upstream";

/// An authority of workload certificates, and an application.
#[derive(Debug)]
pub struct Mesh {
    /// Issues the certificates.
    pub authority: Authority,
    /// The certificate of the workload.
    pub workload: Identity,
    /// The application.
    pub upstream: Server,
}

impl Mesh {
    /// A mesh with the trust domain `cluster.local` and one workload, `foo/httpbin`.
    ///
    /// # Errors
    /// When there is no port or no certificate to be had.
    pub fn new() -> Result<Self, Error> {
        let authority = Authority::new("mesh")?;
        let leaf = Leaf::spiffe("spiffe://cluster.local/ns/foo/sa/httpbin").dns("localhost");
        let workload = authority.issue(&leaf)?;
        Ok(Self {
            authority,
            workload,
            upstream: upstream::echo()?,
        })
    }

    /// The TLS context that takes clients of this mesh only.
    pub fn server_tls(&self) -> ServerTls {
        ServerTls::new(self.workload.clone(), self.authority.certificate())
    }

    /// A client with the certificate of this identity.
    ///
    /// # Errors
    /// When the identity is no URI.
    pub fn client(&self, address: SocketAddr, id: &str) -> Result<Client, Error> {
        self.client_with(address, Some(&self.authority.issue(&Leaf::spiffe(id))?))
    }

    /// A client over TLS with this certificate, or none.
    ///
    /// # Errors
    /// When the certificate is none.
    pub fn client_with(
        &self,
        address: SocketAddr,
        identity: Option<&Identity>,
    ) -> Result<Client, Error> {
        let tls = ClientTls::new(&self.authority.certificate(), identity, None)?;
        Ok(Client::tls(address, tls).timeout(Duration::from_secs(10)))
    }

    /// Starts Envoy with these listeners, the application's cluster, and these other clusters.
    ///
    /// # Errors
    /// When Envoy is not there or does not start.
    pub fn envoy(
        &self,
        listeners: Vec<Listener>,
        clusters: impl IntoIterator<Item = Cluster>,
    ) -> Result<Envoy, Error> {
        let mut all = vec![Cluster::new(UPSTREAM, self.upstream.address())];
        all.extend(clusters);
        let bootstrap = Bootstrap::new(listeners, all);
        Ok(Launch::new(binary::find()?, &bootstrap.to_json()).start()?)
    }
}

/// The filter with this plugin configuration.
///
/// # Errors
/// When it has not been built.
pub fn filter(configuration: Value) -> Result<WasmFilter, Error> {
    Ok(WasmFilter::new(wasm()?, configuration))
}

/// A plugin configuration for the workload `httpbin` in `foo` with these resources, where the
/// origin of each issuer is the cluster beside it.
pub fn configuration(resources: &[Value], issuers: &[(&str, &str)]) -> Value {
    let clusters: serde_json::Map<String, Value> = issuers
        .iter()
        .map(|(origin, cluster)| ((*origin).to_owned(), json!(cluster)))
        .collect();
    json!({
        "version": 1,
        "workload": {
            "namespace": "foo",
            "name": "httpbin-1",
            "labels": {"app": "httpbin", "version": "v1"},
            "serviceAccount": "httpbin",
        },
        "jwksClusters": clusters,
        "filterState": "all",
        "resources": resources,
    })
}

/// Sends a request with a mark, and finds what the filter says about it in Envoy's access log.
///
/// # Errors
/// When there is no answer, no log line, or no evidence in it.
pub fn decide(
    envoy: &Envoy,
    client: &Client,
    request: Request,
    mark: &str,
) -> Result<(Response, Evidence), Error> {
    let response = client.send(&request.header("x-request-id", mark))?;
    Ok((response, evidence(envoy, mark)?))
}

/// The evidence in the access log line of the request with this id.
///
/// # Errors
/// When there is no such line, or it has no evidence.
pub fn evidence(envoy: &Envoy, mark: &str) -> Result<Evidence, Error> {
    let line = envoy.access_log_line(Duration::from_secs(5), |line| line["requestId"] == mark)?;
    let text = line["palisade"]
        .as_str()
        .ok_or_else(|| format!("no evidence in `{line}`"))?;
    Ok(serde_json::from_str(text)?)
}
