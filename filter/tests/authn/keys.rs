//! Keys that are fetched: what is answered while they are not there, old, or new.

use palisade_filter::authn::{Authenticator, Fetched, KeyStore};
use serde_json::{Value, json};

use super::mint::{CLAIMS, NOW, jwk, jwks, sign};
use super::request::{rules, said, snapshot};

const URI: &str = "https://iss.example/jwks";

struct Fixture {
    authenticator: Authenticator,
    keys: KeyStore,
}

impl Fixture {
    fn new(rule: Value) -> Self {
        let authenticator = rules(json!([rule]));
        let keys = KeyStore::new(authenticator.sources());
        Self {
            authenticator,
            keys,
        }
    }

    /// What is said `after` seconds to a token with this key id; a fetch that it asks for is
    /// answered with `body`.
    fn ask(&mut self, after: i64, kid: &str, body: Option<&str>) -> String {
        let header = json!({"alg": "RS256", "kid": kid}).to_string();
        let bearer = format!("Bearer {}", sign("RS256", "rsa", &header, CLAIMS));
        let request = snapshot(&[("authorization", &bearer)], NOW + after);
        let got = self.authenticator.authenticate(&request, &self.keys);
        if let palisade_filter::authn::Authentication::Waiting(id) = got {
            self.keys.want(id, NOW + after);
            self.fetch(after, body);
            let got = self.authenticator.authenticate(&request, &self.keys);
            return format!("waited: {}", said(&got));
        }
        said(&got)
    }

    /// Fetches what is due and answers it with `body`.
    fn fetch(&mut self, after: i64, body: Option<&str>) -> Vec<String> {
        let now = NOW + after;
        let due = self.keys.due(now);
        for fetch in &due {
            match body {
                Some(body) => {
                    let _ = self.keys.on_fetched(fetch.id, body.as_bytes(), now);
                }
                None => self.keys.on_failed(fetch.id, now),
            }
        }
        due.iter().map(|fetch| fetch.url.to_string()).collect()
    }
}

fn remote() -> Fixture {
    Fixture::new(json!({"issuer": "iss", "jwksUri": URI}))
}

fn with_kid(kid: &str) -> String {
    jwks(&[jwk("rsa", json!({"kid": kid}))])
}

const GOOD: &str = "iss/alice by ra[0]";
const WAITED: &str = "waited: iss/alice by ra[0]";
const NOT_FETCHED: &str = "401 Jwks remote fetch is failed";
const NO_KEY: &str = "401 Jwks doesn't have key to match kid or alg from Jwt";

#[test]
fn the_server_is_down_then_up_then_down_then_has_new_keys() {
    let mut fixture = remote();
    let old = with_kid("old");
    assert_eq!(fixture.fetch(0, None), [URI]);
    assert_eq!(fixture.ask(1, "old", None), NOT_FETCHED);
    // Retries are further and further apart, and a request can cause one.
    assert_eq!(fixture.fetch(1, None), [URI]);
    assert!(fixture.fetch(2, None).is_empty());
    assert_eq!(fixture.fetch(3, None), [URI]);
    assert!(fixture.fetch(6, None).is_empty());
    assert_eq!(fixture.ask(7, "old", None), NOT_FETCHED);
    assert_eq!(fixture.ask(8, "old", Some(&old)), WAITED);
    // Up; then down for ever: the last good keys stay.
    assert!(fixture.fetch(1000, None).is_empty());
    for refresh in 0..20 {
        fixture.fetch(1208 + refresh * 60, None);
        assert_eq!(fixture.ask(1208 + refresh * 60, "old", None), GOOD);
    }
    let id = fixture.keys.due(NOW + 5000)[0].id;
    assert_eq!(fixture.keys.generation(id), 1);
    // New keys: the old one is none any more.
    assert_eq!(fixture.ask(9000, "new", Some(&with_kid("new"))), WAITED);
    assert_eq!(fixture.ask(9000, "old", None), NO_KEY);
}

#[test]
fn an_unknown_key_id_is_looked_for_once_in_a_while() {
    let mut fixture = remote();
    let old = with_kid("old");
    fixture.fetch(0, Some(&old));
    assert_eq!(fixture.ask(1, "new", None), NO_KEY);
    assert_eq!(fixture.ask(29, "new", None), NO_KEY);
    assert_eq!(
        fixture.ask(30, "new", Some(&old)),
        format!("waited: {NO_KEY}")
    );
    assert_eq!(fixture.ask(31, "other", None), NO_KEY);
    // A failed search does not lose the keys either.
    assert_eq!(fixture.ask(60, "new", None), format!("waited: {NO_KEY}"));
    assert_eq!(fixture.ask(61, "old", None), GOOD);
    assert_eq!(fixture.ask(90, "new", Some(&with_kid("new"))), WAITED);
}

#[test]
fn documents_of_no_use_are_failures() {
    let large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(1 << 20));
    let rows = [
        "",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"RSA"}]}"#,
        r#"{"keys":[],"keys":[]}"#,
        "<html>",
        &large,
    ];
    for body in rows {
        let mut fixture = remote();
        assert_eq!(
            fixture.ask(0, "k", Some(body)),
            format!("waited: {NOT_FETCHED}"),
            "{}",
            &body[..body.len().min(40)]
        );
        fixture.fetch(10, Some(&with_kid("k")));
        fixture.fetch(2000, Some(body));
        assert_eq!(fixture.ask(2000, "k", None), GOOD);
    }
}

#[test]
fn discovery() {
    let issuer = "https://iss.example/tenant/";
    let claims = json!({"iss": issuer, "sub": "s"}).to_string();
    let bearer = format!("Bearer {}", super::mint::token(&claims));
    let document = |issuer: &str, uri: &str| json!({"issuer": issuer, "jwks_uri": uri});
    let keys_at = "https://keys.example/k";
    let well_known = "https://iss.example/tenant/.well-known/openid-configuration";

    let mut fixture = Fixture::new(json!({"issuer": issuer}));
    let good = document(issuer, keys_at).to_string();
    assert_eq!(fixture.fetch(0, Some(&good)), [well_known]);
    assert_eq!(fixture.fetch(0, Some(&with_kid("k"))), [keys_at]);
    let request = snapshot(&[("authorization", &bearer)], NOW);
    let got = fixture.authenticator.authenticate(&request, &fixture.keys);
    assert_eq!(said(&got), format!("{issuer}/s by ra[0]"));
    // After a failure the keys are looked for anew: they may have moved.
    assert_eq!(fixture.fetch(1200, None), [keys_at]);
    assert_eq!(fixture.fetch(1201, Some(&good)), [well_known]);

    let rows = [
        (
            document("https://iss.example/tenant", keys_at),
            "of the issuer",
        ),
        (json!({"jwks_uri": keys_at}), "of the issuer ``"),
        (json!({"issuer": issuer}), "is missing"),
        (
            document(issuer, "file:///etc/passwd"),
            "is not an http or https URL",
        ),
        (json!([]), "is not a JSON object"),
    ];
    for (body, error) in rows {
        let mut fixture = Fixture::new(json!({"issuer": issuer}));
        let id = fixture.keys.due(NOW)[0].id;
        let got = fixture
            .keys
            .on_fetched(id, body.to_string().as_bytes(), NOW);
        let got = got.unwrap_err().to_string();
        assert!(got.contains(error), "{got}");
    }
}

#[test]
fn one_key_set_for_all_rules_with_its_origin() {
    let authenticator = rules(json!([
        {"issuer": "a", "jwksUri": URI, "timeout": "1s"},
        {"issuer": "b", "jwks_uri": URI, "timeout": "10s"},
        {"issuer": "c", "jwksUri": "https://iss.example/other"},
    ]));
    let mut keys = KeyStore::new(authenticator.sources());
    let due = keys.due(NOW);
    let shown: Vec<_> = due
        .iter()
        .map(|fetch| (fetch.url.as_str(), fetch.timeout.as_secs()))
        .collect();
    assert_eq!(shown, [(URI, 10), ("https://iss.example/other", 5)]);
    assert!(
        keys.due(NOW + 11).len() == 1,
        "what is on its way is not due"
    );
    assert_eq!(keys.due(NOW + 12).len(), 1, "what got lost is due again");

    let body = with_kid("k");
    let id = due[0].id;
    let fetched = |keys: &mut KeyStore, now| keys.on_fetched(id, body.as_bytes(), now).unwrap();
    assert_eq!(fetched(&mut keys, NOW), Fetched::Keys { changed: true });
    assert_eq!(
        fetched(&mut keys, NOW + 9),
        Fetched::Keys { changed: false }
    );
    assert_eq!(keys.fetched_at(id), Some(NOW + 9));

    // A new configuration starts with the keys of the old one.
    let mut next = KeyStore::new(authenticator.sources());
    next.adopt(&keys);
    assert_eq!(next.fetched_at(id), Some(NOW + 9));
    assert_eq!(next.due(NOW + 10).len(), 1);
}

#[test]
fn only_tokens_wait() {
    let mut fixture = remote();
    let anonymous = snapshot(&[], NOW);
    let got = fixture
        .authenticator
        .authenticate(&anonymous, &fixture.keys);
    assert_eq!(said(&got), "anonymous");
    let other = format!("Bearer {}", super::mint::token(r#"{"iss":"other"}"#));
    let request = snapshot(&[("authorization", &other)], NOW);
    let got = fixture.authenticator.authenticate(&request, &fixture.keys);
    assert_eq!(said(&got), "401 Jwt issuer is not configured");
    assert_eq!(fixture.ask(0, "k", Some(&with_kid("k"))), WAITED);
}
