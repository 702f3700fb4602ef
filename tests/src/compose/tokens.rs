//! Tokens of the mesh's issuer, and others.

use host_sim::suite::mint;
use serde_json::{Map, Value, json};

use crate::{Error, repository};

/// The issuer that `tests/compose/objects` names; its keys are those of the corpus.
pub const ISSUER: &str = "https://issuer.example";

/// A token of each kind.
pub struct Tokens(Vec<(&'static str, String)>);

impl Tokens {
    /// Signs them.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn mint() -> Result<Self, Error> {
        let keys = repository().join("tests/corpus/keys");
        let sign = |key: &str, end: u64| -> Result<String, Error> {
            let pem = std::fs::read(keys.join(key))?;
            let header = Map::from_iter([("kid".to_owned(), Value::from("rsa"))]);
            let claims = json!({"iss": ISSUER, "sub": "alice", "exp": end});
            Ok(mint(&claims, &header, &pem, "RS256")?)
        };
        let never = 4_000_000_000;
        Ok(Self(vec![
            ("good", sign("rsa.pem", never)?),
            ("expired", sign("rsa.pem", 1_000_000_000)?),
            ("forged", sign("forger.pem", never)?),
        ]))
    }

    /// The token of this kind; empty for none.
    pub fn get(&self, kind: &str) -> &str {
        let found = self.0.iter().find(|(name, _)| *name == kind);
        found.map_or("", |(_, token)| token)
    }
}
