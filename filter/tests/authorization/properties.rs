//! What holds for every policy and every request.

use palisade_filter::attributes::Snapshot;
use palisade_filter::decision::Verdict;
use palisade_filter::policy::Needs;
use palisade_filter::resource::AuthorizationPolicy;
use palisade_filter::resource::authorization_policy::Rule;
use palisade_filter::{Headers, json};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::support::{Request, compile, policy, read, request, rule_of};

/// Fields and values that meet one another often.
fn clause() -> impl Strategy<Value = (&'static str, Vec<String>)> {
    let text = vec("[ab/*]{1,3}", 1..3);
    let of = |fields: &'static [&'static str], values: BoxedStrategy<Vec<String>>| {
        (select(fields), values).boxed()
    };
    prop_oneof![
        of(
            &[
                "hosts",
                "methods",
                "paths",
                "principals",
                "namespaces",
                "requestPrincipals",
                "request.headers[x]",
                "request.auth.claims[a]",
                "request.auth.claims[a][b]",
                "request.auth.audiences",
                "connection.sni",
                "experimental.envoy.filters.a.b[a]",
            ],
            text.boxed()
        ),
        of(
            &["ports", "destination.port"],
            vec("[0-9]{1,3}", 1..3).boxed()
        ),
        of(
            &["ipBlocks", "remoteIpBlocks", "source.ip", "destination.ip"],
            vec("[0-3]\\.0\\.0\\.[0-3]/(8|31|32)", 1..3).boxed()
        ),
        of(&["trustDomains"], vec("[ab]{1,2}\\*?", 1..3).boxed()),
        of(
            &["serviceAccounts"],
            vec("[ab]{1,2}(/[ab]{1,2})?", 1..3).boxed()
        ),
    ]
}

/// Requests over the same few letters; nothing that the host always provides is missing.
fn any_request() -> impl Strategy<Value = Request> {
    (
        "[ab]{0,2}",
        "(/[ab]{0,2}){1,3}(\\?[ab]{0,2})?",
        vec("[ab/]{0,3}", 0..3),
        proptest::option::of("(spiffe://)?[ab]{0,2}(/ns/[ab]{0,2})?(/sa/[ab]{0,2})?"),
        proptest::option::of(select(
            &[
                r#"{"iss":"a","sub":"b","a":"b","aud":["a","b"]}"#,
                r#"{"iss":"a","sub":1,"a":{"b":"a"},"aud":"a"}"#,
                r#"{"a":["a",1,"ab"],"aud":[]}"#,
            ][..],
        )),
        (0_u8..4, 0_u8..4, 0_u16..200),
    )
        .prop_map(|(host, path, headers, peer, claims, (a, b, port))| {
            let mut text = format!(
                "{} {path} host:{host} ip={a}.0.0.{b} remote={b}.0.0.{a} port={port} sni={host}",
                if host.is_empty() { "a" } else { &host },
            );
            headers
                .iter()
                .for_each(|value| text += &format!(" x:{value}"));
            peer.iter()
                .for_each(|peer| text += &format!(" peer={peer}"));
            claims
                .iter()
                .for_each(|claims| text += &format!(" claims={claims} metadata={claims}"));
            request(&text)
        })
}

fn spec(action: &str, rules: &[String]) -> String {
    format!(r#"{{"action":"{action}","rules":[{}]}}"#, rules.join(","))
}

fn rule((field, values): &(&'static str, Vec<String>), negated: bool) -> String {
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    rule_of(field, &values, negated)
}

/// `first` with the conditions, sources and operations of `second` as well.
fn both(first: &str, second: &str) -> Option<String> {
    let field = |text: &str| text.get(2..6).map(str::to_owned);
    (field(first) != field(second)).then(|| {
        let first = first.strip_suffix('}').unwrap_or(first);
        let second = second.strip_prefix('{').unwrap_or(second);
        format!("{first},{second}")
    })
}

proptest! {
    #[test]
    fn negation_is_the_complement(clause in clause(), request in any_request()) {
        let positive = request.passes(&spec("ALLOW", &[rule(&clause, false)]));
        let negative = request.passes(&spec("ALLOW", &[rule(&clause, true)]));
        prop_assert_ne!(positive, negative);
    }

    #[test]
    fn deny_matches_what_allow_matches(
        clauses in vec((clause(), any::<bool>()), 1..4),
        request in any_request(),
    ) {
        let rules: Vec<_> = clauses.iter().map(|(clause, not)| rule(clause, *not)).collect();
        let allowed = request.passes(&spec("ALLOW", &rules));
        let denied = !request.passes(&spec("DENY", &rules));
        prop_assert_eq!(allowed, denied);
    }

    #[test]
    fn deny_beats_allow(
        deny in vec(clause(), 1..3),
        allow in vec(clause(), 0..3),
        request in any_request(),
    ) {
        let rules = |clauses: &[_]| -> Vec<_> { clauses.iter().map(|c| rule(c, false)).collect() };
        let deny = spec("DENY", &rules(&deny));
        let allow = spec("ALLOW", &rules(&allow));
        let set = compile(&[policy("a", &allow), policy("d", &deny)]);
        let passes = request.decide(&set).verdict() == Verdict::Allow;
        prop_assert_eq!(passes, request.passes(&deny) && request.passes(&allow));
    }

    #[test]
    fn further_clauses_never_allow_more(
        first in clause(),
        second in (clause(), any::<bool>()),
        request in any_request(),
    ) {
        let first = rule(&first, false);
        let second = rule(&second.0, second.1);
        if let Some(both) = both(&first, &second) {
            let alone = request.passes(&spec("ALLOW", std::slice::from_ref(&first)));
            let other = request.passes(&spec("ALLOW", std::slice::from_ref(&second)));
            let together = request.passes(&spec("ALLOW", &[both]));
            prop_assert_eq!(together, alone && other);
        }
    }

    #[test]
    fn a_missing_attribute_never_grants(
        clause in clause(),
        negated in any::<bool>(),
        request in any_request(),
    ) {
        let rule = [rule(&clause, negated)];
        let bare = Request {
            attributes: Snapshot {
                source_ip: None,
                remote_ip: None,
                destination_ip: None,
                destination_port: None,
                ..request.attributes.clone()
            },
            ..request.clone()
        };
        for action in ["ALLOW", "DENY"] {
            let spec = spec(action, &rule);
            prop_assert!(request.passes(&spec) || !bare.passes(&spec), "{}", spec);
        }
    }

    #[test]
    fn a_denial_by_default_is_explained(
        clauses in vec((clause(), any::<bool>()), 1..4),
        request in any_request(),
    ) {
        let rules: Vec<_> = clauses.iter().map(|(clause, not)| rule(clause, *not)).collect();
        let set = compile(&[policy("p", &spec("ALLOW", &rules))]);
        if request.decide(&set).verdict() == Verdict::Deny {
            let near = set.nearest(&request.attributes, request.identity.as_ref()).unwrap();
            let start = format!("rules[{}].", near.rule);
            prop_assert!(near.clause.is_some_and(|clause| clause.starts_with(&start)));
            prop_assert!(!near.expected.is_empty());
        }
    }

    #[test]
    fn unknown_keys_are_refused(
        key in "[a-z]{1,8}(\\.[a-zA-Z]{1,12}){0,2}(\\[[a-z]{0,3}\\]?)?",
        action in select(&["ALLOW", "DENY", "AUDIT"][..]),
    ) {
        const NAMES: [&str; 12] = [
            "source.ip", "source.namespace", "source.principal", "source.serviceAccount",
            "source.trustDomain", "remote.ip", "destination.ip", "destination.port",
            "connection.sni", "request.auth.principal", "request.auth.audiences",
            "request.auth.presenter",
        ];
        let bracketed = ["request.headers[", "request.auth.claims["];
        prop_assume!(!NAMES.contains(&&*key) && !bracketed.iter().any(|start| key.starts_with(start)));
        let rule = format!(r#"{{"when":[{{"key":"{key}","values":["*"]}}]}}"#);
        prop_assert!(read("p", "", &spec(action, &[rule])).is_err(), "{}", key);
    }

    #[test]
    fn unknown_fields_are_refused(
        field in "[a-zA-Z]{1,16}",
        action in select(&["ALLOW", "DENY", "AUDIT"][..]),
        place in 0_usize..4,
    ) {
        const KNOWN: [&[&str]; 4] = [
            &[
                "principals", "notPrincipals", "requestPrincipals", "notRequestPrincipals",
                "namespaces", "notNamespaces", "serviceAccounts", "notServiceAccounts",
                "trustDomains", "notTrustDomains", "ipBlocks", "notIpBlocks",
                "remoteIpBlocks", "notRemoteIpBlocks",
            ],
            &[
                "hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths",
                "notPaths",
            ],
            &["from", "to", "when"],
            &["key", "values", "notValues"],
        ];
        prop_assume!(!KNOWN[place].contains(&&*field));
        let unknown = format!(r#""{field}":["*"]"#);
        let rule = match place {
            0 => format!(r#"{{"from":[{{"source":{{"namespaces":["a"],{unknown}}}}}]}}"#),
            1 => format!(r#"{{"to":[{{"operation":{{"methods":["GET"],{unknown}}}}}]}}"#),
            2 => format!(r#"{{"to":[{{"operation":{{"methods":["GET"]}}}}],{unknown}}}"#),
            _ => format!(r#"{{"when":[{{"key":"source.ip","values":["1.2.3.4"],{unknown}}}]}}"#),
        };
        prop_assert!(read("p", "", &spec(action, &[rule])).is_err(), "{} {}", place, field);
    }

    #[test]
    fn nothing_that_arrives_makes_it_panic(
        blob in vec(any::<u8>(), 0..200),
        values in vec(vec(any::<u8>(), 0..12), 0..4),
        peer in any::<String>(),
        clauses in vec((clause(), any::<bool>()), 1..4),
    ) {
        let rules: Vec<_> = clauses.iter().map(|(clause, not)| rule(clause, *not)).collect();
        let policies: Vec<AuthorizationPolicy> = ["ALLOW", "DENY", "AUDIT"]
            .into_iter()
            .map(|action| policy(&action.to_lowercase(), &spec(action, &rules)))
            .collect();
        let set = compile(&policies);
        let names = [":path", ":method", ":authority", "x"];
        let sets = [Headers::from_blob(blob), names.into_iter().zip(&values).collect()];
        for headers in sets {
            let attributes = Snapshot { headers, peer: Some(peer.as_str().into()), ..Snapshot::default() };
            let verdict = set.authorize(&attributes, None).verdict();
            // Whatever arrives, the evaluation is a function of it.
            prop_assert_eq!(set.authorize(&attributes, None).verdict(), verdict);
            set.nearest(&attributes, None);
            set.observe(&attributes, None);
        }
    }

    #[test]
    fn no_spec_makes_the_reader_panic(text in "[ -~]{0,6}", start in any::<Index>(), len in 0_usize..9) {
        let whole = spec("DENY", &[rule_of("paths", &["/a/{*}"], false), rule_of("ports", &["80"], true)]);
        let start = start.index(whole.len());
        let end = whole.len().min(start + len);
        let spec = format!("{}{text}{}", &whole[..start], &whole[end..]);
        if json::parse(spec.as_bytes(), 32).is_ok()
            && let Ok(policy) = read("p", "", &spec)
        {
            // What is read can be compiled, and every value of it is still there.
            let set = compile(std::slice::from_ref(&policy));
            let values = policy.rules.iter().flat_map(Rule::clauses).count();
            prop_assert_eq!(set.needs() == Needs::NONE, values == 0);
        }
    }
}
