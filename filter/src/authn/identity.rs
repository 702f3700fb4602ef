//! Who a verified token says the caller is.

use crate::json::Map;

/// What a verified token says: the only token whose claims policies see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The `iss` claim, when it is a string.
    pub issuer: Option<String>,
    /// The `sub` claim, when it is a string.
    pub subject: Option<String>,
    /// The claims, space-delimited ones (such as `scope`) already split into lists.
    pub claims: Map,
}

impl Identity {
    /// `issuer/subject`, when the token names both.
    pub fn principal(&self) -> Option<String> {
        Some(format!(
            "{}/{}",
            self.issuer.as_deref()?,
            self.subject.as_deref()?
        ))
    }
}
