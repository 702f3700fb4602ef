//! Deciding allocates nothing: neither with few rules nor with many.

#![allow(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use palisade_filter::attributes::Snapshot;
use palisade_filter::authn::Identity;
use palisade_filter::config::{Mesh, Node, Workload};
use palisade_filter::decision::Verdict;
use palisade_filter::json::{self, Value};
use palisade_filter::policy::PolicySet;
use palisade_filter::resource::AuthorizationPolicy;
use palisade_filter::{Headers, Protocol};

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

/// `rules` rules of which the last one matches the request, and a DENY rule that does not.
fn policies(rules: usize) -> PolicySet {
    let rule = |index: usize| {
        format!(
            r#"{{"from":[{{"source":{{"principals":["td/ns/a/sa/{index}"],"ipBlocks":["10.0.0.0/8"]}}}}],
                "to":[{{"operation":{{"methods":["GET"],"paths":["/{index}/*"],"hosts":["A.com"]}}}}],
                "when":[{{"key":"request.auth.claims[group]","values":["g{index}"]}}]}}"#
        )
    };
    let all: Vec<String> = (0..rules).map(rule).collect();
    let policy = |name: &str, action: &str, rules: &str| {
        let text = format!(
            r#"{{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy",
                "metadata":{{"name":"{name}","namespace":"foo"}},
                "spec":{{"action":"{action}","rules":[{rules}]}}}}"#
        );
        let value = json::parse(text.as_bytes(), 32).unwrap();
        AuthorizationPolicy::read(&Node::root(&value)).unwrap()
    };
    let deny = r#"{"to":[{"operation":{"paths":["/admin*"]}}]}"#;
    let mut policies = vec![policy("d", "DENY", deny)];
    // A policy has at most 512 rules.
    for (index, some) in all.chunks(500).enumerate() {
        policies.push(policy(&format!("a{index}"), "ALLOW", &some.join(",")));
    }
    let workload = Workload {
        namespace: "foo".to_owned(),
        ..Workload::default()
    };
    PolicySet::compile(&policies, &workload, &Mesh::default(), Protocol::Http)
}

#[test]
fn deciding_allocates_nothing() {
    for rules in [1, 100, 2000] {
        let set = policies(rules);
        let last = rules - 1;
        let headers = [
            (":method", "GET".to_owned()),
            (":path", format!("/{last}/x?y=z")),
            (":authority", "a.COM".to_owned()),
        ];
        let attributes = Snapshot {
            headers: headers.into_iter().collect::<Headers>(),
            peer: Some(format!("spiffe://td/ns/a/sa/{last}")),
            source_ip: "10.1.2.3".parse().ok(),
            ..Snapshot::default()
        };
        let claims = format!(r#"{{"group":["x","g{last}"]}}"#);
        let Ok(Value::Object(claims)) = json::parse(claims.as_bytes(), 8) else {
            panic!("{claims}");
        };
        let identity = Identity {
            claims,
            ..Identity::default()
        };
        let before = ALLOCATIONS.get();
        let authorization = set.authorize(&attributes, Some(&identity));
        let allocations = ALLOCATIONS.get() - before;
        assert_eq!(authorization.verdict(), Verdict::Allow, "{rules} rules");
        assert_eq!(allocations, 0, "{rules} rules");
    }
}
