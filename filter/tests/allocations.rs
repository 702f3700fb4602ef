//! Deciding allocates nothing: neither with few rules nor with many.

#![allow(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use palisade_filter::attributes::Snapshot;
use palisade_filter::authn::KeyStore;
use palisade_filter::crypto::Crypto;
use palisade_filter::decision::{Decision, Outcome, Verdict};
use palisade_filter::engine::{Detail, Judgement};
use palisade_filter::{Config, Engine};
use serde_json::{Value, json};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SECRET: &[u8] = b"a secret that is long enough for HS256";

/// What a token leaves in the request's headers.
#[derive(Clone, Copy, Debug)]
enum Written {
    Nothing,
    Claims,
}

/// `rules` rules of which the last one matches the request, a DENY rule that does not, and a rule
/// for its token.
fn engine(rules: usize, written: Written) -> Engine {
    let rule = |index: usize| {
        json!({
            "from": [{"source": {"principals": [format!("td/ns/a/sa/{index}")], "ipBlocks": ["10.0.0.0/8"]}}],
            "to": [{"operation": {"methods": ["GET"], "paths": [format!("/{index}/*")], "hosts": ["A.com"]}}],
            "when": [{"key": "request.auth.claims[group]", "values": [format!("g{index}")]}],
        })
    };
    let all: Vec<Value> = (0..rules).map(rule).collect();
    let resource = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "security.istio.io/v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": "foo"},
            "spec": spec,
        })
    };
    let policy = |name: &str, action: &str, rules: &[Value]| {
        let spec = json!({"action": action, "rules": rules});
        resource("AuthorizationPolicy", name, spec)
    };
    let deny = json!({"to": [{"operation": {"paths": ["/admin*"]}}]});
    let mut resources = vec![policy("d", "DENY", &[deny])];
    // A policy has at most 512 rules.
    for (index, some) in all.chunks(500).enumerate() {
        resources.push(policy(&format!("a{index}"), "ALLOW", some));
    }
    let keys = json!({"keys": [{"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET)}]});
    let mut rule = json!({"issuer": "iss", "jwks": keys.to_string()});
    if let Written::Claims = written {
        rule["outputPayloadToHeader"] = json!("x-payload");
        rule["outputClaimToHeaders"] = json!([{"header": "x-sub", "claim": "sub"}]);
    }
    let spec = json!({"jwtRules": [rule]});
    resources.push(resource("RequestAuthentication", "ra", spec));
    let config = json!({"version": 1, "workload": {"namespace": "foo"}, "resources": resources});
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    Engine::compile(&config, Crypto::software()).unwrap()
}

/// A request that the last of `rules` rules allows.
fn request(rules: usize) -> Snapshot {
    let last = rules - 1;
    let claims = json!({"iss": "iss", "sub": "s", "group": ["x", format!("g{last}")]});
    let key = EncodingKey::from_secret(SECRET);
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
    let headers = [
        (":method", "GET".to_owned()),
        (":path", format!("/{last}/x?y=z")),
        (":authority", "a.COM".to_owned()),
        ("authorization", format!("Bearer {token}")),
        ("x-sub", "mallory".to_owned()),
    ];
    Snapshot {
        headers: headers.into_iter().collect(),
        peer: Some(format!("spiffe://td/ns/a/sa/{last}").into()),
        source_ip: "10.1.2.3".parse().ok(),
        ..Snapshot::default()
    }
}

fn judge(engine: &Engine, request: &Snapshot, keys: &KeyStore) -> Decision {
    match engine.judge(request, keys, Detail::Brief) {
        Judgement::Decided(decision) => decision,
        Judgement::Waiting(key_set) => panic!("{key_set:?}"),
    }
}

/// The way from the request to the decision with its evidence, for a token that was seen before.
#[test]
fn deciding_allocates_nothing() {
    for (rules, written) in [
        (1, Written::Nothing),
        (100, Written::Nothing),
        (2000, Written::Nothing),
        (100, Written::Claims),
    ] {
        let (engine, request) = (engine(rules, written), request(rules));
        let keys = KeyStore::new(engine.key_sources());
        judge(&engine, &request, &keys);
        let before = ALLOCATIONS.get();
        let decision = judge(&engine, &request, &keys);
        let allocations = ALLOCATIONS.get() - before;
        assert_eq!(allocations, 0, "{rules} rules, {written:?} written");

        let evidence = &decision.evidence;
        assert_eq!(evidence.verdict, Verdict::Allow, "{evidence:?}");
        assert_eq!(evidence.rule, Some((rules - 1) % 500), "{evidence:?}");
        assert_eq!(evidence.request_principal.as_deref(), Some("iss/s"));
        assert!(evidence.principal.is_some(), "{evidence:?}");
        let Outcome::Allow(changes) = &decision.outcome else {
            panic!("{:?}", decision.outcome);
        };
        assert!(changes.remove.iter().any(|name| &**name == "authorization"));
        let set = match written {
            Written::Nothing => 0,
            Written::Claims => 2,
        };
        assert_eq!(changes.set.len(), set, "{changes:?}");
    }
}
