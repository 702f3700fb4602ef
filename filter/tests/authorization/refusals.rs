//! Policies that are refused: where, why, and what to do.

use super::support::read;

#[test]
fn refusals_name_place_and_fix() {
    // spec, error
    let rows = [
        (
            r#"{"selectors":{}}"#,
            "spec.selectors: unknown field `selectors`; did you mean `selector`?",
        ),
        (
            r#"{"rules":[{"fromm":[]}]}"#,
            "spec.rules[0].fromm: unknown field `fromm`; did you mean `from`?",
        ),
        (
            r#"{"rules":[{"from":[{"principals":["a"]}]}]}"#,
            "spec.rules[0].from[0].principals: unknown field `principals`; known fields here: source",
        ),
        (
            r#"{"rules":[{"from":[]}]}"#,
            "spec.rules[0].from: must not be empty; add an entry, or leave it out for no restriction",
        ),
        (
            r#"{"rules":[{"from":[{}]}]}"#,
            "spec.rules[0].from[0]: `source` is missing; add `source`",
        ),
        (
            r#"{"rules":[{"from":[{"source":{}}]}]}"#,
            "spec.rules[0].from[0].source: must not be empty; name at least one field with a value",
        ),
        (
            r#"{"rules":[{"to":[{"operation":{"paths":[]}}]}]}"#,
            "spec.rules[0].to[0].operation: must not be empty; name at least one field with a value",
        ),
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET",""]}}]}]}"#,
            "spec.rules[0].to[0].operation.methods[1]: must not be empty; remove it",
        ),
        (
            r#"{"rules":[{"to":[{"operation":{"ports":[80]}}]}]}"#,
            "spec.rules[0].to[0].operation.ports[0]: must be a string, not a number; put it in quotes",
        ),
        (
            r#"{"action":"DENY","rules":[{"to":[{"operation":{"ports":["http"]}}]}]}"#,
            "spec.rules[0].to[0].operation.ports[0]: `http` is not a port; \
             write a number from 0 to 65535; there are no ranges and no names",
        ),
        (
            r#"{"rules":[{"when":[{"key":"destination.port","notValues":["+80"]}]}]}"#,
            "spec.rules[0].when[0].notValues[0]: `+80` is not a port; \
             write a number from 0 to 65535; there are no ranges and no names",
        ),
        (
            r#"{"action":"DENY","rules":[{"from":[{"source":{"ipBlocks":["10.0.0.0/33"]}}]}]}"#,
            "spec.rules[0].from[0].source.ipBlocks[0]: `10.0.0.0/33` is not an address or CIDR \
             block; write `10.1.2.3`, `10.1.0.0/16`, `2001:db8::1` or `2001:db8::/32`",
        ),
        (
            r#"{"rules":[{"from":[{"source":{"serviceAccounts":["a"],"namespaces":["b"]}}]}]}"#,
            "spec.rules[0].from[0].source: `serviceAccounts` cannot stand beside `principals` or \
             `namespaces`; use one of them, or another entry of `from`",
        ),
        (
            r#"{"rules":[{"from":[{"source":{"trustDomains":["a/b"]}}]}]}"#,
            "spec.rules[0].from[0].source.trustDomains[0]: `a/b` has a slash, a trust domain has \
             none; write the trust domain alone, or use `principals`",
        ),
        (
            r#"{"rules":[{"when":[{"key":"source.ip"}]}]}"#,
            "spec.rules[0].when[0]: neither `values` nor `notValues` has a value; add one, or \
             remove the condition",
        ),
        (
            r#"{"rules":[{"when":[{"values":["a"]}]}]}"#,
            "spec.rules[0].when[0]: `key` is missing; add `key`",
        ),
        (
            r#"{"rules":[{"when":[{"key":"destination.labels[app]","values":["a"]}]}]}"#,
            "spec.rules[0].when[0].key: `destination.labels[app]` is not supported; use \
             `selector` to say which workloads the policy is for",
        ),
        (
            r#"{"rules":[{"when":[{"key":"destination.namespace","values":["a"]}]}]}"#,
            "spec.rules[0].when[0].key: `destination.namespace` is not supported; a policy is for \
             the namespace that it lives in: `metadata.namespace`",
        ),
        (
            r#"{"rules":[{"when":[{"key":"request.headers.x","values":["a"]}]}]}"#,
            "spec.rules[0].when[0].key: bad key `request.headers.x`; write `request.headers[name]`",
        ),
        (
            r#"{"action":"deny","rules":[{}]}"#,
            "spec.action: unknown action `deny`; use ALLOW, DENY, AUDIT or CUSTOM",
        ),
        (
            r#"{"action":"DENY"}"#,
            "spec: action DENY without `rules` never does anything; add `rules: [{}]` for every \
             request",
        ),
        (
            r#"{"action":"CUSTOM","rules":[{}]}"#,
            "spec: `provider` is missing; add `provider`",
        ),
        (
            r#"{"action":"CUSTOM","provider":{"name":"a"}}"#,
            "spec: action CUSTOM without `rules` never does anything; add `rules: [{}]` for every \
             request",
        ),
        (
            r#"{"action":"CUSTOM","provider":{"name":"a"},
                "rules":[{"from":[{"source":{"notPrincipals":["a"]}}]}]}"#,
            "spec.rules[0]: action CUSTOM does not support \
             `rules[0].from[0].source.notPrincipals`; the authorizer is asked before the caller \
             is known; match paths, methods, hosts, headers, ports or addresses",
        ),
        (
            r#"{"provider":{"name":"a"}}"#,
            "spec.provider: action ALLOW has no provider; remove `provider`, or use action CUSTOM",
        ),
        (
            r#"{"selector":{},"targetRefs":[]}"#,
            "spec: only one of `selector`, `targetRef` and `targetRefs` can be set; remove the others",
        ),
        (
            r#"{"targetRef":{"group":"gateway.networking.k8s.io","kind":"Gateway"}}"#,
            "spec.targetRef: a target reference must have a name; add `name`",
        ),
        (
            r#"{"targetRef":{"kind":"Service","name":"a","namespace":"bar"}}"#,
            "spec.targetRef: refers to namespace `bar`; a policy can only refer to objects of its \
             own namespace; leave it out",
        ),
    ];
    for (spec, error) in rows {
        assert_eq!(read("p", "", spec).unwrap_err(), error, "{spec}");
    }
}

#[test]
fn the_dry_run_annotation_must_be_readable() {
    // value, action, whether it is a dry run
    let rows = [
        ("true", "ALLOW", Some(true)),
        ("T", "DENY", Some(true)),
        ("1", "DENY", Some(true)),
        ("False", "DENY", Some(false)),
        ("maybe", "ALLOW", None),
        ("tRuE", "ALLOW", None),
        ("", "ALLOW", None),
        ("true", "AUDIT", None),
        ("false", "AUDIT", None),
    ];
    for (value, action, dry_run) in rows {
        let metadata = format!(r#","annotations":{{"istio.io/dry-run":"{value}"}}"#);
        let spec = format!(r#"{{"action":"{action}","rules":[{{}}]}}"#);
        let found = read("p", &metadata, &spec).map(|policy| policy.dry_run);
        assert_eq!(found.ok(), dry_run, "{value} {action}");
    }
}

#[test]
fn limits_hold() {
    let many = |count: usize, text: &str| vec![text; count].join(",");
    // the list, the most it may have
    let rows: [(&dyn Fn(usize) -> String, usize); 4] = [
        (
            &|count| format!(r#"{{"rules":[{}]}}"#, many(count, "{}")),
            512,
        ),
        (
            &|count| {
                let source = r#"{"source":{"namespaces":["a"]}}"#;
                format!(r#"{{"rules":[{{"from":[{}]}}]}}"#, many(count, source))
            },
            512,
        ),
        (
            &|count| {
                let accounts = many(count, r#""a""#);
                format!(
                    r#"{{"rules":[{{"from":[{{"source":{{"serviceAccounts":[{accounts}]}}}}]}}]}}"#
                )
            },
            16,
        ),
        (
            &|count| {
                let target = r#"{"kind":"Service","name":"a"}"#;
                format!(r#"{{"targetRefs":[{}]}}"#, many(count, target))
            },
            16,
        ),
    ];
    for (spec, most) in rows {
        assert!(read("p", "", &spec(most)).is_ok(), "{}", spec(1));
        assert!(read("p", "", &spec(most + 1)).is_err(), "{}", spec(1));
    }
    let account = |len| {
        let name = "a".repeat(len);
        format!(r#"{{"rules":[{{"from":[{{"source":{{"serviceAccounts":["{name}"]}}}}]}}]}}"#)
    };
    assert!(read("p", "", &account(320)).is_ok());
    assert!(read("p", "", &account(321)).is_err());
}
