//! The requests of the example, with what has to become of each.

use palisade_filter::decision::Phase;

/// One request and its expectation.
#[derive(Clone, Debug)]
pub struct Row {
    /// The listener that it goes to.
    pub listener: &'static str,
    /// Who sends it.
    pub caller: Caller,
    /// The method.
    pub method: &'static str,
    /// The token that it carries.
    pub token: Option<Token>,
    /// The status, or `None` where there has to be no connection.
    pub status: Option<u16>,
    /// What has to decide, and the policy where one does.
    pub decided_by: Option<(Phase, Option<&'static str>)>,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// `spiffe://cluster.local/ns/default/sa/sleep`.
    Sleep,
    /// `spiffe://cluster.local/ns/default/sa/other`.
    Other,
    /// The name of sleep in a certificate that has ended.
    Outdated,
    /// The name of sleep in a certificate of an unknown authority.
    Stranger,
    /// TLS without a client certificate.
    Nobody,
    /// No TLS.
    Plaintext,
}

/// The token that a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Signed by the issuer's key.
    Good,
    /// Good until half an hour ago.
    Expired,
    /// Signed by that key, but in another issuer's name.
    WrongIssuer,
    /// Signed by somebody else with the issuer's key id.
    Forged,
}

/// Every request of the demo.
#[rustfmt::skip] // a table reads best with a row on a line
pub fn rows() -> Vec<Row> {
    use {Caller::*, Token::*};
    let none = None;
    let allowed = Some((Phase::Allow, Some("foo/httpbin")));
    let default_denied = Some((Phase::Allow, None));
    let bad_token = Some((Phase::Authn, Some("foo/google")));
    let may_read = Some((Phase::Allow, Some("default/allow-read")));
    let rows = [
        ("httpbin", Sleep, "GET", Some(Good), Some(200), allowed),
        ("httpbin", Sleep, "GET", none, Some(403), default_denied),
        ("httpbin", Sleep, "GET", Some(WrongIssuer), Some(401), bad_token),
        ("httpbin", Sleep, "GET", Some(Expired), Some(401), bad_token),
        ("httpbin", Sleep, "GET", Some(Forged), Some(401), bad_token),
        ("httpbin", Sleep, "POST", Some(Good), Some(403), default_denied),
        ("httpbin", Other, "GET", Some(Good), Some(403), default_denied),
        ("httpbin", Nobody, "GET", Some(Good), None, None),
        ("httpbin", Outdated, "GET", Some(Good), None, None),
        ("httpbin", Stranger, "GET", Some(Good), None, None),
        ("httpbin", Plaintext, "GET", Some(Good), None, None),
        ("console", Sleep, "GET", Some(Good), Some(403), default_denied),
        ("console", Plaintext, "GET", none, Some(403), default_denied),
        ("products", Sleep, "GET", none, Some(200), may_read),
        ("products", Plaintext, "GET", none, Some(200), may_read),
        ("products", Plaintext, "HEAD", none, Some(200), may_read),
        ("products", Plaintext, "POST", none, Some(403), default_denied),
        ("products", Sleep, "DELETE", none, Some(403), default_denied),
    ];
    let rows = rows.map(
        |(listener, caller, method, token, status, decided_by)| Row {
            listener,
            caller,
            method,
            token,
            status,
            decided_by,
        },
    );
    rows.to_vec()
}

// === impl Row ===

impl Row {
    /// The request in words.
    pub fn describe(&self) -> String {
        let Self {
            listener, method, ..
        } = self;
        let token = self.token.map_or("no token", Token::describe);
        format!("{method} {listener}, {}, {token}", self.caller.describe())
    }

    /// The expected outcome in a word.
    pub fn expected(&self) -> String {
        self.status
            .map_or_else(|| "refused".to_owned(), |status| status.to_string())
    }
}

// === impl Caller ===

impl Caller {
    /// The name of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sleep => "sleep",
            Self::Other => "other",
            Self::Outdated => "outdated",
            Self::Stranger => "stranger",
            Self::Nobody => "nobody",
            Self::Plaintext => "plaintext",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Sleep => "from sleep",
            Self::Other => "from other",
            Self::Outdated => "expired certificate",
            Self::Stranger => "unknown authority",
            Self::Nobody => "no certificate",
            Self::Plaintext => "plaintext",
        }
    }
}

// === impl Token ===

impl Token {
    /// The name of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::WrongIssuer => "wrong-issuer",
            Self::Forged => "forged",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Good => "good token",
            Self::Expired => "expired token",
            Self::WrongIssuer => "wrong issuer",
            Self::Forged => "forged token",
        }
    }
}
