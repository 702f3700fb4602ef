//! Who a verified token says the caller is.

use std::sync::Arc;

use smol_str::SmolStr;

use super::claims::SpaceDelimited;
use crate::json::{Map, Value};

/// What a verified token says: the only token whose claims policies see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The `iss` claim, when it is a string.
    pub issuer: Option<SmolStr>,
    /// The `sub` claim, when it is a string.
    pub subject: Option<SmolStr>,
    /// `issuer/subject`, when the token names both.
    pub principal: Option<Arc<str>>,
    /// The claims, space-delimited ones (such as `scope`) already split into lists.
    pub claims: Map,
}

impl Identity {
    /// What `claims` say; policies see those lists that are written as one text.
    pub fn new(claims: Map, lists: &SpaceDelimited) -> Self {
        let text = |name| match claims.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        let (issuer, subject) = (text("iss"), text("sub"));
        let principal = issuer.as_ref().zip(subject.as_ref());
        Self {
            principal: principal.map(|(issuer, subject)| [issuer, "/", subject].concat().into()),
            issuer,
            subject,
            claims: lists.split(claims),
        }
    }
}
