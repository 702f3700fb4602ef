//! Why a token is refused, in Envoy's words.

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

impl JwtStatus {
    /// The HTTP status of the answer: 403 for a wrong audience, else 401.
    pub fn http_status(self) -> u16 {
        match self {
            Self::AudienceNotAllowed => 403,
            _ => 401,
        }
    }

    /// Envoy's `%RESPONSE_CODE_DETAILS%`; spaces would break access logs.
    pub fn details(self) -> String {
        let text = self.to_string().replace(' ', "_");
        format!("jwt_authn_access_denied{{{text}}}")
    }
}

/// The body of the answer.
impl fmt::Display for JwtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Missing => "Jwt is missing",
            Self::NotYetValid => "Jwt not yet valid",
            Self::Expired => "Jwt is expired",
            Self::BadFormat => {
                "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
            }
            Self::HeaderBadBase64 => "Jwt header is an invalid Base64url encoded",
            Self::HeaderBadJson => "Jwt header is an invalid JSON",
            Self::HeaderBadAlg => "Jwt header [alg] field is required and must be a string",
            Self::HeaderAlgNotSupported => "Jwt header [alg] is not supported",
            Self::HeaderBadKid => "Jwt header [kid] field is not a string",
            Self::PayloadBadBase64 => "Jwt payload is an invalid Base64url encoded",
            Self::PayloadBadJson => "Jwt payload is an invalid JSON",
            Self::ClaimNotString(claim) => {
                return write!(f, "Jwt payload [{claim}] field is not a string");
            }
            Self::ClaimNotInteger(claim) => {
                return write!(f, "Jwt payload [{claim}] field is not an integer");
            }
            Self::ClaimOutOfRange(claim) => {
                return write!(
                    f,
                    "Jwt payload [{claim}] field is not a positive 64 bit integer"
                );
            }
            Self::AudienceNotString => "Jwt payload [aud] field is not a string or string list",
            Self::SignatureBadBase64 => "Jwt signature is an invalid Base64url encoded",
            Self::Ed25519SignatureLength => "Jwt ED25519 signature is wrong length",
            Self::UnknownIssuer => "Jwt issuer is not configured",
            Self::AudienceNotAllowed => "Audiences in Jwt are not allowed",
            Self::VerificationFailed => "Jwt verification fails",
            Self::NoMatchingKey => "Jwks doesn't have key to match kid or alg from Jwt",
            Self::KeysNotFetched => "Jwks remote fetch is failed",
        };
        f.write_str(text)
    }
}
