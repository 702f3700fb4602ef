//! Which workloads a policy is for, and whose order counts.

use std::collections::BTreeMap;

use palisade_filter::Protocol;
use palisade_filter::config::{Mesh, Node, Workload};
use palisade_filter::policy::PolicySet;
use palisade_filter::resource::{AuthorizationPolicy, ResourceName};

use super::support::{parse, request};

const GATEWAY: (&str, &str) = ("gateway.networking.k8s.io/gateway-name", "gw");

fn policy(namespace: &str, spec: &str) -> AuthorizationPolicy {
    let text = format!(
        r#"{{"apiVersion":"security.istio.io/v1beta1","kind":"AuthorizationPolicy",
            "metadata":{{"name":"p","namespace":"{namespace}"}},"spec":{spec}}}"#
    );
    AuthorizationPolicy::read(&Node::root(&parse(&text))).unwrap()
}

fn workload(labels: &[(&str, &str)], waypoint: bool) -> Workload {
    Workload {
        namespace: "foo".to_owned(),
        labels: labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        waypoint,
        services: vec![ResourceName {
            namespace: "bar".to_owned(),
            name: "svc".to_owned(),
        }],
        ..Workload::default()
    }
}

#[test]
fn policies_find_their_workloads() {
    let plain = workload(&[("app", "a"), ("version", "v1")], false);
    let gateway = workload(&[GATEWAY, ("app", "a")], false);
    let waypoint = workload(&[GATEWAY, ("app", "a")], true);
    let everything = "{}";
    let app = r#"{"selector":{"matchLabels":{"app":"a"}}}"#;
    let other = r#"{"selector":{"matchLabels":{"app":"a","version":"v2"}}}"#;
    let to_gateway =
        r#"{"targetRef":{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"gw"}}"#;
    let to_others = r#"{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"x"},
                        {"kind":"Service","name":"svc"}]}"#;
    let to_class = r#"{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"GatewayClass",
                       "name":"istio-waypoint"}]}"#;
    // namespace, spec, plain, gateway, waypoint
    let rows = [
        ("foo", everything, true, true, false),
        ("istio-system", everything, true, true, false),
        ("bar", everything, false, false, false),
        ("foo", app, true, true, false),
        ("istio-system", app, true, true, false),
        ("foo", other, false, false, false),
        ("foo", to_gateway, false, true, true),
        ("bar", to_gateway, false, false, false),
        ("foo", to_others, false, false, false),
        ("bar", to_others, false, false, true),
        ("istio-system", to_class, false, false, true),
        ("foo", to_class, false, false, false),
    ];
    let mesh = Mesh::default();
    for (namespace, spec, on_plain, on_gateway, on_waypoint) in rows {
        let policy = policy(namespace, spec);
        let rows = [
            (&plain, on_plain),
            (&gateway, on_gateway),
            (&waypoint, on_waypoint),
        ];
        for (workload, applies) in rows {
            let found = policy.applies_to(workload, &mesh);
            assert_eq!(found, applies, "{namespace} {spec} on {workload:?}");
        }
    }
    let mesh = Mesh {
        selector_based_gateway_policy: false,
        ..mesh
    };
    assert!(!policy("foo", everything).applies_to(&gateway, &mesh));
    assert!(policy("foo", everything).applies_to(&plain, &mesh));
}

#[test]
fn only_selected_policies_are_compiled() {
    let deny = r#"{"action":"DENY","rules":[{}]}"#;
    let rows = [("foo", true), ("istio-system", true), ("bar", false)];
    for (namespace, denied) in rows {
        let set = PolicySet::compile(
            &[policy(namespace, deny)],
            &workload(&[], false),
            &Mesh::default(),
            Protocol::Http,
        );
        let found = request("GET /").decide(&set).rule().is_some();
        assert_eq!(found, denied, "{namespace}");
    }
}

#[test]
fn the_root_namespace_comes_first() {
    let spec = r#"{"rules":[{"to":[{"operation":{"ports":["1"]}}]}]}"#;
    let set = PolicySet::compile(
        &[policy("foo", spec), policy("istio-system", spec)],
        &workload(&[], false),
        &Mesh::default(),
        Protocol::Http,
    );
    let near = set.nearest(&request("GET /").attributes, None).unwrap();
    assert_eq!(&*near.policy, "istio-system/p");
}

#[test]
fn a_bare_service_account_is_of_the_policys_namespace() {
    let spec = r#"{"rules":[{"from":[{"source":{"serviceAccounts":["a"]}}]}]}"#;
    let rows = [("foo", "foo", true), ("istio-system", "foo", false)];
    for (namespace, of_peer, allowed) in rows {
        let set = PolicySet::compile(
            &[policy(namespace, spec)],
            &workload(&[], false),
            &Mesh::default(),
            Protocol::Http,
        );
        let request = request(&format!("GET / peer=spiffe://td/ns/{of_peer}/sa/a"));
        let found = request.decide(&set).rule().is_some();
        assert_eq!(found, allowed, "{namespace} {of_peer}");
    }
}

#[test]
fn trust_domain_aliases_count() {
    let mesh = Mesh {
        trust_domain: "td1".to_owned(),
        trust_domain_aliases: vec!["td2".to_owned(), "cluster.local".to_owned()],
        ..Mesh::default()
    };
    // field, value, peer, matches
    let rows = [
        ("principals", "td1/ns/a/sa/b", "td2/ns/a/sa/b", true),
        (
            "principals",
            "cluster.local/ns/a/sa/b",
            "td1/ns/a/sa/b",
            true,
        ),
        ("principals", "td9/ns/a/sa/b", "td1/ns/a/sa/b", false),
        ("principals", "td1/ns/a/*", "td2/ns/a/sa/b", false),
        ("trustDomains", "td1", "td2/ns/a/sa/b", true),
        ("trustDomains", "td9", "td1/ns/a/sa/b", false),
        ("namespaces", "a", "td9/ns/a/sa/b", true),
    ];
    for (field, value, peer, matches) in rows {
        for negated in [false, true] {
            let rule = super::support::rule_of(field, &[value], negated);
            let set = PolicySet::compile(
                &[policy("foo", &format!(r#"{{"rules":[{rule}]}}"#))],
                &workload(&[], false),
                &mesh,
                Protocol::Http,
            );
            let request = request(&format!("GET / peer=spiffe://{peer}"));
            let found = request.decide(&set).rule().is_some();
            assert_eq!(found, matches != negated, "{rule} on {peer}");
        }
    }
}

#[test]
fn the_configuration_says_what_the_proxy_is() {
    let read =
        |text: &str| Workload::read(&Node::root(&parse(text))).map_err(|error| error.to_string());
    let found = read(r#"{"namespace":"foo","waypoint":true,"services":["bar/svc"]}"#);
    assert_eq!(found, Ok(workload(&[], true)));
    assert!(!read(r#"{"namespace":"foo"}"#).unwrap().waypoint);
    assert_eq!(
        read(r#"{"namespace":"foo","services":["svc"]}"#).unwrap_err(),
        "services[0]: is not the name of a service; write `namespace/name`"
    );
    let mesh = parse(r#"{"selectorBasedGatewayPolicy":false}"#);
    let mesh = Mesh::read(&Node::root(&mesh)).unwrap();
    assert!(!mesh.selector_based_gateway_policy);
    assert!(Mesh::default().selector_based_gateway_policy);
}
