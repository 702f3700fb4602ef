//! Why a token is refused, in Envoy's words.

use std::borrow::Cow;
use std::fmt;

/// The outcome of looking for and checking a token, when it is not good.
///
/// The texts are those of Envoy's `jwt_authn`: clients and dashboards match on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtStatus {
    /// There is no token where one is looked for.
    Missing,
    /// `nbf` is in the future.
    NotYetValid,
    /// `exp` is in the past.
    Expired,
    /// Not three non-empty sections with two dots, or larger than any token may be.
    BadFormat,
    /// The first section is not base64url.
    HeaderBadBase64,
    /// The header is not a JSON object, or one that readers would read differently.
    HeaderBadJson,
    /// `alg` is missing or not a string.
    HeaderBadAlg,
    /// `alg` is not one that is supported.
    HeaderAlgNotSupported,
    /// `kid` is not a string.
    HeaderBadKid,
    /// The second section is not base64url.
    PayloadBadBase64,
    /// The payload is not a JSON object, or one that readers would read differently.
    PayloadBadJson,
    /// This claim is not a string.
    ClaimNotString(&'static str),
    /// This claim is not a number.
    ClaimNotInteger(&'static str),
    /// This claim is a number that is no time.
    ClaimOutOfRange(&'static str),
    /// `aud` is neither a string nor a list of strings.
    AudienceNotString,
    /// The third section is not base64url.
    SignatureBadBase64,
    /// An Ed25519 signature must have 64 bytes.
    Ed25519SignatureLength,
    /// No rule is for the issuer of the token.
    UnknownIssuer,
    /// The token is not meant for any of the configured audiences.
    AudienceNotAllowed,
    /// No key verifies the signature, or the header asks for what must not be ignored.
    VerificationFailed,
    /// No key has the token's `kid` and `alg`.
    NoMatchingKey,
    /// The issuer's keys could not be fetched.
    KeysNotFetched,
}

/// What is said of a status.
struct Texts {
    body: Cow<'static, str>,
    details: Cow<'static, str>,
}

/// What details begin with; they end with `}`.
const DETAILS: &str = "jwt_authn_access_denied{";

/// The texts of a status that has always the same, made by the compiler.
macro_rules! texts {
    ($body:literal) => {{
        const BYTES: &[u8] = &details::<{ DETAILS.len() + $body.len() + 1 }>($body);
        const TEXT: &str = match std::str::from_utf8(BYTES) {
            Ok(text) => text,
            Err(_) => $body,
        };
        Texts {
            body: Cow::Borrowed($body),
            details: Cow::Borrowed(TEXT),
        }
    }};
}

impl JwtStatus {
    /// The HTTP status of the answer: 403 for a wrong audience, else 401.
    pub fn http_status(self) -> u16 {
        match self {
            Self::AudienceNotAllowed => 403,
            _ => 401,
        }
    }

    /// The body of the answer.
    pub fn text(self) -> Cow<'static, str> {
        self.texts().body
    }

    /// Envoy's `%RESPONSE_CODE_DETAILS%`.
    pub fn details(self) -> Cow<'static, str> {
        self.texts().details
    }

    fn texts(self) -> Texts {
        match self {
            Self::Missing => texts!("Jwt is missing"),
            Self::NotYetValid => texts!("Jwt not yet valid"),
            Self::Expired => texts!("Jwt is expired"),
            Self::BadFormat => texts!(
                "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
            ),
            Self::HeaderBadBase64 => texts!("Jwt header is an invalid Base64url encoded"),
            Self::HeaderBadJson => texts!("Jwt header is an invalid JSON"),
            Self::HeaderBadAlg => texts!("Jwt header [alg] field is required and must be a string"),
            Self::HeaderAlgNotSupported => texts!("Jwt header [alg] is not supported"),
            Self::HeaderBadKid => texts!("Jwt header [kid] field is not a string"),
            Self::PayloadBadBase64 => texts!("Jwt payload is an invalid Base64url encoded"),
            Self::PayloadBadJson => texts!("Jwt payload is an invalid JSON"),
            Self::ClaimNotString(claim) => Texts::of_claim(claim, "is not a string"),
            Self::ClaimNotInteger(claim) => Texts::of_claim(claim, "is not an integer"),
            Self::ClaimOutOfRange(claim) => {
                Texts::of_claim(claim, "is not a positive 64 bit integer")
            }
            Self::AudienceNotString => {
                texts!("Jwt payload [aud] field is not a string or string list")
            }
            Self::SignatureBadBase64 => texts!("Jwt signature is an invalid Base64url encoded"),
            Self::Ed25519SignatureLength => texts!("Jwt ED25519 signature is wrong length"),
            Self::UnknownIssuer => texts!("Jwt issuer is not configured"),
            Self::AudienceNotAllowed => texts!("Audiences in Jwt are not allowed"),
            Self::VerificationFailed => texts!("Jwt verification fails"),
            Self::NoMatchingKey => texts!("Jwks doesn't have key to match kid or alg from Jwt"),
            Self::KeysNotFetched => texts!("Jwks remote fetch is failed"),
        }
    }
}

impl Texts {
    #[cold]
    fn of_claim(claim: &str, complaint: &str) -> Self {
        let body = format!("Jwt payload [{claim}] field {complaint}");
        let details = format!("{DETAILS}{}}}", body.replace(' ', "_"));
        Self {
            body: body.into(),
            details: details.into(),
        }
    }
}

impl fmt::Display for JwtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// The details that go with a body; spaces would break access logs.
const fn details<const LEN: usize>(body: &str) -> [u8; LEN] {
    let mut details = [b'}'; LEN];
    let (before, rest) = details.split_at_mut(DETAILS.len());
    before.copy_from_slice(DETAILS.as_bytes());
    let (inside, _) = rest.split_at_mut(body.len());
    inside.copy_from_slice(body.as_bytes());
    let mut left = inside;
    while let Some((byte, rest)) = left.split_first_mut() {
        if *byte == b' ' {
            *byte = b'_';
        }
        left = rest;
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_repeat_the_body_without_spaces() {
        for (status, body, details) in [
            (
                JwtStatus::Expired,
                "Jwt is expired",
                "jwt_authn_access_denied{Jwt_is_expired}",
            ),
            (
                JwtStatus::ClaimNotString("sub"),
                "Jwt payload [sub] field is not a string",
                "jwt_authn_access_denied{Jwt_payload_[sub]_field_is_not_a_string}",
            ),
        ] {
            assert_eq!(status.text(), body);
            assert_eq!(status.to_string(), body);
            assert_eq!(status.details(), details);
        }
    }
}
