//! The tokens of a suite: as they are, or minted when it runs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use p521::ecdsa::signature::Signer;
use p521::pkcs8::DecodePrivateKey;
use palisade_filter::config::{ConfigError, Node};
use serde_json::{Map, Value, json};

/// Tokens by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens(BTreeMap<String, String>);

/// Why a token cannot be minted.
#[derive(Debug)]
pub struct TokenError(String);

/// Mints a token: `claims` under `header`, signed by the private key `key` (PEM; a shared secret as
/// it is for HS256 and its like) with `alg`.
///
/// # Errors
/// When the key is not for the algorithm, or the algorithm is unknown.
pub fn mint(
    claims: &Value,
    header: &Map<String, Value>,
    key: &[u8],
    alg: &str,
) -> Result<String, TokenError> {
    let mut full = Map::new();
    full.insert("alg".to_owned(), json!(alg));
    full.insert("typ".to_owned(), json!("JWT"));
    full.extend(header.clone());
    let part = |value: &str| URL_SAFE_NO_PAD.encode(value);
    let message = format!(
        "{}.{}",
        part(&Value::Object(full).to_string()),
        part(&claims.to_string())
    );
    let signature = sign(message.as_bytes(), key, alg)?;
    Ok(format!("{message}.{signature}"))
}

fn sign(message: &[u8], key: &[u8], alg: &str) -> Result<String, TokenError> {
    let problem = |error: &dyn fmt::Display| TokenError(format!("no key for `{alg}`: {error}"));
    if alg == "ES512" {
        let text = std::str::from_utf8(key).map_err(|error| problem(&error))?;
        let secret = p521::SecretKey::from_pkcs8_pem(text).map_err(|error| problem(&error))?;
        let key = p521::ecdsa::SigningKey::from_slice(&secret.to_bytes())
            .map_err(|error| problem(&error))?;
        let signature: p521::ecdsa::Signature = key.sign(message);
        return Ok(URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    }
    let algorithm: Algorithm = alg
        .parse()
        .map_err(|_| TokenError(format!("unknown algorithm `{alg}`")))?;
    let key = match alg {
        "HS256" | "HS384" | "HS512" => Ok(EncodingKey::from_secret(key)),
        "EdDSA" => EncodingKey::from_ed_pem(key),
        _ if alg.starts_with("ES") => EncodingKey::from_ec_pem(key),
        _ => EncodingKey::from_rsa_pem(key),
    };
    let key = key.map_err(|error| problem(&error))?;
    jsonwebtoken::crypto::sign(message, &key, algorithm).map_err(|error| problem(&error))
}

impl Tokens {
    /// Reads `tokens`; keys are files relative to `folder`.
    pub(super) fn read(node: &Node<'_>, folder: &Path) -> Result<Self, ConfigError> {
        node.open_object()?
            .iter()
            .map(|(name, node)| Ok((name.to_owned(), read_token(&node, folder)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The token `name`.
    pub(super) fn get(&self, node: &Node<'_>, name: &str) -> Result<&str, ConfigError> {
        self.0.get(name).map(String::as_str).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            node.error(format!("no token `{name}`"))
                .help(format!("known: {}", known.join(", ")))
        })
    }

    /// A text with `${name}` replaced by the tokens.
    pub(super) fn expand(&self, node: &Node<'_>) -> Result<String, ConfigError> {
        let mut rest = node.string()?;
        let mut text = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| node.error("`${` without `}`"))?;
            text.push_str(before);
            text.push_str(self.get(node, name)?);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }
}

fn read_token(node: &Node<'_>, folder: &Path) -> Result<String, ConfigError> {
    let fields = node.object(&["raw", "claims", "header", "key", "alg"])?;
    if let Some(raw) = fields.get("raw") {
        return Ok(raw.string()?.to_owned());
    }
    let object = |node: Node<'_>| serde_json::to_value(node.value()).unwrap_or_default();
    let claims = object(fields.require("claims")?);
    let header = fields
        .get("header")
        .map(object)
        .unwrap_or_else(|| json!({}));
    let (key, alg) = (fields.require("key")?, fields.require("alg")?);
    let path = folder.join(key.string()?);
    let pem = std::fs::read(&path)
        .map_err(|error| key.error(format!("`{}`: {error}", path.display())))?;
    let header = header.as_object().cloned().unwrap_or_default();
    mint(&claims, &header, &pem, alg.string()?).map_err(|error| node.error(error.to_string()))
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TokenError {}
