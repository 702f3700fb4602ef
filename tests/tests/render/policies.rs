//! What policies need from the rest of the configuration: key servers, external authorizers, aliases
//! of the trust domain, path normalization.

use host_sim::envoy::certs::Leaf;
use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::issuer::Issuer;
use host_sim::envoy::server::{Answer, Server};
use host_sim::envoy::upstream::echo;
use palisade_tests::Error;
use palisade_tests::tokens::{self, SigningKey};
use serde_json::json;

use palisade_tests::stage::{Stage, free_port, local, outcome};

const ISSUER: &str = "https://issuer.example";

#[test]
fn keys_authorizers_aliases_and_paths() -> Result<(), Error> {
    let application = echo()?;
    let key = SigningKey::generate("k1")?;
    let issuer = Issuer::start(ISSUER, "", tokens::jwks([&key]))?;
    let authorizer = Server::start(|request| {
        let agreed = request.header("x-ticket") == Some(b"yes");
        Answer::empty(if agreed { 200 } else { 403 })
    })?;
    let port = free_port()?;
    let stage = Stage::new(&objects(port, application.address().port(), &issuer))?;
    stage.mesh(&format!(
        "trustDomainAliases: [old.example]
pathNormalization: {{normalization: MERGE_SLASHES}}
extensionProviders:
- name: tickets
  envoyExtAuthzHttp:
    service: 127.0.0.1
    port: {}
    includeRequestHeadersInCheck: [x-ticket]
",
        authorizer.address().port()
    ))?;
    stage.certify("foo/server", "foo/server")?;
    stage.render()?;
    let _envoy = stage.start("foo/server")?;

    let token = key.token(&json!({"iss": ISSUER, "sub": "alice", "exp": tokens::now() + 3600}))?;
    let alias = |id: &str| -> Result<Client, Error> {
        let identity = stage.authority.issue(&Leaf::spiffe(id))?;
        stage.client_as(local(port), Some(&identity), None)
    };
    let old = alias("spiffe://old.example/ns/foo/sa/client")?;
    let own = stage.client(local(port), "foo/client")?;
    let stranger = alias("spiffe://new.example/ns/foo/sa/client")?;
    let signed = |path: &str| Request::get(path).bearer(&token);
    let rows = [
        ("a token", outcome(&own, &signed("/claims")), "200"),
        ("no token", outcome(&own, &Request::get("/claims")), "403"),
        (
            "a bad token",
            outcome(&own, &Request::get("/claims").bearer("a.b.c")),
            "401",
        ),
        (
            "a ticket",
            outcome(&own, &signed("/tickets").header("x-ticket", "yes")),
            "200",
        ),
        ("no ticket", outcome(&own, &signed("/tickets")), "403"),
        (
            "another name of the trust domain",
            outcome(&old, &signed("/claims")),
            "200",
        ),
        (
            "another trust domain",
            outcome(&stranger, &signed("/claims")),
            "refused",
        ),
        (
            "slashes that are one",
            outcome(&own, &signed("//claims")),
            "200",
        ),
        (
            "a path that nobody allows",
            outcome(&own, &signed("/other")),
            "403",
        ),
    ];
    for (what, got, expected) in rows {
        assert_eq!(got, expected, "{what}");
    }
    Ok(())
}

fn objects(port: u16, application: u16, issuer: &Issuer) -> String {
    let keys = issuer.address();
    format!(
        "apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: server
  namespace: foo
  annotations:
    palisade.dev/admin: 127.0.0.1:0
    palisade.dev/application: {port}=127.0.0.1:{application}
spec:
  address: 127.0.0.1
  ports: {{http: {port}}}
  serviceAccount: server
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{name: issuer, namespace: foo}}
spec:
  jwtRules: [{{issuer: '{ISSUER}', jwksUri: 'http://{keys}/jwks'}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: alice, namespace: foo}}
spec:
  rules:
  - from:
    - source:
        principals: [cluster.local/ns/foo/sa/client]
        requestPrincipals: ['{ISSUER}/alice']
    to: [{{operation: {{paths: [/claims, /tickets]}}}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: tickets, namespace: foo}}
spec:
  action: CUSTOM
  provider: {{name: tickets}}
  rules: [{{to: [{{operation: {{paths: [/tickets]}}}}]}}]
"
    )
}
