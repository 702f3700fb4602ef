//! The request of `palisade eval`, with flags like curl's.

use std::net::IpAddr;

use clap::Args;
use host_sim::engine::{Request, Setup};
use host_sim::suite::mint;
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use serde_json::{Map, Value, json};

use super::surroundings::usage;
use crate::exit::{Exit, Failure};

/// One request.
#[derive(Args)]
pub struct RequestArgs {
    /// URL, or path with the query.
    #[arg(value_name = "URL", default_value = "/")]
    url: String,
    /// The method.
    #[arg(
        short = 'X',
        long = "request",
        value_name = "METHOD",
        default_value = "GET"
    )]
    method: String,
    /// The `Host` header, where the URL has none.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// A header.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The identity in the client's certificate: `spiffe://...`, or a principal without the scheme.
    #[arg(long, alias = "principal", value_name = "URI")]
    peer: Option<String>,
    /// Where the connection comes from.
    #[arg(long, value_name = "IP")]
    source_ip: Option<IpAddr>,
    /// The client that a trusted proxy speaks for.
    #[arg(long, value_name = "IP")]
    remote_ip: Option<IpAddr>,
    /// Where the connection goes to.
    #[arg(long, value_name = "IP")]
    destination_ip: Option<IpAddr>,
    /// The workload's port.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// The server name of the TLS handshake.
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// A bearer token, or `@FILE` with one.
    #[arg(long, value_name = "TOKEN", conflicts_with = "claims")]
    token: Option<String>,
    /// Mint a bearer token with these claims; its issuer is made to publish the key.
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// A TCP connection instead of an HTTP request.
    #[arg(long)]
    tcp: bool,
}

impl RequestArgs {
    /// The request; a minted token's key goes into `setup`.
    pub fn build(&self, setup: &mut Setup) -> Result<Request, Failure> {
        setup.tcp = self.tcp;
        let (url_host, path) = split(&self.url);
        let mut headers = self
            .headers
            .iter()
            .map(|text| header(text))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(token) = self.bearer(setup)? {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        let default = Request::default();
        let host = self.host.clone().or(url_host);
        Ok(Request {
            tcp: self.tcp,
            method: self.method.clone(),
            path,
            host: host.unwrap_or_else(|| {
                format!("{}.{}", setup.workload.name, setup.workload.namespace)
                    .trim_start_matches('.')
                    .to_owned()
            }),
            headers,
            peer: self.peer.as_ref().map(|peer| match peer.contains("://") {
                true => peer.clone(),
                false => format!("spiffe://{peer}"),
            }),
            source_ip: self.source_ip.unwrap_or(default.source_ip),
            remote_ip: self.remote_ip,
            destination_ip: self.destination_ip.unwrap_or(default.destination_ip),
            port: self.port,
            sni: self.sni.clone(),
        })
    }

    fn bearer(&self, setup: &mut Setup) -> Result<Option<String>, Failure> {
        match (&self.token, &self.claims) {
            (Some(token), _) => match token.strip_prefix('@') {
                Some(file) => std::fs::read_to_string(file)
                    .map(|text| Some(text.trim().to_owned()))
                    .map_err(|error| Failure::new(Exit::Usage, format!("`{file}`: {error}"))),
                None => Ok(Some(token.clone())),
            },
            (None, Some(claims)) => minted(claims, setup).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Mints a token with a key of its own, which every rule for its issuer is given.
fn minted(claims: &str, setup: &mut Setup) -> Result<String, Failure> {
    let claims: Value = serde_json::from_str(claims)
        .map_err(|error| usage(format!("`--claims` is not JSON: {error}")))?;
    let key = p256::SecretKey::random(&mut OsRng);
    let pem = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| Failure::new(Exit::Engine, error))?;
    let mut jwk: Value = serde_json::from_str(&key.public_key().to_jwk_string())
        .map_err(|error| Failure::new(Exit::Engine, error))?;
    jwk["kid"] = "palisade-eval".into();
    let keys = json!({"keys": [jwk]});
    let rules = setup.resources.iter_mut().filter_map(|object| {
        object
            .pointer_mut("/spec/jwtRules")
            .and_then(Value::as_array_mut)
    });
    for rule in rules
        .flatten()
        .filter(|rule| rule["issuer"] == claims["iss"])
    {
        if let Some(rule) = rule.as_object_mut() {
            rule.retain(|field, _| !matches!(field.as_str(), "jwksUri" | "jwks_uri"));
            rule.insert("jwks".to_owned(), keys.to_string().into());
        }
    }
    let mut header = Map::new();
    header.insert("kid".to_owned(), "palisade-eval".into());
    mint(&claims, &header, pem.as_bytes(), "ES256")
        .map_err(|error| Failure::new(Exit::Engine, error))
}

/// Host and path of a URL, or of a path alone.
fn split(url: &str) -> (Option<String>, String) {
    let Some((_, rest)) = url.split_once("://") else {
        return (None, url.to_owned());
    };
    match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('?') => {
            (Some(rest[..at].to_owned()), format!("/{}", &rest[at..]))
        }
        Some(at) => (Some(rest[..at].to_owned()), rest[at..].to_owned()),
        None => (Some(rest.to_owned()), "/".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| usage(format!("header `{text}` has no `:`")))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
