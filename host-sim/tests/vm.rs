//! The filter's `.wasm` in the simulated Envoy: keys that come late, workers, traps, bad tokens.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use host_sim::suite::mint;
use host_sim::vm::{
    Call, Exchange, Host, HttpRequest, LogLevel, Options, Outcome, Plugin, Upstream,
};
use serde_json::{Value, json};

const URI: &str = "https://issuer.example/jwks";
const NOW: u64 = 1_780_272_000;

fn corpus(name: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/keys/");
    std::fs::read(format!("{root}{name}")).unwrap()
}

fn plugin() -> Plugin {
    Plugin::from_file(support::wasm()).expect("build the filter with `make wasm`")
}

fn configuration() -> Vec<u8> {
    let object = |kind: &str, spec: Value| {
        json!({"apiVersion": "security.istio.io/v1", "kind": kind,
            "metadata": {"name": "a", "namespace": "foo"}, "spec": spec})
    };
    let rule = json!({"issuer": "https://issuer.example", "jwksUri": URI});
    let with_token = json!({"from": [{"source": {"requestPrincipals": ["*"]}}]});
    let open = json!({"to": [{"operation": {"paths": ["/open"]}}]});
    json!({
        "version": 1,
        "workload": {"namespace": "foo"},
        "jwksClusters": {"https://issuer.example": "issuer"},
        "resources": [
            object("RequestAuthentication", json!({"jwtRules": [rule]})),
            object("AuthorizationPolicy", json!({"rules": [with_token, open]})),
        ],
    })
    .to_string()
    .into_bytes()
}

fn host(workers: usize, issuer: Upstream) -> Host {
    let options = Options {
        workers,
        now: Duration::from_secs(NOW),
        log_level: LogLevel::Debug,
        ..Options::default()
    };
    let mut host = Host::new(&plugin(), options).unwrap();
    host.upstreams().set("issuer", issuer);
    host.configure(&configuration()).unwrap();
    host
}

fn token(key: &str, kid: &str) -> String {
    let claims = json!({"iss": "https://issuer.example", "sub": "alice", "exp": NOW + 1_000_000});
    let header = json!({"kid": kid}).as_object().unwrap().clone();
    mint(&claims, &header, &corpus(key), "RS256").unwrap()
}

fn with(token: &str) -> HttpRequest {
    HttpRequest::new("GET", "/", "a.foo").header("authorization", format!("Bearer {token}"))
}

fn keys() -> Upstream {
    Upstream::reply(200, &corpus("jwks.json"))
}

/// Status, and the body where the filter answers itself.
fn answer(exchange: &Exchange) -> (u16, String) {
    match &exchange.outcome {
        Outcome::Forwarded { .. } => (200, String::new()),
        Outcome::Replied(reply) => (
            reply.status,
            String::from_utf8_lossy(&reply.body).into_owned(),
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_that_come_late_and_go() {
    let good = token("rsa.pem", "rsa");
    let mut host = host(1, Upstream::Unreachable);
    // Down at the start: a token cannot be checked, a request without one needs no keys.
    let (status, body) = answer(&host.http(0, with(&good)).unwrap());
    assert_eq!(
        (status, body.as_str()),
        (401, "Jwks remote fetch is failed")
    );
    let open = HttpRequest::new("GET", "/open", "a.foo");
    assert_eq!(answer(&host.http(0, open).unwrap()).0, 200);
    // Up: the filter looks again by itself.
    host.upstreams().set("issuer", keys());
    host.advance(Duration::from_secs(10));
    assert_eq!(answer(&host.http(0, with(&good)).unwrap()).0, 200);
    // Down again, for hours: the last good keys stay.
    host.upstreams().set("issuer", Upstream::Reset);
    host.advance(Duration::from_secs(3 * 3600));
    assert_eq!(answer(&host.http(0, with(&good)).unwrap()).0, 200);
    // Rotated: what nobody publishes any more is refused, once the new keys are there.
    host.upstreams()
        .set("issuer", Upstream::reply(200, rotated().as_bytes()));
    host.advance(Duration::from_secs(3 * 3600));
    assert_eq!(answer(&host.http(0, with(&good)).unwrap()).0, 401);
    let metrics = host.metrics();
    assert!(
        metrics
            .get("palisade.jwks.fetch_failure")
            .is_some_and(|count| count > 0)
    );
    assert!(
        metrics
            .get("palisade.jwks.fetch_success")
            .is_some_and(|count| count > 0)
    );
}

/// The key set without its RSA key.
fn rotated() -> String {
    let mut keys: Value = serde_json::from_slice(&corpus("jwks.json")).unwrap();
    keys["keys"]
        .as_array_mut()
        .unwrap()
        .retain(|key| key["kid"] != "rsa");
    keys.to_string()
}

#[test]
fn a_new_key_is_found_by_its_unknown_kid() {
    let good = token("rsa.pem", "rsa");
    let mut host = host(1, Upstream::reply(200, rotated().as_bytes()));
    host.advance(Duration::from_secs(60));
    host.upstreams().set("issuer", keys());
    assert_eq!(answer(&host.http(0, with(&good)).unwrap()).0, 200);
    // A flood of unknown key ids does not drive the issuer.
    let before = host.upstreams().calls().len();
    for number in 0..50 {
        let forged = token("forger.pem", &format!("unknown-{number}"));
        assert_eq!(answer(&host.http(0, with(&forged)).unwrap()).0, 401);
    }
    assert!(host.upstreams().calls().len() <= before + 1);
}

#[test]
fn waiting_requests_are_answered_when_the_keys_come() {
    let good = token("rsa.pem", "rsa");
    let mut host = host(1, keys().after(Duration::from_secs(2)));
    let waiting: Vec<_> = (0..3)
        .map(|_| host.begin_http(0, with(&good)).unwrap())
        .collect();
    let forged = host
        .begin_http(0, with(&token("forger.pem", "rsa")))
        .unwrap();
    assert!(waiting.iter().all(|begun| host.is_waiting(begun)));
    for begun in waiting {
        assert_eq!(answer(&host.finish_http(begun).unwrap()).0, 200);
    }
    assert_eq!(answer(&host.finish_http(forged).unwrap()).0, 401);
}

#[test]
fn a_request_that_waits_is_answered_when_its_configuration_goes() {
    let mut host = host(1, Upstream::Silent);
    let begun = host.begin_http(0, with(&token("rsa.pem", "rsa"))).unwrap();
    host.configure(&configuration()).unwrap();
    assert!(!host.is_waiting(&begun));
    assert_eq!(answer(&host.finish_http(begun).unwrap()).0, 503);
}

#[test]
fn a_silent_issuer_is_given_up() {
    let mut host = host(1, Upstream::Silent);
    let begun = host.begin_http(0, with(&token("rsa.pem", "rsa"))).unwrap();
    let start = host.now();
    let (status, body) = answer(&host.finish_http(begun).unwrap());
    assert_eq!(
        (status, body.as_str()),
        (401, "Jwks remote fetch is failed")
    );
    assert!(
        host.now() - start < Duration::from_secs(10),
        "{:?}",
        host.now() - start
    );
}

#[test]
fn workers_share_one_fetch() {
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    let script = move |_: &Call| {
        count.set(count.get() + 1);
        keys()
    };
    let mut host = host(4, Upstream::Script(Rc::new(script)));
    host.advance(Duration::from_secs(5));
    let good = token("rsa.pem", "rsa");
    for worker in 0..4 {
        assert_eq!(
            answer(&host.http(worker, with(&good)).unwrap()).0,
            200,
            "{worker}"
        );
    }
    assert_eq!(asked.get(), 1);
}

#[test]
fn a_bad_configuration_leaves_the_good_one() {
    let mut host = host(1, keys());
    let good = token("rsa.pem", "rsa");
    assert_eq!(answer(&host.http(0, with(&good)).unwrap()).0, 200);
    let misspelt = String::from_utf8(configuration())
        .unwrap()
        .replace("jwtRules", "jwtRule");
    let error = host.configure(misspelt.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("resources[0].spec.jwtRule"), "{error}");
    assert!(error.contains("did you mean `jwtRules`?"), "{error}");
    assert_eq!(answer(&host.http(0, with(&good)).unwrap()).0, 200);
    assert_eq!(answer(&host.http(0, with("x")).unwrap()).0, 401);
}

#[test]
fn no_shape_of_token_traps() {
    let good = token("rsa.pem", "rsa");
    let mut host = host(1, keys());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let shapes = [
        ".".to_owned(),
        "..".to_owned(),
        ".....".to_owned(),
        "é.ü.ß".to_owned(),
        "\u{0}".to_owned(),
        deep,
        "a".repeat(1 << 20),
        format!("{good}."),
        good.replace('.', ".."),
        good.chars().rev().collect(),
    ];
    for cut in (1..good.len()).step_by(17) {
        let cut = good.get(..cut).unwrap();
        assert_eq!(answer(&host.http(0, with(cut)).unwrap()).0, 401, "{cut}");
    }
    for shape in shapes {
        let (status, _) = answer(&host.http(0, with(&shape)).unwrap());
        assert_eq!(
            status,
            401,
            "{}",
            shape.chars().take(40).collect::<String>()
        );
    }
    assert_eq!(answer(&host.http(0, with(&good)).unwrap()).0, 200);
}

#[test]
fn signatures_are_verified_without_the_host_too() {
    let options = Options {
        now: Duration::from_secs(NOW),
        without_foreign_functions: vec!["verify_signature".to_owned()],
        ..Options::default()
    };
    let mut host = Host::new(&plugin(), options).unwrap();
    host.upstreams().set("issuer", keys());
    host.configure(&configuration()).unwrap();
    let claims = json!({"iss": "https://issuer.example", "sub": "alice"});
    for (alg, key) in [
        ("RS256", "rsa"),
        ("PS384", "rsa"),
        ("ES256", "p256"),
        ("ES384", "p384"),
        ("ES512", "p521"),
        ("EdDSA", "ed25519"),
    ] {
        let header = json!({"kid": key}).as_object().unwrap().clone();
        let good = mint(&claims, &header, &corpus(&format!("{key}.pem")), alg).unwrap();
        assert_eq!(answer(&host.http(0, with(&good)).unwrap()).0, 200, "{alg}");
        // The last but one character: the last one has bits that must be zero.
        let at = good.len() - 2;
        let other = if good.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        let bad = format!("{}{other}{}", &good[..at], &good[at + 1..]);
        assert_eq!(answer(&host.http(0, with(&bad)).unwrap()).0, 401, "{alg}");
    }
}

#[test]
fn the_decision_is_in_filter_state_log_and_counters() {
    let mut host = host(1, keys());
    let exchange = host.http(0, HttpRequest::new("GET", "/", "a.foo")).unwrap();
    let evidence: Value = serde_json::from_slice(&exchange.filter_state["palisade"]).unwrap();
    assert_eq!(evidence["verdict"], "deny");
    assert_eq!(
        evidence["details"],
        "rbac_access_denied_matched_policy[none]"
    );
    assert_eq!(evidence["nearest"]["policy"], "foo/a");
    let logged = exchange
        .logs
        .iter()
        .find_map(|line| line.message.strip_prefix("decision "));
    let logged: Value = serde_json::from_str(logged.unwrap()).unwrap();
    assert_eq!(logged, evidence);
    host.advance(Duration::from_secs(1));
    assert_eq!(host.metrics().get("palisade.denied.authz"), Some(1));
    assert_eq!(host.metrics().get("palisade.allowed"), Some(0));
}

#[test]
fn the_token_cache_is_counted() {
    let mut host = host(1, keys());
    let token = token("rsa.pem", "rsa");
    for _ in 0..3 {
        assert_eq!(answer(&host.http(0, with(&token)).unwrap()).0, 200);
    }
    host.advance(Duration::from_secs(2));
    let metric = |host: &mut Host, name: &str| host.metrics().get(name).unwrap();
    assert_eq!(metric(&mut host, "palisade.token_cache.hits"), 2);
    assert_eq!(metric(&mut host, "palisade.token_cache.entries"), 1);
    let bytes = u64::try_from(token.len()).unwrap();
    assert_eq!(metric(&mut host, "palisade.token_cache.bytes"), bytes);
}

/// What the linker makes still has the SDK's callbacks, which let every request pass: nobody must be
/// able to run it by mistake.
#[test]
fn a_module_that_is_not_trimmed_does_not_start() {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| target.to_owned());
    let linked = format!("{target}/wasm32-wasip1/release/palisade-filter.wasm");
    let plugin = Plugin::from_file(linked).expect("build the filter with `make wasm`");
    let error = Host::new(&plugin, Options::default()).err().unwrap();
    assert!(error.to_string().contains("_initialize"), "{error}");
}
