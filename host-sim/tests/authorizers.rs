//! External authorizers that are slow, silent, broken or talk nonsense.

mod support;

use std::time::Duration;

use host_sim::vm::{Host, HttpRequest, Options, Outcome, Plugin, Upstream};
use serde_json::{Value, json};

const NAME: &str = "authz";
const TIMEOUT: Duration = Duration::from_secs(2);

fn host(provider: Value, authorizer: Upstream) -> Host {
    let plugin = Plugin::from_file(support::wasm()).expect("build the filter with `make wasm`");
    let mut host = Host::new(&plugin, Options::default()).unwrap();
    host.upstreams().set(NAME, authorizer);
    host.configure(&configuration(provider)).unwrap();
    host
}

fn configuration(provider: Value) -> Vec<u8> {
    json!({
        "version": 1,
        "workload": {"namespace": "foo"},
        "mesh": {"extensionProviders": [provider]},
        "extAuthzClusters": {NAME: NAME},
        "resources": [{
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": {"name": "ask", "namespace": "foo"},
            "spec": {"action": "CUSTOM", "provider": {"name": NAME}, "rules": [{}]},
        }],
    })
    .to_string()
    .into_bytes()
}

fn http(fail_open: bool) -> Value {
    let settings = json!({
        "service": "authz.example", "port": 80, "timeout": "2s",
        "failOpen": fail_open, "statusOnError": "503",
    });
    json!({"name": NAME, "envoyExtAuthzHttp": settings})
}

fn grpc() -> Value {
    let settings = json!({"service": "authz.example", "port": 80, "timeout": "2s"});
    json!({"name": NAME, "envoyExtAuthzGrpc": settings})
}

fn request() -> HttpRequest {
    HttpRequest::new("GET", "/", "app.foo")
}

/// 200 when the request went on.
fn status(host: &mut Host) -> u16 {
    match host.http(0, request()).unwrap().outcome {
        Outcome::Forwarded { .. } => 200,
        Outcome::Replied(reply) => reply.status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_does_not_answer_in_time_cannot_say() {
    let late = Upstream::reply(200, b"").after(TIMEOUT * 2);
    let huge = Upstream::reply(200, &vec![b'x'; (1 << 20) + 1]);
    let rows = [
        ("late", late),
        ("silent", Upstream::Silent),
        ("broken", Upstream::Reset),
        ("unreachable", Upstream::Unreachable),
        ("an answer without end", huge),
        ("no status", Upstream::reply(0, b"")),
    ];
    for (name, authorizer) in rows {
        let closed = status(&mut host(http(false), authorizer.clone()));
        let open = status(&mut host(http(true), authorizer));
        assert_eq!((closed, open), (503, 200), "{name}");
    }
}

#[test]
fn a_request_waits_for_the_answer_and_not_longer() {
    let authorizer = Upstream::reply(200, b"").after(TIMEOUT / 2);
    let mut host = host(http(false), authorizer);
    let begun = host.begin_http(0, request()).unwrap();
    host.advance(TIMEOUT / 4);
    assert!(host.is_waiting(&begun));
    host.advance(TIMEOUT / 2);
    assert!(!host.is_waiting(&begun));
    let exchange = host.finish_http(begun).unwrap();
    assert!(matches!(exchange.outcome, Outcome::Forwarded { .. }));
}

#[test]
fn a_new_configuration_does_not_disturb_a_question() {
    for (verdict, allowed) in [(200, true), (403, false)] {
        let authorizer = Upstream::reply(verdict, b"").after(TIMEOUT / 2);
        let mut host = host(http(false), authorizer);
        let begun = host.begin_http(0, request()).unwrap();
        host.configure(&configuration(grpc())).unwrap();
        let exchange = host.finish_http(begun).unwrap();
        let forwarded = matches!(exchange.outcome, Outcome::Forwarded { .. });
        assert_eq!(forwarded, allowed, "{:?}", exchange.outcome);
    }
}

#[test]
fn a_client_that_leaves_takes_its_question_along() {
    let mut host = host(http(false), Upstream::reply(200, b"").after(TIMEOUT * 40));
    let begun = host.begin_http(0, request()).unwrap();
    assert!(host.is_waiting(&begun));
    host.abandon(begun);
    host.upstreams().set(NAME, Upstream::reply(200, b""));
    assert_eq!(status(&mut host), 200);
}

#[test]
fn only_a_whole_grpc_answer_allows() {
    // A CheckResponse that allows: status {code: 0}, and an empty ok_response.
    let frame = |flag: u8, len: u8, message: &[u8]| {
        let mut frame = vec![flag, 0, 0, 0, len];
        frame.extend_from_slice(message);
        frame
    };
    let message = [0x0a, 0x00, 0x1a, 0x00];
    let reply = |body: &[u8]| Upstream::reply(200, body);
    let good = || reply(&frame(0, 4, &message));
    let rows = [
        ("well", good().trailer("grpc-status", "0"), 200),
        (
            "status in the headers",
            good().header("grpc-status", "0"),
            200,
        ),
        ("no grpc-status", good(), 403),
        ("unavailable", good().trailer("grpc-status", "14"), 403),
        (
            "compressed",
            reply(&frame(1, 4, &message)).trailer("grpc-status", "0"),
            403,
        ),
        (
            "too short",
            reply(&frame(0, 5, &message)).trailer("grpc-status", "0"),
            403,
        ),
        (
            "too long",
            reply(&frame(0, 3, &message)).trailer("grpc-status", "0"),
            403,
        ),
        ("no message", reply(b"").trailer("grpc-status", "0"), 403),
        (
            "half a frame",
            reply(&[0, 0]).trailer("grpc-status", "0"),
            403,
        ),
        (
            "nonsense",
            reply(&frame(0, 2, &[0xff, 0xff])).trailer("grpc-status", "0"),
            403,
        ),
        (
            "not 200",
            Upstream::reply(404, &frame(0, 4, &message)).trailer("grpc-status", "0"),
            403,
        ),
    ];
    for (name, authorizer, expected) in rows {
        assert_eq!(status(&mut host(grpc(), authorizer)), expected, "{name}");
    }
}
