//! The harness itself against real Envoy, without the filter: what the other tests take for granted.

use std::{net::SocketAddr, time::Duration};

use host_sim::connection_manager::PathNormalization;
use host_sim::envoy::{
    EnvoyError, Launch, binary,
    bootstrap::{Bootstrap, Listener, PeerTls},
    certs::{Authority, Leaf},
    client::{Client, ClientError, ClientTls, ProxyHeader, Request},
};
use palisade_tests::{
    Error,
    mesh::{Mesh, UPSTREAM},
};

type Test = Result<(), Error>;

const SLEEP: &str = "spiffe://cluster.local/ns/default/sa/sleep";

/// Every way to connect to a strict, a permissive and a plaintext listener.
#[test]
fn connections_are_taken_as_the_peer_mode_says() -> Test {
    let mesh = Mesh::new()?;
    let ours = mesh.server_tls().san_prefix("spiffe://cluster.local/");
    let optional = mesh.server_tls().optional_client_certificate();
    let listeners = vec![
        Listener::new("plain", UPSTREAM),
        Listener::new("permissive", UPSTREAM).tls(PeerTls::Permissive(ours.clone())),
        Listener::new("strict", UPSTREAM).tls(PeerTls::Strict(ours)),
        Listener::new("optional", UPSTREAM).tls(PeerTls::Strict(optional)),
    ];
    let envoy = mesh.envoy(listeners, [])?;

    let issue = |leaf: Leaf| mesh.authority.issue(&leaf);
    let stranger = Authority::new("stranger")?.issue(&Leaf::spiffe(SLEEP))?;
    let clients = [
        ("plaintext", None),
        ("nobody", Some(None)),
        ("sleep", Some(Some(issue(Leaf::spiffe(SLEEP))?))),
        (
            "two names",
            Some(Some(issue(
                Leaf::spiffe(SLEEP).uri("https://other.example"),
            )?)),
        ),
        (
            "other domain",
            Some(Some(issue(Leaf::spiffe("spiffe://other/ns/a/sa/b"))?)),
        ),
        ("nameless", Some(Some(issue(Leaf::nameless())?))),
        ("expired", Some(Some(issue(Leaf::spiffe(SLEEP).expired())?))),
        ("stranger", Some(Some(stranger))),
    ];
    let rows = [
        ("plain", vec!["plaintext"]),
        ("permissive", vec!["plaintext", "sleep", "two names"]),
        ("strict", vec!["sleep", "two names"]),
        (
            "optional",
            vec!["nobody", "sleep", "two names", "other domain", "nameless"],
        ),
    ];
    for (listener, welcome) in rows {
        let address = envoy.listener(listener)?;
        for (name, identity) in &clients {
            let client = match identity {
                None => Client::plain(address),
                Some(identity) => mesh.client_with(address, identity.as_ref())?,
            };
            let answer = client.send(&Request::get("/"));
            let status = answer.as_ref().ok().map(|response| response.status);
            let expected = welcome.contains(name).then_some(200);
            assert_eq!(status, expected, "{name} at {listener}: {answer:?}");
        }
    }
    Ok(())
}

/// What is sent arrives as it was sent, and paths as the normalization says.
#[test]
fn requests_arrive_as_they_were_sent() -> Test {
    let mesh = Mesh::new()?;
    let normalizations = [
        (PathNormalization::None, "/a//b/../c%2Fd"),
        (PathNormalization::Base, "/a//c%2Fd"),
        (PathNormalization::MergeSlashes, "/a/c%2Fd"),
        (PathNormalization::DecodeAndMergeSlashes, "/a/c/d"),
    ];
    let listeners = normalizations.map(|(normalization, expected)| {
        let mut listener = Listener::new(expected, UPSTREAM);
        listener.http.path_normalization = normalization;
        listener
    });
    let envoy = mesh.envoy(listeners.to_vec(), [])?;
    for (normalization, expected) in normalizations {
        let request = Request::get("/a//b/../c%2Fd?q=%20")
            .header("x-a", "one")
            .header("x-a", "two")
            .header("x-bytes", b"\xc3\xa9");
        let response = Client::plain(envoy.listener(expected)?).send(&request)?;
        let seen = response.json()?;
        assert_eq!(
            seen["path"],
            format!("{expected}?q=%20"),
            "{normalization:?}"
        );
        let values: Vec<_> = seen["headers"].as_array().into_iter().flatten().collect();
        for (name, value) in [("x-a", "one"), ("x-a", "two"), ("x-bytes", "é")] {
            assert!(
                values.iter().any(|h| h[0] == name && h[1] == value),
                "{name}: {seen}"
            );
        }
    }
    Ok(())
}

/// A PROXY header says both addresses of a connection, and any name can be asked for.
#[test]
fn addresses_and_server_names_are_chosen_by_the_client() -> Test {
    let mesh = Mesh::new()?;
    let listener = Listener::new("inbound", UPSTREAM)
        .proxy_protocol()
        .tls(PeerTls::Strict(mesh.server_tls()));
    let mut bootstrap = Bootstrap::new(vec![listener], Vec::new()).to_json();
    // A fixed answer shows what Envoy makes of the connection.
    let shown = "%FILTER_STATE(palisade.direct_remote:PLAIN)% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% \
                 %DOWNSTREAM_LOCAL_ADDRESS% %REQUESTED_SERVER_NAME% %DOWNSTREAM_PEER_URI_SAN%";
    let manager = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
        [1]["typed_config"];
    manager["route_config"]["virtual_hosts"][0]["routes"][0] = serde_json::json!({
        "match": {"prefix": "/"},
        "direct_response": {"status": 200},
        "response_headers_to_add": [{"header": {"key": "x-seen", "value": shown}}],
    });
    let envoy = Launch::new(binary::find()?, &bootstrap).start()?;

    let source: SocketAddr = "10.0.0.1:1234".parse()?;
    let destination: SocketAddr = "10.0.0.2:8080".parse()?;
    let identity = mesh.authority.issue(&Leaf::spiffe(SLEEP))?;
    let name = "outbound_.80_._.httpbin.foo.svc.cluster.local";
    let tls = ClientTls::new(&mesh.authority.certificate(), Some(&identity), Some(name))?;
    let client = Client::tls(envoy.listener("inbound")?, tls).proxy(ProxyHeader {
        source,
        destination,
    });
    let request = Request::get("/").header("x-forwarded-for", "5.6.7.8, 9.9.9.9");
    let response = client.send(&request)?;
    let expected = format!("{} 9.9.9.9 {destination} {name} {SLEEP}", source.ip());
    assert_eq!(response.header("x-seen"), Some(expected.as_str()));
    Ok(())
}

/// An Envoy that refuses its configuration is reported with its reason, and leaves nothing behind.
#[test]
fn a_refused_configuration_is_reported_with_the_reason() -> Test {
    let listener = Listener::new("inbound", "no-such-cluster");
    let bootstrap = Bootstrap::new(vec![listener], Vec::new()).to_json();
    let error = Launch::new(binary::find()?, &bootstrap).start().map(drop);
    match error {
        Err(EnvoyError::ExitedEarly { log, .. }) => {
            assert!(log.contains("no-such-cluster"), "{log}")
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// A stopped Envoy listens no more.
#[test]
fn a_stopped_envoy_is_gone() -> Test {
    let mesh = Mesh::new()?;
    let envoy = mesh.envoy(vec![Listener::new("inbound", UPSTREAM)], [])?;
    let client = Client::plain(envoy.listener("inbound")?).timeout(Duration::from_secs(5));
    assert_eq!(client.send(&Request::get("/"))?.status, 200);
    assert_eq!(envoy.admin().stat("http.inbound.downstream_rq_2xx")?, 1);
    envoy.stop();
    assert!(matches!(
        client.send(&Request::get("/")),
        Err(ClientError::Connect(_))
    ));
    Ok(())
}
