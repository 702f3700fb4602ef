//! Vectors of signatures, good and bad.

use palisade_filter::crypto::Crypto;
use palisade_filter::jose::{Jwt, JwtStatus, KeySet};
use palisade_tests::Error;
use serde_json::Value;

use super::known::assert_known;
use super::{name, rows};

#[test]
fn signatures() -> Result<(), Error> {
    let crypto = Crypto::software();
    let mut problems = Vec::new();
    for row in rows("wycheproof.json")? {
        let wanted = row["jws_result"].as_str().unwrap_or_default();
        let result = verify(&row, &crypto);
        // What is acceptable may go either way.
        if wanted != "acceptable" && (wanted == "valid") != result.is_ok() {
            problems.push(format!("{} is {wanted}, not {result:?}", name(&row)));
        }
    }
    assert_known(&problems);
    Ok(())
}

/// The verdict on the signature alone: most payloads of the table are no claims, so that an empty
/// object stands in for them until the verifier is asked.
fn verify(row: &Value, crypto: &Crypto) -> Result<(), String> {
    let keys = KeySet::parse(row["jwks"].to_string().as_bytes());
    let keys = keys.map_err(|error| error.to_string())?;
    let token = row["token"].as_str().unwrap_or_default();
    if let Err(status @ (JwtStatus::BadFormat | JwtStatus::PayloadBadBase64)) =
        Jwt::parse(token.as_bytes())
    {
        return Err(status.to_string());
    }
    let (signed, signature) = token.rsplit_once('.').ok_or("no signature")?;
    let (header, _) = signed.split_once('.').ok_or("no payload")?;
    let stand_in = format!("{header}.e30.{signature}");
    let mut jwt = Jwt::parse(stand_in.as_bytes()).map_err(|status| status.to_string())?;
    jwt.signed = signed.as_bytes();
    keys.verify(&jwt, crypto)
        .map_err(|status| status.to_string())
}
