//! Who a verified token says the caller is.

use std::sync::Arc;

use super::claims::SpaceDelimited;
use crate::json::{Map, Value};

/// What a verified token says: the only token whose claims policies see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The `iss` claim, when it is a string.
    pub issuer: Option<String>,
    /// The `sub` claim, when it is a string.
    pub subject: Option<String>,
    /// `issuer/subject`, when the token names both.
    pub principal: Option<Arc<str>>,
    /// The claims, space-delimited ones (such as `scope`) already split into lists.
    pub claims: Map,
}

impl Identity {
    /// What `claims` say; policies see those lists that are written as one text.
    pub fn new(claims: Map, lists: &SpaceDelimited) -> Self {
        let text = |name| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let (issuer, subject) = (text("iss"), text("sub"));
        let principal = issuer.as_ref().zip(subject.as_ref());
        Self {
            principal: principal.map(|(issuer, subject)| format!("{issuer}/{subject}").into()),
            issuer,
            subject,
            claims: lists.split(claims),
        }
    }
}
