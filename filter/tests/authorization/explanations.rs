//! What is said about a decision beside the verdict.

use std::sync::Arc;

use palisade_filter::decision::{DryRun, NearMiss, Verdict};

use super::support::{compile, dry_run, policy, request};

#[test]
fn the_nearest_rule_names_the_clause_that_failed() {
    let two_rules = r#"{"rules":[
        {"from":[{"source":{"principals":["cluster.local/ns/a/sa/b"]}}],
         "to":[{"operation":{"methods":["GET"],"paths":["/admin"]}}]},
        {"to":[{"operation":{"methods":["GET"],"paths":["/a"]}},
               {"operation":{"methods":["PUT","POST"],"paths":["/b"]}}],
         "when":[{"key":"request.headers[x-a]","notValues":["1","2"]}]}]}"#;
    // spec, request, (rule, clause, expected, actual)
    type Near = (
        usize,
        &'static str,
        &'static [&'static str],
        Option<&'static str>,
    );
    let rows: &[(&str, &str, Near)] = &[
        (
            two_rules,
            "DELETE /b",
            (
                1,
                "rules[1].to[1].operation.methods",
                &["PUT", "POST"],
                Some("DELETE"),
            ),
        ),
        (
            two_rules,
            "GET /a x-a:1 x-a:3",
            (
                1,
                "rules[1].when[0].notValues",
                &["not 1", "not 2"],
                Some("1, 3"),
            ),
        ),
        (
            two_rules,
            "GET /admin peer=spiffe://cluster.local/ns/a/sa/c x-a:1",
            (
                0,
                "rules[0].from[0].source.principals",
                &["cluster.local/ns/a/sa/b"],
                Some("cluster.local/ns/a/sa/c"),
            ),
        ),
        (
            two_rules,
            "GET /admin x-a:1",
            (
                0,
                "rules[0].from[0].source.principals",
                &["cluster.local/ns/a/sa/b"],
                None,
            ),
        ),
        // An operation that matches altogether is not set aside for one of which more matches.
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET"]}},
                                {"operation":{"paths":["/a"],"ports":["8080"],"hosts":["h"]}}],
                          "when":[{"key":"request.auth.claims[g]","values":["admin"]}]}]}"#,
            r#"GET /a claims={"g":1}"#,
            (
                0,
                "rules[0].when[0].values",
                &["admin"],
                Some("1 (a number, only strings match)"),
            ),
        ),
        (
            r#"{"rules":[{"when":[{"key":"request.auth.claims[g]","values":["admin"]}]}]}"#,
            r#"GET /a claims={"g":["a","b"]}"#,
            (
                0,
                "rules[0].when[0].values",
                &["admin"],
                Some(r#"["a","b"]"#),
            ),
        ),
        (
            r#"{"rules":[{"from":[{"source":{"requestPrincipals":["i/s"]}}]}]}"#,
            r#"GET /a claims={"iss":"i","sub":"t"}"#,
            (
                0,
                "rules[0].from[0].source.requestPrincipals",
                &["i/s"],
                Some("i/t"),
            ),
        ),
        (
            r#"{"rules":[{"from":[{"source":{"ipBlocks":["10.0.0.0/16"]}}]}]}"#,
            "GET /",
            (
                0,
                "rules[0].from[0].source.ipBlocks",
                &["10.0.0.0/16"],
                Some("10.8.0.8"),
            ),
        ),
        (
            r#"{"rules":[{"from":[{"source":{"notIpBlocks":["10.0.0.0/16"]}}]}]}"#,
            "GET / ip=none",
            (
                0,
                "rules[0].from[0].source.notIpBlocks",
                &["not 10.0.0.0/16"],
                None,
            ),
        ),
        // Of rules of which as many clauses hold, the one with fewer that fail.
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET"],"paths":["/a"],"ports":["1"]}}]},
                         {"to":[{"operation":{"methods":["GET"],"paths":["/b"]}}]}]}"#,
            "GET /",
            (1, "rules[1].to[0].operation.paths", &["/b"], Some("/")),
        ),
        // Of rules that are equally near the first.
        (
            r#"{"rules":[{"to":[{"operation":{"ports":["1"]}}]},
                         {"to":[{"operation":{"ports":["2"]}}]}]}"#,
            "GET /",
            (0, "rules[0].to[0].operation.ports", &["1"], Some("8080")),
        ),
    ];
    for (spec, text, (rule, clause, expected, actual)) in rows {
        let set = compile(&[policy("p", spec)]);
        let request = request(text);
        assert_eq!(request.decide(&set).verdict(), Verdict::Deny, "{text}");
        let near = set.nearest(&request.attributes, request.identity.as_ref());
        let wanted = NearMiss {
            policy: "foo/p".into(),
            rule: *rule,
            clause: Some((*clause).to_owned()),
            expected: expected.iter().map(|text| (*text).to_owned()).collect(),
            actual: actual.map(str::to_owned),
        };
        assert_eq!(near, Some(wanted), "{text}");
    }
}

#[test]
fn a_policy_without_rules_is_named_when_nothing_else_is() {
    let near = |policies: &[_]| {
        let near = compile(policies).nearest(&request("GET /").attributes, None)?;
        Some((near.policy, near.clause.is_some()))
    };
    let nothing = policy("nothing", "{}");
    let some = policy(
        "some",
        r#"{"rules":[{"to":[{"operation":{"ports":["1"]}}]}]}"#,
    );
    assert_eq!(near(&[]), None);
    assert_eq!(
        near(std::slice::from_ref(&nothing)),
        Some(("foo/nothing".into(), false))
    );
    assert_eq!(near(&[nothing, some]), Some(("foo/some".into(), true)));
}

#[test]
fn observers_see_and_do_not_decide() {
    let rule = |path| format!(r#"{{"to":[{{"operation":{{"paths":["{path}"]}}}}]}}"#);
    let spec = |action, path| format!(r#"{{"action":"{action}","rules":[{}]}}"#, rule(path));
    let set = compile(&[
        policy(
            "u1",
            &format!(r#"{{"action":"AUDIT","rules":[{0},{0}]}}"#, rule("/a")),
        ),
        policy("u2", &spec("AUDIT", "/b")),
        dry_run("d", &spec("DENY", "/a")),
        dry_run("l", &spec("ALLOW", "/b")),
    ]);
    let dry_run = |policy: Option<&str>, action: &str, verdict, rule| DryRun {
        policy: policy.map(Arc::from),
        action: action.to_owned(),
        verdict,
        rule,
    };
    let rows = [
        (
            "/a",
            vec!["foo/u1"],
            dry_run(Some("foo/d"), "DENY", Verdict::Deny, Some(0)),
            dry_run(None, "ALLOW", Verdict::Deny, None),
        ),
        (
            "/b",
            vec!["foo/u2"],
            dry_run(None, "DENY", Verdict::Allow, None),
            dry_run(Some("foo/l"), "ALLOW", Verdict::Allow, Some(0)),
        ),
    ];
    assert!(set.has_observers());
    for (path, audit, deny, allow) in rows {
        let request = request(&format!("GET {path}"));
        let seen = set.observe(&request.attributes, None);
        let audited: Vec<&str> = seen.audit.iter().map(|name| &**name).collect();
        assert_eq!(audited, audit, "{path}");
        assert_eq!(seen.dry_run, [deny, allow], "{path}");
        assert_eq!(request.decide(&set).verdict(), Verdict::Allow, "{path}");
    }
    let plain = compile(&[policy("p", "{}")]);
    assert!(!plain.has_observers());
    let seen = plain.observe(&request("GET /").attributes, None);
    assert!(seen.dry_run.is_empty() && seen.audit.is_empty());
}

#[test]
fn a_dry_run_fails_closed_as_the_enforced_policy_would() {
    let rule = r#"{"from":[{"source":{"ipBlocks":["10.0.0.0/8"]}}]}"#;
    for action in ["ALLOW", "DENY"] {
        let spec = format!(r#"{{"action":"{action}","rules":[{rule}]}}"#);
        let set = compile(&[dry_run("p", &spec)]);
        let seen = set.observe(&request("GET / ip=none").attributes, None);
        assert_eq!(seen.dry_run.len(), 1, "{action}");
        assert_eq!(seen.dry_run[0].verdict, Verdict::Deny, "{action}");
    }
}
