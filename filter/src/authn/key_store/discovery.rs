//! The discovery document of an issuer (OpenID Connect Discovery 1.0).

use super::FetchError;
use crate::json::{self, Value};
use crate::resource::request_authentication::HttpUrl;

const MAX_LEN: usize = 256 * 1024;
const MAX_DEPTH: usize = 16;

/// Where the document says that the keys are. It must name the issuer that it was asked for
/// (section 4.3): else anybody's document could stand in.
pub fn jwks_uri(document: &[u8], issuer: &str) -> Result<HttpUrl, FetchError> {
    if document.len() > MAX_LEN {
        return Err(FetchError::Discovery);
    }
    let document = match json::parse(document, MAX_DEPTH) {
        Ok(Value::Object(map)) => map,
        _ => return Err(FetchError::Discovery),
    };
    let text = |name| document.get(name).and_then(Value::as_str);
    match text("issuer") {
        Some(named) if named == issuer => (),
        other => {
            let named = other.unwrap_or_default();
            return Err(FetchError::OtherIssuer(named.to_owned()));
        }
    }
    match text("jwks_uri") {
        Some(uri) => HttpUrl::parse(uri).map_err(FetchError::JwksUri),
        None => Err(FetchError::JwksUri("is missing".to_owned())),
    }
}
