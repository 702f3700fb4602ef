//! A token in compact form (RFC 7515 section 7.1), taken apart.

use std::sync::Arc;

use super::{Algorithm, JwtStatus, base64url};
use crate::bytes::same;
use crate::json::{self, Map, Value};

/// The largest token that is looked at, in bytes.
///
/// Envoy's default limit for all request headers together is 60 KiB (`max_request_headers_kb`), so
/// that no larger token arrives unless that was raised.
pub const MAX_LEN: usize = 64 * 1024;

/// Arrays and objects in header and payload nest less deeply than this, as in Envoy.
const MAX_DEPTH: usize = 99;

/// Times may be off by this many seconds: Envoy's default.
const CLOCK_SKEW: u64 = 60;

/// A token whose parts are well formed. Nothing is verified yet.
#[derive(Clone, Debug)]
pub struct Jwt<'t> {
    /// What it says it is signed with.
    pub algorithm: Algorithm,
    /// The key that it says it is signed with; an empty one counts as none.
    pub key_id: Option<Arc<str>>,
    /// The claims.
    pub claims: Map,
    /// The bytes that are signed.
    pub signed: &'t [u8],
    /// The payload as it was sent, in base64url.
    pub payload: &'t [u8],
    /// The signature.
    pub signature: Vec<u8>,
    /// When it counts.
    pub validity: Validity,
}

/// The header that was read last (RFC 7515 section 4). The tokens of an issuer begin with the same one
/// for as long as its key stays.
#[derive(Clone, Debug, Default)]
pub struct LastHeader(Option<(Box<[u8]>, Header)>);

/// What a header says.
#[derive(Clone, Debug)]
struct Header {
    algorithm: Algorithm,
    key_id: Option<Arc<str>>,
}

/// The claims that are read before the signature is (RFC 7519 section 4.1), found in one pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registered<'c> {
    issuer: Option<&'c Value>,
    subject: Option<&'c Value>,
    audience: Option<&'c Value>,
    expires: Option<&'c Value>,
    not_before: Option<&'c Value>,
    issued_at: Option<&'c Value>,
    id: Option<&'c Value>,
}

/// From when to when a token counts, in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    not_before: u64,
    /// 0 is for ever, as in Envoy.
    expires: u64,
}

impl<'t> Jwt<'t> {
    /// Takes a token apart, in the order in which Envoy reports what is wrong.
    ///
    /// Stricter than Envoy where only an attacker would notice: exactly three sections; base64url
    /// without whitespace, padding, or other spellings of the same bytes; JSON of RFC 8259; no
    /// `crit` (RFC 7515 section 4.1.11: none of its extensions is understood) and no `b64` other
    /// than `true` (RFC 7797); a `typ`, of whatever value, is a string.
    pub fn parse(token: &'t [u8]) -> Result<Self, JwtStatus> {
        Self::parse_after(token, &mut LastHeader::default())
    }

    /// Like [`Self::parse`]; what it reads is the same, whatever was read before.
    pub fn parse_after(token: &'t [u8], last: &mut LastHeader) -> Result<Self, JwtStatus> {
        let ([header, payload, signature], signed) = sections(token).ok_or(JwtStatus::BadFormat)?;
        let Header { algorithm, key_id } = last.read(header)?;

        let claims = base64url(payload).ok_or(JwtStatus::PayloadBadBase64)?;
        let claims = object(&claims).ok_or(JwtStatus::PayloadBadJson)?;
        let registered = Registered::of(&claims);
        string(registered.issuer, "iss")?;
        string(registered.subject, "sub")?;
        time(registered.issued_at, "iat")?;
        let not_before = time(registered.not_before, "nbf")?;
        let expires = time(registered.expires, "exp")?;
        string(registered.id, "jti")?;
        check_audience(registered.audience)?;

        let signature = base64url(signature).ok_or(JwtStatus::SignatureBadBase64)?;
        Ok(Self {
            algorithm,
            key_id,
            claims,
            signed,
            payload,
            signature,
            validity: Validity {
                not_before,
                expires,
            },
        })
    }

    /// The claims that are read before the signature is.
    pub fn registered(&self) -> Registered<'_> {
        Registered::of(&self.claims)
    }
}

impl LastHeader {
    fn read(&mut self, section: &[u8]) -> Result<Header, JwtStatus> {
        match &self.0 {
            Some((text, header)) if same(text, section) => Ok(header.clone()),
            _ => {
                let header = Header::parse(section)?;
                self.0 = Some((section.into(), header.clone()));
                Ok(header)
            }
        }
    }
}

impl Header {
    fn parse(section: &[u8]) -> Result<Self, JwtStatus> {
        let header = base64url(section).ok_or(JwtStatus::HeaderBadBase64)?;
        let header = object(&header).ok_or(JwtStatus::HeaderBadJson)?;
        let algorithm = match header.get("alg") {
            Some(Value::String(name)) => {
                Algorithm::new(name).ok_or(JwtStatus::HeaderAlgNotSupported)?
            }
            _ => return Err(JwtStatus::HeaderBadAlg),
        };
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.as_str()).filter(|id| !id.is_empty()),
            Some(_) => return Err(JwtStatus::HeaderBadKid),
        };
        check_extensions(&header)?;
        Ok(Self {
            algorithm,
            key_id: key_id.map(Arc::from),
        })
    }
}

impl<'c> Registered<'c> {
    /// The claim `iss`; empty when it is not there.
    pub fn issuer(&self) -> &'c str {
        self.issuer.and_then(Value::as_str).unwrap_or_default()
    }

    /// The values of the claim `aud`.
    pub fn audiences(&self) -> impl Iterator<Item = &'c str> {
        let list = match self.audience {
            Some(Value::List(list)) => list.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        list.iter().filter_map(Value::as_str)
    }

    /// By itself, for it is wanted twice.
    #[inline(never)]
    fn of(claims: &'c Map) -> Self {
        let mut registered = Self::default();
        for (name, value) in claims.iter() {
            let claim = match name.as_bytes() {
                b"iss" => &mut registered.issuer,
                b"sub" => &mut registered.subject,
                b"aud" => &mut registered.audience,
                b"exp" => &mut registered.expires,
                b"nbf" => &mut registered.not_before,
                b"iat" => &mut registered.issued_at,
                b"jti" => &mut registered.id,
                _ => continue,
            };
            *claim = Some(value);
        }
        registered
    }
}

impl Validity {
    /// Whether `nbf` and `exp` allow `now` (seconds since the Unix epoch).
    ///
    /// As in Envoy, `exp` 0 is none, and `iat` is not compared with the clock.
    pub fn check(&self, now: i64) -> Result<(), JwtStatus> {
        let now = u64::try_from(now).unwrap_or(0);
        if now.saturating_add(CLOCK_SKEW) < self.not_before {
            return Err(JwtStatus::NotYetValid);
        }
        if self.expires != 0 && now > self.expires.saturating_add(CLOCK_SKEW) {
            return Err(JwtStatus::Expired);
        }
        Ok(())
    }
}

/// Header, payload and signature, and what is signed.
fn sections(token: &[u8]) -> Option<([&[u8]; 3], &[u8])> {
    if token.len() > MAX_LEN {
        return None;
    }
    let mut dots = memchr::memchr_iter(b'.', token);
    let (first, second) = (dots.next()?, dots.next()?);
    if dots.next().is_some() {
        return None;
    }
    let signed = token.get(..second)?;
    let header = token.get(..first)?;
    let payload = signed.get(first.checked_add(1)?..)?;
    let signature = token.get(second.checked_add(1)?..)?;
    let whole = !header.is_empty() && !payload.is_empty() && !signature.is_empty();
    whole.then_some(([header, payload, signature], signed))
}

fn object(text: &[u8]) -> Option<Map> {
    match json::parse(text, MAX_DEPTH) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

/// Refuses a header that asks for what is not done here, instead of ignoring it.
fn check_extensions(header: &Map) -> Result<(), JwtStatus> {
    let plain_payload = !matches!(header.get("b64"), None | Some(Value::Bool(true)));
    if header.contains_key("crit") || plain_payload {
        return Err(JwtStatus::VerificationFailed);
    }
    match header.get("typ") {
        None | Some(Value::String(_)) => Ok(()),
        Some(_) => Err(JwtStatus::HeaderBadJson),
    }
}

fn string(claim: Option<&Value>, name: &'static str) -> Result<(), JwtStatus> {
    match claim {
        None | Some(Value::String(_)) => Ok(()),
        Some(_) => Err(JwtStatus::ClaimNotString(name)),
    }
}

/// A `NumericDate` in whole seconds; 0 when it is not there.
fn time(claim: Option<&Value>, name: &'static str) -> Result<u64, JwtStatus> {
    const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;
    let seconds = match claim {
        None => return Ok(0),
        Some(Value::Number(number)) => number.as_f64().unwrap_or(-1.0),
        Some(_) => return Err(JwtStatus::ClaimNotInteger(name)),
    };
    if !(0.0..TWO_POW_64).contains(&seconds) {
        return Err(JwtStatus::ClaimOutOfRange(name));
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the range of u64; the fraction is cut off as in Envoy"
    )]
    let seconds = seconds as u64;
    Ok(seconds)
}

fn check_audience(claim: Option<&Value>) -> Result<(), JwtStatus> {
    match claim {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::List(list)) if list.iter().all(|value| value.as_str().is_some()) => Ok(()),
        Some(_) => Err(JwtStatus::AudienceNotString),
    }
}
