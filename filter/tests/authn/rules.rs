//! Several rules, several tokens, and what is left of the request.

use palisade_filter::authn::Authentication;
use serde_json::{Value, json};

use super::mint::{CLAIMS, jwk, jwks, token};
use super::request::{Headers, authenticate, compile, resource, rules, said, upstream};

fn of(issuer: &str) -> String {
    token(&format!(r#"{{"iss":"{issuer}","sub":"s"}}"#))
}

fn rule(issuer: &str, more: Value) -> Value {
    let mut rule = json!({"issuer": issuer, "jwks": jwks(&[jwk("rsa", json!({}))])});
    for (name, value) in more.as_object().unwrap() {
        rule[name] = value.clone();
    }
    rule
}

fn check(list: &[Value], headers: Headers<'_>, expected: &str) {
    let got = authenticate(&rules(json!(list)), headers);
    assert_eq!(said(&got), expected, "{list:?} {headers:?}");
}

const UNKNOWN_ISSUER: &str = "401 Jwt issuer is not configured";
const BAD_FORMAT: &str =
    "401 Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections";

#[test]
fn places() {
    let plain = of("iss");
    let good = plain.as_str();
    let bearer = format!("Bearer {good}");
    let query = format!("/?access_token={good}");
    let encoded = format!("/?access%5Ftoken={}", good.replace('.', "%2E"));
    let named = format!("/?t={good}");
    let cookie = format!("a=b; t=\"{good}\"");
    let default = json!({});
    type Row<'a> = (Value, Vec<(&'a str, &'a str)>, bool);
    let rows: Vec<Row<'_>> = vec![
        (default.clone(), vec![("authorization", &bearer)], true),
        (default.clone(), vec![(":path", &query)], true),
        (default.clone(), vec![(":path", &encoded)], true),
        (default.clone(), vec![("x-jwt", good)], false),
        (default, vec![("cookie", &cookie)], false),
        // Any explicit place switches the default ones off.
        (
            json!({"fromHeaders": [{"name": "X-Jwt"}]}),
            vec![("x-jwt", good)],
            true,
        ),
        (
            json!({"fromHeaders": [{"name": "x-jwt"}]}),
            vec![("authorization", &bearer)],
            false,
        ),
        (
            json!({"fromHeaders": [{"name": "x-jwt", "prefix": "Bearer "}]}),
            vec![("x-jwt", good)],
            false,
        ),
        (
            json!({"fromHeaders": [{"name": "x-jwt", "prefix": "Bearer "}]}),
            vec![("x-jwt", &bearer)],
            true,
        ),
        (json!({"fromParams": ["t"]}), vec![(":path", &named)], true),
        (json!({"fromParams": ["t"]}), vec![(":path", &query)], false),
        (
            json!({"fromCookies": ["t"]}),
            vec![("cookie", &cookie)],
            true,
        ),
        (
            json!({"fromCookies": ["t"]}),
            vec![("authorization", &bearer)],
            false,
        ),
        // A header that a rule writes carries no token of the client.
        (
            json!({"fromHeaders": [{"name": "x-jwt"}], "outputPayloadToHeader": "x-jwt"}),
            vec![("x-jwt", good)],
            false,
        ),
    ];
    for (more, headers, found) in rows {
        let expected = if found { "iss/s by ra[0]" } else { "anonymous" };
        check(&[rule("iss", more)], &headers, expected);
    }
}

#[test]
fn nothing_is_missing_something_is_bad() {
    let rows = [
        ("Bearer", "anonymous"),
        ("Bearer ", "anonymous"),
        ("Basic dTpw", "anonymous"),
        ("bearer x", "anonymous"),
        ("", "anonymous"),
        ("Bearer x", BAD_FORMAT),
        ("Bearer =", BAD_FORMAT),
    ];
    for (value, expected) in rows {
        check(
            &[rule("iss", json!({}))],
            &[("authorization", value)],
            expected,
        );
    }
    check(
        &[rule("iss", json!({}))],
        &[(":path", "/?access_token")],
        BAD_FORMAT,
    );
    // Envoy joins two of these headers with a comma; everything behind the prefix is the token.
    let good = of("iss");
    let rows = [
        (
            format!("Bearer {good},Basic x"),
            "401 Jwt signature is an invalid Base64url encoded",
        ),
        (format!("Bearer {good},Bearer {good}"), BAD_FORMAT),
        (format!("Basic x,Bearer {good}"), "iss/s by ra[0]"),
    ];
    for (value, expected) in rows {
        check(
            &[rule("iss", json!({}))],
            &[("authorization", &value)],
            expected,
        );
    }
}

#[test]
fn all_tokens_of_one_rule_must_be_good() {
    let (good, other) = (format!("Bearer {}", of("iss")), of("other"));
    let query = |token: &str| format!("/?access_token={token}");
    let rows = [
        (query(&of("iss")), "iss/s by ra[0]"),
        (query(&other), UNKNOWN_ISSUER),
        (query("x"), BAD_FORMAT),
    ];
    for (path, expected) in rows {
        let headers = [("authorization", good.as_str()), (":path", &path)];
        check(&[rule("iss", json!({}))], &headers, expected);
    }
    // The same for a header that is there twice.
    let headers = [("x-jwt", of("iss")), ("x-jwt", other)];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let more = json!({"fromHeaders": [{"name": "x-jwt"}]});
    check(&[rule("iss", more)], &headers, UNKNOWN_ISSUER);
}

#[test]
fn one_rule_of_several_is_enough() {
    let [a, b, c] = ["a", "b", "c"].map(|issuer| format!("Bearer {}", of(issuer)));
    let second = |issuer| rule(issuer, json!({"fromHeaders": [{"name": "x-b"}]}));
    let list = [rule("b", json!({})), rule("a", json!({}))];
    check(&list, &[], "anonymous");
    check(&list, &[("authorization", &a)], "a/s by ra[1]");
    check(&list, &[("authorization", &b)], "b/s by ra[0]");
    // No rule knows it: having no token for any rule is not the same (ISTIO-SECURITY-2021-001).
    check(&list, &[("authorization", &c)], UNKNOWN_ISSUER);
    let list = [rule("a", json!({})), second("b")];
    let (b, junk) = (of("b"), "junk");
    check(&list, &[("x-b", &b)], "b/s by ra[1]");
    // The first rule by issuer that accepts is the one whose claims are seen.
    check(&list, &[("authorization", &a), ("x-b", &b)], "a/s by ra[0]");
    check(
        &list,
        &[("authorization", &a), ("x-b", junk)],
        "a/s by ra[0]",
    );
    check(&list, &[("authorization", &c), ("x-b", &b)], "b/s by ra[1]");
    check(&list, &[("authorization", &c), ("x-b", junk)], BAD_FORMAT);
    check(&list, &[("x-b", junk)], BAD_FORMAT);
}

#[test]
fn a_token_that_was_taken_is_gone_for_the_next_rule() {
    // Rule a takes its token out of the query; then b finds only its own.
    let headers = [
        ("authorization", format!("Bearer {}", of("b"))),
        (":path", format!("/?access_token={}", of("a"))),
    ];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    check(
        &[rule("a", json!({})), rule("b", json!({}))],
        &headers,
        "b/s by ra[1]",
    );
    let keeps = json!({"forwardOriginalToken": true});
    check(
        &[rule("a", keeps.clone()), rule("b", keeps)],
        &headers,
        UNKNOWN_ISSUER,
    );
}

#[test]
fn two_rules_of_one_issuer_are_both_tried() {
    let wrong = rule("iss", json!({"jwks": jwks(&[jwk("p256", json!({}))])}));
    let bearer = format!("Bearer {}", of("iss"));
    let headers = [("authorization", bearer.as_str())];
    check(
        &[wrong.clone(), rule("iss", json!({}))],
        &headers,
        "iss/s by ra[1]",
    );
    check(
        std::slice::from_ref(&wrong),
        &headers,
        "401 Jwt verification fails",
    );
    let expired = rule("iss", json!({"audiences": ["x"]}));
    // Of several real errors the first rule's is told last, and so told.
    check(&[wrong, expired], &headers, "401 Jwt verification fails");
}

#[test]
fn resources_are_merged() {
    let list =
        |namespace, name, issuer, more| resource(namespace, name, json!([rule(issuer, more)]));
    let bearer = format!("Bearer {}", of("iss"));
    let headers = [("authorization", bearer.as_str())];
    let said_of = |resources: &[_]| said(&authenticate(&compile(resources), &headers));
    let resources = [
        list("istio-system", "root", "iss", json!({})),
        list("foo", "own", "iss", json!({})),
        list("bar", "foreign", "other", json!({})),
    ];
    // The workload's own namespace comes first, then the root namespace; no other counts.
    assert_eq!(said_of(&resources), "iss/s by own[0]");
    assert_eq!(said_of(&resources[..1]), "iss/s by root[0]");
    assert_eq!(said_of(&resources[2..]), "anonymous");
    // Of two in one namespace the older one is first, then the one whose name is.
    let mut resources = [
        list("foo", "b", "iss", json!({})),
        list("foo", "a", "iss", json!({})),
    ];
    assert_eq!(said_of(&resources), "iss/s by a[0]");
    resources[0].created = "2026-01-01T00:00:00Z".to_owned();
    resources[1].created = "2026-01-02T00:00:00Z".to_owned();
    assert_eq!(said_of(&resources), "iss/s by b[0]");
    // Rules are tried in the order of their issuers: any issuer is before all others.
    let any = list(
        "istio-system",
        "any",
        "",
        json!({"jwks": null, "jwksUri": "http://k/"}),
    );
    assert_eq!(
        said_of(&[list("foo", "own", "iss", json!({})), any]),
        "waiting 0"
    );
}

#[test]
fn what_the_application_gets() {
    let token = token(r#"{"iss":"iss","sub":"s","n":7,"o":{"k":["x"]},"scope":"a b"}"#);
    let payload = token.split('.').nth(1).unwrap().to_owned();
    let outputs = json!({
        "outputPayloadToHeader": "X-Payload",
        "outputClaimToHeaders": [
            {"header": "X-Sub", "claim": "sub"},
            {"header": "x-n", "claim": "n"},
            {"header": "x-list", "claim": "o.k"},
            {"header": "x-scope", "claim": "scope"},
            {"header": "x-none", "claim": "none"},
        ],
    });
    let mut forward = outputs.clone();
    forward["forwardOriginalToken"] = json!(true);
    let bearer = format!("Bearer {token}");
    let spoofed = ["x-payload", "x-sub", "x-n", "x-none"].map(|name| (name, "spoof"));
    let with = |more: &[(&'static str, &'static str)]| [more, &spoofed].concat();
    let list = [rule("iss", outputs)];
    let authenticator = rules(json!(list));

    let mut sent: Vec<(&str, &str)> = with(&[]);
    sent.push(("authorization", &bearer));
    let got = authenticate(&authenticator, &sent);
    let rows = [
        ("authorization", None),
        ("x-payload", Some(payload.as_str())),
        ("x-sub", Some("s")),
        ("x-n", Some("7")),
        ("x-list", Some("WyJ4Il0=")),
        ("x-scope", Some("a b")),
        ("x-none", None),
    ];
    for (name, value) in rows {
        assert_eq!(upstream(&got, &sent, name).as_deref(), value, "{name}");
    }

    // Without a token, and on a CORS preflight, nothing that could pass for ours gets through.
    let preflight = [
        (":method", "OPTIONS"),
        ("origin", "https://x"),
        ("access-control-request-method", "POST"),
        ("authorization", "Bearer junk"),
    ];
    for sent in [with(&[]), with(&preflight)] {
        let got = authenticate(&authenticator, &sent);
        assert_eq!(said(&got), "anonymous");
        for (name, _) in spoofed {
            assert_eq!(upstream(&got, &sent, name), None, "{name}");
        }
    }

    let got = authenticate(
        &rules(json!([rule("iss", forward)])),
        &[("authorization", &bearer)],
    );
    let kept = upstream(&got, &[("authorization", &bearer)], "authorization");
    assert_eq!(kept.as_deref(), Some(bearer.as_str()));
}

#[test]
fn a_preflight_needs_all_its_signs() {
    let rows = [
        (["OPTIONS", "o", "POST"], "anonymous"),
        (["GET", "o", "POST"], BAD_FORMAT),
        (["OPTIONS", "", "POST"], BAD_FORMAT),
        (["OPTIONS", "o", ""], BAD_FORMAT),
    ];
    for ([method, origin, request], expected) in rows {
        let headers = [
            (":method", method),
            ("origin", origin),
            ("access-control-request-method", request),
            ("authorization", "Bearer x"),
        ];
        check(&[rule("iss", json!({}))], &headers, expected);
    }
}

#[test]
fn the_token_is_cut_out_of_the_query_and_nothing_else() {
    let good = of("iss");
    let path = format!("/x?b=%26&access_token={good}&a=%20");
    let sent = [(":path", path.as_str())];
    let got = authenticate(&rules(json!([rule("iss", json!({}))])), &sent);
    assert_eq!(
        upstream(&got, &sent, ":path").as_deref(),
        Some("/x?b=%26&a=%20")
    );
    let cookie = format!("t={good}");
    let sent = [("cookie", cookie.as_str())];
    let more = json!({"fromCookies": ["t"]});
    let got = authenticate(&rules(json!([rule("iss", more)])), &sent);
    assert_eq!(
        upstream(&got, &sent, "cookie").as_deref(),
        Some(cookie.as_str())
    );
}

#[test]
fn words_of_space_delimited_claims() {
    let claims = r#"{"iss":"iss","scope":"a b","roles":"c d","x":"e f"}"#;
    let bearer = format!("Bearer {}", token(claims));
    let more = json!({"spaceDelimitedClaims": ["roles"]});
    let headers = [("authorization", bearer.as_str())];
    let Authentication::Verified(verified) =
        authenticate(&rules(json!([rule("iss", more)])), &headers)
    else {
        panic!()
    };
    let shown = serde_json::to_string(&verified.identity.claims).unwrap();
    let expected = r#"{"iss":"iss","roles":["c","d"],"scope":["a","b"],"x":"e f"}"#;
    assert_eq!(shown, expected);
}

#[test]
fn without_rules_nobody_is_asked() {
    check(&[], &[("authorization", "Bearer junk")], "anonymous");
    let bearer = format!("Bearer {}", token(CLAIMS));
    check(
        &[rule("iss", json!({}))],
        &[("authorization", &bearer)],
        "iss/alice by ra[0]",
    );
}
