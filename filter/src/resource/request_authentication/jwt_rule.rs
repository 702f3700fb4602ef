//! One entry of `jwtRules`.

use std::sync::Arc;
use std::time::Duration;

use super::HttpUrl;
use crate::config::{ConfigError, Fields, Node, duration};
use crate::jose::KeySet;

/// Where the tokens of an issuer are found, how they are checked, and what becomes of them.
#[derive(Clone, Debug)]
pub struct JwtRule {
    /// The only `iss` that is accepted; empty accepts any.
    pub issuer: String,
    /// A token must be meant for one of these; empty accepts any.
    pub audiences: Vec<String>,
    /// The keys that sign the tokens.
    pub keys: KeySource,
    /// Headers that carry a token.
    pub from_headers: Vec<HeaderLocation>,
    /// Query parameters that carry a token.
    pub from_params: Vec<String>,
    /// Cookies that carry a token.
    pub from_cookies: Vec<String>,
    /// Whether the token stays in the request.
    pub forward_original_token: bool,
    /// The header (lower case) that the payload is sent on in.
    pub output_payload_to_header: Option<String>,
    /// The headers that claims are sent on in.
    pub output_claim_to_headers: Vec<ClaimToHeader>,
    /// Claims that are lists of words, beside `scope` and `permission`.
    pub space_delimited_claims: Vec<String>,
    /// Whether a request without token is refused.
    pub presence: Presence,
}

/// Where the keys of an issuer come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// They are in the resource.
    Inline(Arc<KeySet>),
    /// They are fetched.
    Remote(RemoteKeys),
}

/// Keys that are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteKeys {
    /// Where they are.
    pub origin: RemoteOrigin,
    /// How long a fetch may take.
    pub timeout: Duration,
}

/// Where fetched keys are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemoteOrigin {
    /// At this URL.
    Jwks(HttpUrl),
    /// Where the issuer's discovery document says (OpenID Connect Discovery 1.0 section 4).
    Discovery {
        /// The issuer, which the document must name.
        issuer: String,
        /// The document.
        document: HttpUrl,
    },
}

/// A header that carries a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeaderLocation {
    /// The header, in lower case.
    pub name: Arc<str>,
    /// What comes before the token; empty when the token is the whole value.
    pub prefix: String,
}

/// A header that a claim is sent on in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimToHeader {
    /// The header, in lower case.
    pub header: String,
    /// The names of the claim and of the members inside it.
    pub claim: Vec<String>,
}

/// Whether there must be a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// A request without token passes.
    #[default]
    Optional,
    /// A request without token is refused.
    Required,
}

const FIELDS: &[&str] = &[
    "issuer",
    "audiences",
    "jwksUri",
    "jwks_uri",
    "jwks",
    "fromHeaders",
    "fromParams",
    "fromCookies",
    "outputPayloadToHeader",
    "outputClaimToHeaders",
    "forwardOriginalToken",
    "timeout",
    "spaceDelimitedClaims",
    "presence",
];

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_URL_LEN: usize = 2048;
const MAX_SPACE_DELIMITED: usize = 64;

impl JwtRule {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(FIELDS)?;
        let issuer = match fields.get("issuer") {
            Some(node) => node.string()?.to_owned(),
            None => String::new(),
        };
        Ok(Self {
            audiences: names(&fields, "audiences")?,
            keys: read_keys(&fields, &issuer)?,
            from_headers: read_list(&fields, "fromHeaders", read_header_location)?,
            from_params: names(&fields, "fromParams")?,
            from_cookies: names(&fields, "fromCookies")?,
            forward_original_token: match fields.get("forwardOriginalToken") {
                Some(node) => node.boolean()?,
                None => false,
            },
            output_payload_to_header: match fields.get("outputPayloadToHeader") {
                Some(node) if node.string()?.is_empty() => None,
                Some(node) => Some(header_name(&node)?),
                None => None,
            },
            output_claim_to_headers: read_list(&fields, "outputClaimToHeaders", read_output)?,
            space_delimited_claims: read_space_delimited(&fields)?,
            presence: match fields.get("presence") {
                Some(node) => read_presence(&node)?,
                None => Presence::default(),
            },
            issuer,
        })
    }
}

fn read_keys(fields: &Fields<'_>, issuer: &str) -> Result<KeySource, ConfigError> {
    let text = |key| match fields.get(key) {
        Some(node) if node.string()?.is_empty() => Ok(None),
        other => Ok(other),
    };
    let (uri, alias, inline) = (text("jwksUri")?, text("jwks_uri")?, text("jwks")?);
    if uri.is_some() && alias.is_some() {
        return Err(fields
            .node()
            .error("only one of `jwksUri` and its alias `jwks_uri` can be set")
            .help("remove `jwks_uri`"));
    }
    let uri = uri.or(alias);
    if issuer.is_empty() && uri.is_none() {
        return Err(fields
            .node()
            .error("`issuer` or `jwksUri` must be set")
            .help("name the issuer of the tokens"));
    }
    let timeout = match fields.get("timeout") {
        Some(node) => duration::read(&node)?,
        None => DEFAULT_TIMEOUT,
    };
    let origin = match (uri, inline) {
        (Some(_), Some(node)) => {
            return Err(node
                .error("only one of `jwks` and `jwksUri` can be set")
                .help("remove one of them"));
        }
        (None, Some(node)) => {
            let keys = KeySet::parse(node.string()?.as_bytes()).map_err(|error| {
                node.error(error.to_string())
                    .help("give a JSON Web Key Set with at least one key for signatures")
            })?;
            return Ok(KeySource::Inline(Arc::new(keys)));
        }
        (Some(node), None) => RemoteOrigin::Jwks(read_url(&node)?),
        (None, None) => discovery(fields, issuer)?,
    };
    Ok(KeySource::Remote(RemoteKeys { origin, timeout }))
}

fn read_url(node: &Node<'_>) -> Result<HttpUrl, ConfigError> {
    let text = node.string()?;
    if text.len() > MAX_URL_LEN {
        return Err(node
            .error(format!("is longer than {MAX_URL_LEN} characters"))
            .help("use a shorter URL"));
    }
    HttpUrl::parse(text).map_err(|what| node.error(what).help("write `https://host/path`"))
}

fn discovery(fields: &Fields<'_>, issuer: &str) -> Result<RemoteOrigin, ConfigError> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let document = HttpUrl::parse(&format!("{base}/.well-known/openid-configuration"));
    match document {
        Ok(document) => Ok(RemoteOrigin::Discovery {
            issuer: issuer.to_owned(),
            document,
        }),
        Err(_) => Err(fields
            .node()
            .error(format!(
                "the keys of issuer `{issuer}` cannot be discovered, as it is not an http or https URL"
            ))
            .help("set `jwksUri` or `jwks`")),
    }
}

fn read_header_location(node: &Node<'_>) -> Result<HeaderLocation, ConfigError> {
    let fields = node.object(&["name", "prefix"])?;
    Ok(HeaderLocation {
        name: header_name(&fields.require("name")?)?.into(),
        prefix: match fields.get("prefix") {
            Some(node) => node.string()?.to_owned(),
            None => String::new(),
        },
    })
}

fn read_output(node: &Node<'_>) -> Result<ClaimToHeader, ConfigError> {
    let fields = node.object(&["header", "claim"])?;
    let claim = fields.require("claim")?;
    Ok(ClaimToHeader {
        header: header_name(&fields.require("header")?)?,
        claim: name(&claim)?.split('.').map(str::to_owned).collect(),
    })
}

fn read_space_delimited(fields: &Fields<'_>) -> Result<Vec<String>, ConfigError> {
    let claims = names(fields, "spaceDelimitedClaims")?;
    match fields.get("spaceDelimitedClaims") {
        Some(node) if claims.len() > MAX_SPACE_DELIMITED => Err(node.error(format!(
            "has {} claims, at most {MAX_SPACE_DELIMITED} are allowed",
            claims.len()
        ))),
        _ => Ok(claims),
    }
}

fn read_presence(node: &Node<'_>) -> Result<Presence, ConfigError> {
    match node.string()? {
        "OPTIONAL" | "" => Ok(Presence::Optional),
        "REQUIRED" => Ok(Presence::Required),
        other => Err(node
            .error(format!("`{other}` is not a presence"))
            .help("use OPTIONAL or REQUIRED")),
    }
}

/// A header name in lower case. Pseudo headers and `host` are the request itself.
fn header_name(node: &Node<'_>) -> Result<String, ConfigError> {
    let text = name(node)?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !text.bytes().all(token) || text.eq_ignore_ascii_case("host") {
        return Err(node
            .error(format!("`{text}` is not a header that can be used here"))
            .help("use letters, digits and `-`"));
    }
    Ok(text.to_ascii_lowercase())
}

fn names(fields: &Fields<'_>, key: &str) -> Result<Vec<String>, ConfigError> {
    read_list(fields, key, |node| name(node).map(str::to_owned))
}

fn name<'a>(node: &Node<'a>) -> Result<&'a str, ConfigError> {
    match node.string()? {
        "" => Err(node
            .error("must not be empty")
            .help("remove it or fill it in")),
        text => Ok(text),
    }
}

fn read_list<T>(
    fields: &Fields<'_>,
    key: &str,
    read: impl Fn(&Node<'_>) -> Result<T, ConfigError>,
) -> Result<Vec<T>, ConfigError> {
    match fields.get(key) {
        Some(node) => node.list()?.map(|node| read(&node)).collect(),
        None => Ok(Vec::new()),
    }
}

impl RemoteOrigin {
    /// What is fetched first.
    pub fn first_url(&self) -> &HttpUrl {
        match self {
            Self::Jwks(url) | Self::Discovery { document: url, .. } => url,
        }
    }
}
