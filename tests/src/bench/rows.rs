//! What is measured: how many rules, which tokens.

use std::path::{Path, PathBuf};

use host_sim::suite::mint;
use serde_json::{Map, Value, json};

use super::variant::Variant;
use crate::{Error, repository};

/// One comparison.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// How many ALLOW rules there are; the last one matches.
    pub rules: usize,
    /// What the requests carry.
    pub token: Token,
    /// Whether the last rule matches the request.
    pub matches: bool,
    /// Whether an application answers behind the measured Envoy, which else answers itself: the
    /// application shares a core with the load, and then what filters cost shows less.
    pub behind: bool,
}

/// What requests carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// No token, and no policy asks for one.
    None,
    /// The same good one.
    Repeated,
    /// Good ones, each of which was not seen for long.
    Rs256,
    /// The same with ES256.
    Es256,
    /// Forged ones, all different.
    Forged,
}

/// Files with tokens, one a line.
pub struct Tokens {
    folder: PathBuf,
}

/// More than any cache of tokens holds.
const DISTINCT: usize = 4000;

/// Rules in one policy, at most.
const POLICY: usize = 500;

/// Every row.
pub fn all() -> Vec<Row> {
    let row = |name: &str, rules, token, matches| Row {
        name: name.to_owned(),
        rules,
        token,
        matches,
        behind: false,
    };
    let mut rows = vec![row("no token, 1 rule", 1, Token::None, true)];
    for rules in [1, 10, 100, 1_000, 10_000] {
        let name = match rules {
            1 => "repeated token, 1 rule".to_owned(),
            _ => format!("repeated token, {rules} rules"),
        };
        rows.push(row(&name, rules, Token::Repeated, true));
    }
    rows.push(row(
        "repeated token, 1000 rules, none matches",
        1_000,
        Token::Repeated,
        false,
    ));
    rows.push(row(
        "RS256 tokens never seen, 1 rule",
        1,
        Token::Rs256,
        true,
    ));
    rows.push(row(
        "ES256 tokens never seen, 1 rule",
        1,
        Token::Es256,
        true,
    ));
    rows.push(row("forged tokens, 1 rule", 1, Token::Forged, true));
    for (name, rules) in [
        ("application behind: repeated token, 1 rule", 1),
        ("application behind: repeated token, 1000 rules", 1_000),
    ] {
        rows.push(Row {
            behind: true,
            ..row(name, rules, Token::Repeated, true)
        });
    }
    rows
}

impl Row {
    /// What is compared.
    pub fn variants(&self) -> Vec<Variant> {
        let mut variants = vec![Variant::None, Variant::Empty];
        if self.token == Token::None {
            variants.extend([Variant::Lua, Variant::ExtAuthz, Variant::Native]);
        } else {
            variants.extend([Variant::Native, Variant::NativeUncached]);
        }
        if self.token == Token::Repeated && self.rules == 1 && !self.behind {
            variants.push(Variant::Calls);
        }
        variants.extend([Variant::Palisade, Variant::PalisadeAll]);
        variants
    }

    /// What a filter that checks answers.
    pub fn status(&self) -> u16 {
        match (self.token, self.matches) {
            (Token::Forged, _) => 401,
            (_, true) => 200,
            (_, false) => 403,
        }
    }

    /// The path of its requests.
    pub fn path(&self) -> &'static str {
        if self.matches { "/last/x" } else { "/none" }
    }

    /// The policies: rules on paths, principals, addresses and claims in turn, and one that matches.
    pub fn resources(&self) -> Vec<Value> {
        let mut rules: Vec<Value> = (1..self.rules).map(other_rule).collect();
        let operation = json!([{"operation": {"methods": ["GET"], "paths": ["/last/*"]}}]);
        rules.push(match self.token {
            Token::None => json!({"to": operation}),
            _ => json!({"to": operation, "from": [{"source": {"requestPrincipals": ["iss/*"]}}]}),
        });
        let mut resources: Vec<Value> = rules
            .chunks(POLICY)
            .enumerate()
            .map(|(index, rules)| {
                // Envoy tries rules in the order of their names.
                let name = format!("p{index:03}");
                object("AuthorizationPolicy", &name, json!({"rules": rules}))
            })
            .collect();
        if self.token != Token::None {
            let rule =
                json!({"issuer": "iss", "jwks": key("jwks.json"), "forwardOriginalToken": true});
            resources.push(object(
                "RequestAuthentication",
                "tokens",
                json!({"jwtRules": [rule]}),
            ));
        }
        resources
    }
}

fn other_rule(index: usize) -> Value {
    let (a, b) = (index / 250, index % 250);
    match index % 4 {
        0 => json!({"to": [{"operation": {"paths": [format!("/service-{index}/*")]}}]}),
        1 => json!({"from": [{"source": {"principals": [format!("td/ns/foo/sa/{index}")]}}]}),
        2 => json!({"from": [{"source": {"remoteIpBlocks": [format!("10.{a}.{b}.0/24")]}}]}),
        _ => {
            json!({"when": [{"key": "request.auth.claims[group]", "values": [format!("g{index}")]}]})
        }
    }
}

fn object(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "security.istio.io/v1", "kind": kind,
        "metadata": {"name": name, "namespace": "foo"}, "spec": spec})
}

fn key(name: &str) -> String {
    let path = repository().join("tests/corpus/keys").join(name);
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Tokens {
    /// Mints the tokens of every row into files in `folder`.
    ///
    /// # Errors
    /// When a file cannot be written, or a token cannot be signed.
    pub fn mint(folder: &Path) -> Result<Self, Error> {
        let tokens = Self {
            folder: folder.to_owned(),
        };
        for (token, count, key_id, algorithm) in [
            (Token::Repeated, 1, "rsa", "RS256"),
            (Token::Rs256, DISTINCT, "rsa", "RS256"),
            (Token::Es256, DISTINCT, "p256", "ES256"),
        ] {
            let pem = key(&format!("{key_id}.pem"));
            let header = Map::from_iter([("kid".to_owned(), Value::from(key_id))]);
            let mut lines = String::new();
            for number in 0..count {
                let claims = json!({"iss": "iss", "sub": format!("user-{number}"),
                    "exp": 4_000_000_000_u64, "group": ["x", "y"]});
                lines += &mint(&claims, &header, pem.as_bytes(), algorithm)?;
                lines.push('\n');
            }
            std::fs::write(tokens.file(token), lines)?;
        }
        // The signature of another token fits none of them.
        let good = std::fs::read_to_string(tokens.file(Token::Rs256))?;
        let signature = good
            .lines()
            .next()
            .and_then(|token| token.rsplit('.').next());
        let signature = signature.unwrap_or_default();
        let forged = good.lines().skip(1).filter_map(|token| {
            let (signed, _) = token.rsplit_once('.')?;
            Some(format!("{signed}.{signature}\n"))
        });
        std::fs::write(tokens.file(Token::Forged), forged.collect::<String>())?;
        Ok(tokens)
    }

    /// The file with tokens of this kind.
    pub fn file(&self, token: Token) -> PathBuf {
        self.folder.join(match token {
            Token::None | Token::Repeated => "repeated.txt",
            Token::Rs256 => "rs256.txt",
            Token::Es256 => "es256.txt",
            Token::Forged => "forged.txt",
        })
    }

    /// One of them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn first(&self, token: Token) -> Result<String, Error> {
        let text = std::fs::read_to_string(self.file(token))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}
