//! How fields, entries, rules and policies combine.

use palisade_filter::decision::{Phase, Verdict};
use palisade_filter::policy::Needs;
use palisade_filter::resource::AuthorizationPolicy;

use super::support::{compile, compile_tcp, dry_run, policy, request};

#[test]
fn rules_combine() {
    // spec, request, passes
    let rows = [
        // Emptiness
        ("{}", "GET /", false),
        (r#"{"rules":[]}"#, "GET /", false),
        (r#"{"rules":null}"#, "GET /", false),
        (r#"{"rules":[{}]}"#, "GET /", true),
        (r#"{"action":"DENY","rules":[]}"#, "GET /", true),
        (r#"{"action":"DENY","rules":[{}]}"#, "GET /", false),
        (r#"{"action":"AUDIT","rules":[{}]}"#, "GET /", true),
        (r#"{"action":"AUDIT"}"#, "GET /", true),
        (r#"{"rules":[{"when":[]}]}"#, "GET /", true),
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET"],"paths":[]}}]}]}"#,
            "GET /",
            true,
        ),
        // Fields of an operation are ANDed
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET"],"paths":["/a"]}}]}]}"#,
            "POST /a",
            false,
        ),
        // A field and its `not` form are ANDed
        (
            r#"{"rules":[{"to":[{"operation":{"paths":["/a*"],"notPaths":["/ab"]}}]}]}"#,
            "GET /ab",
            false,
        ),
        (
            r#"{"rules":[{"to":[{"operation":{"paths":["/a*"],"notPaths":["/ab"]}}]}]}"#,
            "GET /ac",
            true,
        ),
        // A `not` field wants none of its values
        (
            r#"{"rules":[{"to":[{"operation":{"notPaths":["/a","/b"]}}]}]}"#,
            "GET /b",
            false,
        ),
        // Entries are ORed and not mixed
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET"],"paths":["/a"]}},
                                {"operation":{"methods":["POST"],"paths":["/b"]}}]}]}"#,
            "POST /a",
            false,
        ),
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET"],"paths":["/a"]}},
                                {"operation":{"methods":["POST"],"paths":["/b"]}}]}]}"#,
            "POST /b",
            true,
        ),
        // from AND to AND every condition
        (
            r#"{"rules":[{"from":[{"source":{"namespaces":["foo"]}}],
                          "to":[{"operation":{"methods":["GET"]}}]}]}"#,
            "GET /",
            false,
        ),
        (
            r#"{"rules":[{"when":[{"key":"request.headers[a]","values":["1"]},
                                  {"key":"request.headers[b]","values":["2"]}]}]}"#,
            "GET / a:1",
            false,
        ),
        (
            r#"{"rules":[{"when":[{"key":"request.headers[a]","values":["1"]},
                                  {"key":"request.headers[b]","values":["2"]}]}]}"#,
            "GET / a:1 b:2",
            true,
        ),
        // values AND notValues of one condition, each on every value of the header
        (
            r#"{"rules":[{"when":[{"key":"request.headers[a]","values":["1"],"notValues":["2"]}]}]}"#,
            "GET / a:1 a:2",
            false,
        ),
        // Rules are ORed
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET"]}}]},
                         {"to":[{"operation":{"paths":["/a"]}}]}]}"#,
            "POST /a",
            true,
        ),
    ];
    for (spec, text, passes) in rows {
        assert_eq!(request(text).passes(spec), passes, "{spec} on {text}");
    }
}

#[test]
fn policies_combine() {
    let allow = |name, path: &str| policy(name, &format!(r#"{{"rules":[{}]}}"#, to(path)));
    let deny = |name, path: &str| {
        policy(
            name,
            &format!(r#"{{"action":"DENY","rules":[{}]}}"#, to(path)),
        )
    };
    let audit = |name, path: &str| {
        policy(
            name,
            &format!(r#"{{"action":"AUDIT","rules":[{}]}}"#, to(path)),
        )
    };
    let dry_allow = |name, path: &str| dry_run(name, &format!(r#"{{"rules":[{}]}}"#, to(path)));
    let dry_deny = |name, path: &str| {
        dry_run(
            name,
            &format!(r#"{{"action":"DENY","rules":[{}]}}"#, to(path)),
        )
    };
    let none = "rbac_access_denied_matched_policy[none]";
    // policies, path, phase, details of the denial
    type Row = (
        Vec<AuthorizationPolicy>,
        &'static str,
        Phase,
        Option<String>,
    );
    let denied = |id: &str| Some(format!("rbac_access_denied_matched_policy[{id}]"));
    let rows: Vec<Row> = vec![
        (vec![], "/a", Phase::None, None),
        (vec![deny("d", "/a")], "/b", Phase::None, None),
        (
            vec![deny("d", "/a")],
            "/a",
            Phase::Deny,
            denied("ns[foo]-policy[d]-rule[0]"),
        ),
        (vec![allow("a", "/a")], "/a", Phase::Allow, None),
        (
            vec![allow("a", "/a")],
            "/b",
            Phase::Allow,
            Some(none.to_owned()),
        ),
        (
            vec![policy("a", "{}"), allow("b", "/b")],
            "/b",
            Phase::Allow,
            None,
        ),
        (
            vec![allow("a", "/a"), deny("d", "/a")],
            "/a",
            Phase::Deny,
            denied("ns[foo]-policy[d]-rule[0]"),
        ),
        (vec![audit("u", "/a")], "/b", Phase::None, None),
        (vec![dry_allow("a", "/a")], "/b", Phase::None, None),
        (vec![dry_deny("d", "/a")], "/a", Phase::None, None),
        (
            vec![dry_allow("a", "/a"), allow("b", "/b")],
            "/a",
            Phase::Allow,
            Some(none.to_owned()),
        ),
        // Of several rules that match, the first by name is reported.
        (
            vec![deny("z", "/a"), deny("b", "/a"), deny("c", "/a")],
            "/a",
            Phase::Deny,
            denied("ns[foo]-policy[b]-rule[0]"),
        ),
    ];
    for (policies, path, phase, details) in rows {
        let set = compile(&policies);
        let decision = request(&format!("GET {path}")).decide(&set);
        assert_eq!(decision.phase(), phase, "{policies:?} on {path}");
        assert_eq!(decision.details(), details, "{policies:?} on {path}");
        let verdict = match details {
            None => Verdict::Allow,
            Some(_) => Verdict::Deny,
        };
        assert_eq!(decision.verdict(), verdict, "{policies:?} on {path}");
    }
}

#[test]
fn rules_are_tried_in_the_order_of_their_names() {
    let mut rules = vec![to("/other"); 11];
    rules[2] = to("/a");
    rules[10] = to("/a");
    let spec = format!(r#"{{"action":"DENY","rules":[{}]}}"#, rules.join(","));
    let set = compile(&[policy("p", &spec)]);
    let rule = request("GET /a").decide(&set).rule().unwrap();
    // `rule[10]` sorts before `rule[2]`, as in Envoy.
    assert_eq!(rule.index, 10);
}

#[test]
fn tcp_knows_no_http() {
    // spec, connection, passes
    let rows = [
        // A rule of an ALLOW policy that asks for HTTP is lost, the policy still counts.
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET"]}}]}]}"#,
            "- -",
            false,
        ),
        (
            r#"{"rules":[{"to":[{"operation":{"ports":["1"]}},{"operation":{"paths":["/"]}}]}]}"#,
            "- - port=1",
            false,
        ),
        (
            r#"{"rules":[{"when":[{"key":"request.headers[x]","notValues":["a"]}]}]}"#,
            "- -",
            false,
        ),
        (
            r#"{"rules":[{"to":[{"operation":{"ports":["1"]}}]}]}"#,
            "- - port=1",
            true,
        ),
        (
            r#"{"rules":[{"to":[{"operation":{"ports":["1"]}}]}]}"#,
            "- - port=2",
            false,
        ),
        (
            r#"{"rules":[{"when":[{"key":"connection.sni","values":["a"]}]}]}"#,
            "- - sni=a",
            true,
        ),
        // A rule of a DENY policy does without.
        (
            r#"{"action":"DENY","rules":[{"to":[{"operation":{"methods":["GET"]}}]}]}"#,
            "- -",
            false,
        ),
        (
            r#"{"action":"DENY","rules":[{"to":[{"operation":{"methods":["GET"],"ports":["1"]}}]}]}"#,
            "- - port=2",
            true,
        ),
        (
            r#"{"action":"DENY","rules":[{"to":[{"operation":{"methods":["GET"],"ports":["1"]}}]}]}"#,
            "- - port=1",
            false,
        ),
        (
            r#"{"action":"DENY","rules":[{"to":[{"operation":{"ports":["1"]}},{"operation":{"paths":["/"]}}]}]}"#,
            "- - port=2",
            false,
        ),
        (
            r#"{"action":"DENY","rules":[{"from":[{"source":{"requestPrincipals":["*"]}}]}]}"#,
            "- -",
            false,
        ),
    ];
    for (spec, text, passes) in rows {
        let set = compile_tcp(&[policy("p", spec)]);
        let verdict = request(text).decide(&set).verdict();
        assert_eq!(verdict == Verdict::Allow, passes, "{spec} on {text}");
    }
}

#[test]
fn custom_policies_name_their_provider() {
    let custom = |name, provider: &str, path: &str| {
        let rule = to(path);
        policy(
            name,
            &format!(
                r#"{{"action":"CUSTOM","provider":{{"name":"{provider}"}},"rules":[{rule}]}}"#
            ),
        )
    };
    let set = compile(&[
        custom("one", "z", "/a"),
        custom("two", "b", "/a"),
        custom("three", "z", "/c"),
    ]);
    let asked = |path| {
        let request = request(&format!("GET {path}"));
        set.custom_providers().find_map(|provider| {
            let rule = set.custom_match(provider, &request.attributes)?;
            let (_, name) = rule.policy.split_once('/')?;
            Some((provider.to_owned(), name.to_owned()))
        })
    };
    assert_eq!(asked("/a"), Some(("b".to_owned(), "two".to_owned())));
    assert_eq!(asked("/c"), Some(("z".to_owned(), "three".to_owned())));
    assert_eq!(asked("/d"), None);
    // The authorizer's answer grants nothing, so DENY and ALLOW know nothing of it.
    assert_eq!(request("GET /a").decide(&set).phase(), Phase::None);
}

#[test]
fn a_set_says_what_it_reads() {
    let rows = [
        ("{}", Needs::NONE),
        (
            r#"{"rules":[{"to":[{"operation":{"methods":["GET"]}}]}]}"#,
            Needs::HEADERS,
        ),
        (
            r#"{"rules":[{"from":[{"source":{"notIpBlocks":["1.2.3.4"],"namespaces":["a"]}}],
                          "when":[{"key":"request.auth.claims[a]","values":["b"]}]}]}"#,
            Needs::SOURCE_IP | Needs::PEER | Needs::IDENTITY,
        ),
        (
            r#"{"action":"AUDIT","rules":[{"when":[{"key":"connection.sni","values":["b"]},
                {"key":"remote.ip","values":["::1"]},{"key":"destination.ip","values":["::1"]},
                {"key":"destination.port","values":["1"]},
                {"key":"experimental.envoy.filters.a[b]","values":["c"]}]}]}"#,
            Needs::SNI
                | Needs::REMOTE_IP
                | Needs::DESTINATION_IP
                | Needs::DESTINATION_PORT
                | Needs::METADATA,
        ),
    ];
    for (spec, needs) in rows {
        assert_eq!(compile(&[policy("p", spec)]).needs(), needs, "{spec}");
    }
}

/// A rule for one path.
fn to(path: &str) -> String {
    format!(r#"{{"to":[{{"operation":{{"paths":["{path}"]}}}}]}}"#)
}
