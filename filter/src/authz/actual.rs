//! What a request has, in an operator's words.

use crate::Attributes;
use crate::authn::Identity;
use crate::json::Value;
use crate::policy::{Test, find_claim};

/// The value of the attribute that `test` asks for; `None` when it is not there.
pub(super) fn value(
    test: &Test,
    attrs: &impl Attributes,
    identity: Option<&Identity>,
) -> Option<String> {
    match test {
        // Policies write identities without the scheme.
        Test::Peer(_) => attrs
            .peer()
            .map(|name| name.strip_prefix("spiffe://").unwrap_or(name).to_owned()),
        Test::Address(whose, _) => whose.read(attrs).map(|address| address.to_string()),
        Test::Port(_) => attrs.destination_port().map(|port| port.to_string()),
        Test::Sni(_) => attrs.sni().map(str::to_owned),
        Test::Host(_) => joined(attrs.headers().get_all(":authority")),
        Test::Path(_) => joined(attrs.headers().path().into_iter()),
        Test::Method(_) => joined(attrs.headers().method().into_iter()),
        Test::Header(name, _) => joined(attrs.headers().get_all(name)),
        Test::RequestPrincipal(_) => identity.map(|identity| {
            let [issuer, subject] = [&identity.issuer, &identity.subject].map(Option::as_deref);
            let (issuer, subject) = (issuer.unwrap_or_default(), subject.unwrap_or_default());
            format!("{issuer}/{subject}")
        }),
        Test::Claim(path, _) => find_claim(&identity?.claims, path).map(json),
        Test::Metadata(filter, path, _) => attrs.metadata(filter, path).map(|value| json(&value)),
    }
}

/// The values of a header.
fn joined<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let texts: Vec<_> = values.map(String::from_utf8_lossy).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// A string as it is, anything else as JSON; only strings can match.
fn json(value: &Value) -> String {
    let text = || serde_json::to_string(value).unwrap_or_default();
    match value {
        Value::String(text) => text.to_string(),
        Value::List(_) => text(),
        other => format!("{} ({}, only strings match)", text(), other.kind()),
    }
}
