//! What the engine decides about a request, and why.

mod json;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The verdict on one request with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What is to be done.
    pub outcome: Outcome,
    /// Why; logs, filter state, metrics and `palisade eval` all read this.
    pub evidence: Evidence,
}

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It goes on, with these changes.
    Allow(RequestChanges),
    /// It is answered here.
    Deny(LocalReply),
}

/// Changes to a request that goes on. Removals come first. The few that there are most often need no
/// memory of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestChanges {
    /// Headers to remove (lower case).
    pub remove: SmallVec<[Arc<str>; 2]>,
    /// Headers to set, each once (lower case).
    pub set: SmallVec<[SetHeader; 2]>,
    /// The new `:path`, when a token is cut out of the query.
    pub path: Option<Vec<u8>>,
}

/// The name of a header (lower case) and its value.
pub type SetHeader = (Arc<str>, Arc<[u8]>);

/// An answer that the filter gives itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// HTTP status.
    pub status: u16,
    /// Body, `text/plain` where the headers do not say otherwise.
    pub body: Cow<'static, [u8]>,
    /// Headers beside those that Envoy adds (lower case).
    pub headers: Vec<(Cow<'static, str>, Vec<u8>)>,
    /// Envoy's `%RESPONSE_CODE_DETAILS%`.
    pub details: Cow<'static, str>,
}

/// Why a request was allowed or denied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Whether the request goes on.
    pub verdict: Verdict,
    /// The HTTP status that the verdict stands for; 200 when allowed.
    pub status: u16,
    /// The step that decided.
    pub phase: Phase,
    /// The body of the denial; what an authorizer tells the client is not repeated here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Cow<'static, str>>,
    /// The response code details of the denial.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub details: Option<Cow<'static, str>>,
    /// The resource that decided, as `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<Arc<str>>,
    /// The index of the rule in that resource that decided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<usize>,
    /// The peer's name from its certificate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub principal: Option<Arc<str>>,
    /// Issuer and subject of the verified token, as `issuer/subject`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_principal: Option<Arc<str>>,
    /// The rule that came nearest, when no rule matched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nearest: Option<NearMiss>,
    /// What policies that are not enforced would have done.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub dry_run: Vec<DryRun>,
    /// The AUDIT policies that matched.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub audit: Vec<Arc<str>>,
    /// The external authorizers that were asked, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub authorizers: Vec<String>,
}

impl Evidence {
    /// Evidence that says no more than this.
    pub fn new(verdict: Verdict, status: u16, phase: Phase) -> Self {
        Self {
            verdict,
            status,
            phase,
            reason: None,
            details: None,
            policy: None,
            rule: None,
            principal: None,
            request_principal: None,
            nearest: None,
            dry_run: Vec::new(),
            audit: Vec::new(),
            authorizers: Vec::new(),
        }
    }
}

/// Whether a request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It does.
    Allow,
    /// It does not.
    Deny,
}

/// The step that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Request authentication refused the token.
    Authn,
    /// An external authorizer answered.
    Custom,
    /// A DENY policy matched.
    Deny,
    /// An ALLOW policy matched; or, with verdict deny, none of those that apply did.
    Allow,
    /// No policy had anything to say: allowed.
    None,
}

/// The clause that kept a rule from matching.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NearMiss {
    /// The policy, as `namespace/name`.
    pub policy: Arc<str>,
    /// The index of the rule.
    pub rule: usize,
    /// The clause that failed, as a path below `spec`; `None` when the policy has no rules.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clause: Option<String>,
    /// What the clause wanted.
    pub expected: Vec<String>,
    /// What the request had; `None` when the attribute is not there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actual: Option<String>,
}

/// What a policy that is not enforced would have done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// The policy that matched, as `namespace/name`; `None` when none did, so that an ALLOW denies
    /// by default and a DENY lets pass.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<Arc<str>>,
    /// ALLOW or DENY.
    pub action: String,
    /// Whether it would have let the request through.
    pub verdict: Verdict,
    /// The rule that matched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<usize>,
}
