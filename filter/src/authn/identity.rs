//! Who a verified token says the caller is.

use std::sync::Arc;

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
    /// What `claims` say, which look like `split` to policies.
    pub fn new(claims: &Map, split: Map) -> Self {
        let text = |name| claims.get(name).and_then(Value::as_str);
        let (issuer, subject) = (text("iss"), text("sub"));
        let principal = issuer.zip(subject);
        Self {
            issuer: issuer.map(str::to_owned),
            subject: subject.map(str::to_owned),
            principal: principal.map(|(issuer, subject)| format!("{issuer}/{subject}").into()),
            claims: split,
        }
    }
}
