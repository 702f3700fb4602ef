//! What is answered while an issuer is down, up, slow, wrong, or has new keys.
//!
//! - Before the first keys: requests without a token are not held up; a token waits for the fetch,
//!   and gets 401 `Jwks remote fetch is failed` once that has failed.
//! - Keys that were fetched once stay, however long the issuer is down.
//! - A token with an unknown key id has the keys fetched anew, but not sooner than half a minute
//!   after the last fetch; a set that lacks a key ends its tokens.

use std::time::{Duration, Instant};

use host_sim::envoy::{
    Envoy,
    bootstrap::{Cluster, Listener},
    client::{Client, Request},
    issuer::{Behaviour, DISCOVERY, Issuer},
    until,
};
use palisade_tests::{
    Error, mesh,
    mesh::{Mesh, UPSTREAM},
    policies::{ISSUER, JWKS_URI, authentication_with_discovery, authentication_with_uri},
    tokens::{self, SigningKey},
};
use serde_json::{Value, json};

const NO_KEYS: &str = "Jwks remote fetch is failed";
const UNKNOWN_KEY: &str = "Jwks doesn't have key to match kid or alg from Jwt";
/// How long a change may take to be seen: a back-off of a few seconds, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// The same where the filter first has to rest for half a minute.
const RESTED: Duration = Duration::from_secs(60);

/// An issuer, and Envoy with a policy that takes its tokens.
struct Scene {
    envoy: Envoy,
    issuer: Issuer,
    client: Client,
    _mesh: Mesh,
}

impl Scene {
    /// `prepare` sets the issuer up before Envoy starts.
    fn new(
        authentication: &Value,
        keys: &Value,
        prepare: impl FnOnce(&mut Issuer),
    ) -> Result<Self, Error> {
        let mesh = Mesh::new()?;
        let mut issuer = Issuer::start(ISSUER, JWKS_URI, keys.clone())?;
        let cluster = Cluster::new("issuer", issuer.address());
        prepare(&mut issuer);
        let resources = [authentication.clone()];
        let configuration = mesh::configuration(&resources, &[(ISSUER, "issuer")]);
        let mut listener = Listener::new("inbound", UPSTREAM);
        listener
            .http
            .filters
            .push(mesh::filter(configuration)?.to_json());
        let envoy = mesh.envoy(vec![listener], [cluster])?;
        let client = Client::plain(envoy.listener("inbound")?);
        Ok(Self {
            envoy,
            issuer,
            client,
            _mesh: mesh,
        })
    }

    /// The status and, where it is a denial, the body of the answer to a request with this token.
    fn ask(&self, token: Option<&str>) -> Result<(u16, String), Error> {
        let request = Request::get("/");
        let request = match token {
            Some(token) => request.bearer(token),
            None => request,
        };
        let response = self.client.send(&request)?;
        let body = if response.status == 200 {
            String::new()
        } else {
            response.text()
        };
        Ok((response.status, body))
    }

    /// Asks until the answer is this one.
    fn ask_until(&self, token: &str, expected: (u16, &str), limit: Duration) -> Result<(), Error> {
        let mut last = None;
        let waited = until("the expected answer", limit, || {
            let answer = self.ask(Some(token)).ok();
            let is_expected = answer
                .as_ref()
                .is_some_and(|(s, b)| (*s, b.as_str()) == expected);
            last = answer;
            Ok(is_expected.then_some(()))
        });
        waited.map_err(|error| format!("{error}; the last was {last:?}").into())
    }
}

fn token(key: &SigningKey) -> Result<String, Error> {
    key.token(&json!({"iss": ISSUER, "sub": "alice", "exp": tokens::now() + 3600}))
}

fn ok() -> (u16, String) {
    (200, String::new())
}

#[test]
fn down_at_start_then_up_then_down_then_rotated() -> Result<(), Error> {
    let (old, new) = (SigningKey::generate("old")?, SigningKey::generate("new")?);
    let (with_old, with_new) = (token(&old)?, token(&new)?);
    let authentication = authentication_with_uri();
    let mut scene = Scene::new(&authentication, &tokens::jwks([&old]), Issuer::down)?;

    // Down at start.
    assert_eq!(scene.ask(None)?, ok(), "no token, no need for keys");
    assert_eq!(scene.ask(Some(&with_old))?, (401, NO_KEYS.to_owned()));
    // Failures are counted, and told with the next tick.
    scene
        .envoy
        .admin()
        .wait_for_stat("wasmcustom.palisade.jwks.fetch_failure", 1, SOON)?;

    // Up: found without anybody's doing.
    scene.issuer.up()?;
    scene
        .envoy
        .admin()
        .wait_for_stat("wasmcustom.palisade.jwks.fetch_success", 1, SOON)?;
    let fetched = Instant::now();
    scene.ask_until(&with_old, (200, ""), SOON)?;

    // Down again: the keys stay.
    scene.issuer.down();
    assert_eq!(scene.ask(Some(&with_old))?, ok());
    assert_eq!(
        scene.ask(Some(&token(&old)?))?,
        ok(),
        "also for tokens never seen before"
    );
    assert_eq!(scene.ask(Some(&with_new))?, (401, UNKNOWN_KEY.to_owned()));

    // Rotated: an unknown key id has them fetched, as soon as the last fetch is long enough ago.
    scene.issuer.rotate(tokens::jwks([&new]));
    scene.issuer.up()?;
    let before = scene.issuer.requests().len();
    assert_eq!(scene.ask(Some(&with_new))?, (401, UNKNOWN_KEY.to_owned()));
    if fetched.elapsed() < Duration::from_secs(25) {
        assert_eq!(
            scene.issuer.requests().len(),
            before,
            "unknown key ids do not drive the issuer"
        );
    }
    scene.ask_until(&with_new, (200, ""), RESTED)?;
    // The worker that has the new keys has forgotten what the old ones verified.
    scene.ask_until(&with_old, (401, UNKNOWN_KEY), SOON)?;
    Ok(())
}

#[test]
fn a_token_waits_for_a_slow_issuer() -> Result<(), Error> {
    let key = SigningKey::generate("k1")?;
    let delay = Duration::from_secs(2);
    let prepare = |issuer: &mut Issuer| issuer.behave(Behaviour::Slow(delay));
    let scene = Scene::new(&authentication_with_uri(), &tokens::jwks([&key]), prepare)?;
    assert!(scene.issuer.wait_for_requests(1, SOON));
    assert_eq!(scene.ask(None)?, ok(), "nobody else waits");
    assert_eq!(scene.ask(Some(&token(&key)?))?, ok());
    Ok(())
}

#[test]
fn an_issuer_that_answers_nonsense_is_asked_again() -> Result<(), Error> {
    let key = SigningKey::generate("k1")?;
    let good = token(&key)?;
    let nonsense = Behaviour::Body(b"<html>".to_vec());
    let prepare = |issuer: &mut Issuer| issuer.behave(nonsense);
    let scene = Scene::new(&authentication_with_uri(), &tokens::jwks([&key]), prepare)?;
    assert_eq!(scene.ask(Some(&good))?, (401, NO_KEYS.to_owned()));
    scene.issuer.behave(Behaviour::Status(500));
    let asked = scene.issuer.requests().len();
    assert!(scene.issuer.wait_for_requests(asked + 1, SOON));
    scene.issuer.behave(Behaviour::Serve);
    scene.ask_until(&good, (200, ""), SOON)
}

#[test]
fn keys_are_discovered_where_no_uri_is_given() -> Result<(), Error> {
    let key = SigningKey::generate("k1")?;
    let authentication = authentication_with_discovery();
    let scene = Scene::new(&authentication, &tokens::jwks([&key]), |_| ())?;
    scene.ask_until(&token(&key)?, (200, ""), SOON)?;
    let mut asked = scene.issuer.requests();
    // Envoy's threads may look where the keys are each for itself.
    asked.dedup();
    assert_eq!(asked, [DISCOVERY, "/jwks"]);
    Ok(())
}
