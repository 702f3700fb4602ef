//! Whether a peer has a name, by what its certificate says: beside Envoy's own RBAC.

use host_sim::envoy::bootstrap::{
    Bootstrap, Cluster, HttpManager, Listener, PeerTls, ServerTls, WasmFilter,
};
use host_sim::envoy::certs::{Authority, Leaf};
use host_sim::envoy::client::{Client, ClientTls, Request};
use host_sim::envoy::upstream::echo;
use host_sim::envoy::{Launch, binary};
use palisade_tests::policies::authorization;
use palisade_tests::{Error, native, wasm};
use serde_json::{Value, json};

const SPIFFE: &str = "spiffe://cluster.local/ns/foo/sa/web";

/// The client's certificate, and the status where everybody with a name may pass.
fn rows() -> Vec<(&'static str, Option<Leaf>, u16)> {
    let dns = || Leaf::nameless().dns("web.example");
    vec![
        ("a URI", Some(Leaf::spiffe(SPIFFE)), 200),
        (
            "a URI alone",
            Some(Leaf::spiffe(SPIFFE).without_subject()),
            200,
        ),
        ("a DNS name", Some(dns()), 200),
        ("a DNS name alone", Some(dns().without_subject()), 200),
        ("a subject", Some(Leaf::nameless()), 200),
        ("nothing", Some(Leaf::nameless().without_subject()), 403),
        ("no certificate", None, 403),
    ]
}

fn listener(name: &str, tls: ServerTls, filters: Vec<Value>) -> Listener {
    let mut manager = HttpManager::new("application");
    manager.filters = filters;
    let mut listener = Listener::new(name, "application").tls(PeerTls::Permissive(tls));
    listener.http = manager;
    listener
}

#[test]
fn peers_with_a_name() -> Result<(), Error> {
    let application = echo()?;
    let authority = Authority::new("test")?;
    let server = authority.issue(&Leaf::nameless().dns("localhost"))?;
    let tls = ServerTls::new(server, authority.certificate()).optional_client_certificate();
    let rule = json!({"from": [{"source": {"principals": ["*"]}}]});
    let resources = [authorization("p", json!({"rules": [rule]}))];
    let configuration = json!({
        "version": 1, "workload": {"namespace": "foo"}, "resources": resources,
    });
    let ours = vec![WasmFilter::new(&wasm()?, configuration).to_json()];
    let listeners = vec![
        listener("ours", tls.clone(), ours),
        listener("native", tls, native::http_filters(&resources)),
    ];
    let clusters = vec![Cluster::new("application", application.address())];
    let bootstrap = Bootstrap::new(listeners, clusters).to_json();
    let envoy = Launch::new(binary::find()?, &bootstrap).start()?;
    for (what, leaf, expected) in rows() {
        let identity = leaf.map(|leaf| authority.issue(&leaf)).transpose()?;
        for name in ["ours", "native"] {
            let tls = ClientTls::new(&authority.certificate(), identity.as_ref(), None)?;
            let client = Client::tls(envoy.listener(name)?, tls);
            let status = client.send(&Request::get("/"))?.status;
            assert_eq!(status, expected, "{what}, {name}");
        }
    }
    for name in ["ours", "native"] {
        let client = Client::plain(envoy.listener(name)?);
        assert_eq!(
            client.send(&Request::get("/"))?.status,
            403,
            "plaintext, {name}"
        );
    }
    Ok(())
}
