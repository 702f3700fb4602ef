//! Who the callers are, and the tokens that they bring.

use std::{fs, path::Path};

use host_sim::envoy::certs::{Authority, Identity, Leaf};
use serde_json::{Value, json};

use super::{Caller, Token};
use crate::{
    Error,
    tokens::{self, SigningKey},
};

/// The issuer of good tokens.
pub const ISSUER: &str = "https://accounts.google.com";
/// Where its keys are; the example maps that origin to a cluster on loopback.
pub const JWKS_URI: &str = "https://www.googleapis.com/oauth2/v3/certs";

const HOUR: u64 = 3600;

/// Certificates and tokens, made anew for each run.
#[derive(Debug)]
pub struct Credentials {
    /// The certificate of the mesh's authority.
    pub authority: String,
    /// The certificate of the workloads behind Envoy.
    pub server: Identity,
    /// The issuer's keys.
    pub jwks: Value,
    callers: Vec<(Caller, Identity)>,
    tokens: Vec<(Token, String)>,
}

impl Credentials {
    /// Makes all of them.
    ///
    /// # Errors
    /// When there is no key to be had.
    pub fn new() -> Result<Self, Error> {
        let authority = Authority::new("palisade demo")?;
        let workload = |name: &str| Leaf::spiffe(format!("spiffe://cluster.local/ns/{name}"));
        let sleep = workload("default/sa/sleep");
        let callers = vec![
            (Caller::Sleep, authority.issue(&sleep)?),
            (
                Caller::Other,
                authority.issue(&workload("default/sa/other"))?,
            ),
            (Caller::Outdated, authority.issue(&sleep.clone().expired())?),
            (
                Caller::Stranger,
                Authority::new("somebody else")?.issue(&sleep)?,
            ),
        ];
        let server =
            authority.issue(&workload("foo/sa/httpbin").dns("localhost").dns("127.0.0.1"))?;
        let key = SigningKey::generate("key-1")?;
        Ok(Self {
            authority: authority.certificate(),
            server,
            jwks: tokens::jwks([&key]),
            callers,
            tokens: make_tokens(&key)?,
        })
    }

    /// The certificate that a caller presents.
    pub fn identity(&self, caller: Caller) -> Option<&Identity> {
        self.callers
            .iter()
            .find(|(known, _)| *known == caller)
            .map(|(_, identity)| identity)
    }

    /// The text of a token.
    pub fn token(&self, token: Token) -> Option<&str> {
        self.tokens
            .iter()
            .find(|(known, _)| *known == token)
            .map(|(_, text)| text.as_str())
    }

    /// Writes everything into a folder: `ca.pem`, `NAME.pem` with `NAME-key.pem`, `NAME.jwt`, `jwks.json`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("ca.pem"), &self.authority)?;
        fs::write(folder.join("jwks.json"), self.jwks.to_string())?;
        let callers = self
            .callers
            .iter()
            .map(|(caller, identity)| (caller.name(), identity));
        for (name, identity) in callers.chain([("server", &self.server)]) {
            fs::write(folder.join(format!("{name}.pem")), &identity.certificate)?;
            fs::write(folder.join(format!("{name}-key.pem")), &identity.key)?;
        }
        for (token, text) in &self.tokens {
            fs::write(folder.join(format!("{}.jwt", token.name())), text)?;
        }
        Ok(())
    }
}

fn make_tokens(key: &SigningKey) -> Result<Vec<(Token, String)>, Error> {
    let now = tokens::now();
    let claims = |issuer: &str, expires: u64| json!({"iss": issuer, "sub": "alice", "aud": "httpbin", "iat": now - HOUR, "exp": expires});
    let good = claims(ISSUER, now + 24 * HOUR);
    // The right key id on another key.
    let forger = SigningKey::generate("key-1")?;
    Ok(vec![
        (Token::Good, key.token(&good)?),
        (Token::Expired, key.token(&claims(ISSUER, now - HOUR / 2))?),
        (
            Token::WrongIssuer,
            key.token(&claims("https://issuer.example", now + HOUR))?,
        ),
        (Token::Forged, forger.token(&good)?),
    ])
}
