//! Action CUSTOM: external authorizers, asked before anything is known of a token.
//!
//! Istio gives each provider a shadow `rbac` filter and an `ext_authz` filter, in the order of
//! their names; all have to agree, and their agreement grants nothing by itself. What is asked and
//! how answers are read follows Envoy's `ext_authz` filter.

mod grpc;
mod http;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::attributes::{Attributes, Protocol};
use crate::config::{Config, ConfigError, ExtAuthz, ExtensionProvider};
use crate::decision::{Decision, Evidence, LocalReply, Outcome, Phase, RequestChanges, Verdict};
use crate::headers::Headers;
use crate::policy::{PolicySet, Rule};

/// What the CUSTOM policies want of a request.
#[derive(Clone, Debug)]
pub enum Consultation {
    /// Every authorizer that had to be asked agrees.
    Complete,
    /// This has to be asked; the request waits.
    Ask(Box<Check>),
    /// The request ends here.
    Denied(Box<Decision>),
}

/// A question to an authorizer: an HTTP request to an Envoy cluster.
#[derive(Clone, Debug)]
pub struct Check {
    /// The authorizer's position; those after it are still to be asked.
    pub authorizer: usize,
    /// The name of its provider.
    pub provider: String,
    /// The Envoy cluster.
    pub cluster: String,
    /// Headers with pseudo headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long the answer may take.
    pub timeout: Duration,
    /// Who wants it asked.
    because: Because,
}

/// The rule that wants an authorizer asked.
#[derive(Clone, Debug)]
struct Because {
    policy: Arc<str>,
    rule: usize,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Headers with `:status`; empty when the connection broke.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Headers,
}

/// What an answer means.
#[derive(Clone, Debug)]
pub enum Answered {
    /// The request goes on, changed.
    Granted(Grant),
    /// The request ends here.
    Denied(Box<Decision>),
}

/// What an authorizer that agrees adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Changes to the request.
    pub changes: RequestChanges,
    /// Headers to add to the application's response.
    pub response_headers: Vec<(String, Vec<u8>)>,
}

/// An answer as its protocol means it.
enum Meaning {
    Granted(Grant),
    Denied(LocalReply),
    /// It cannot say.
    Error,
}

/// The authorizers of one workload, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub struct Authorizers(Vec<Authorizer>);

#[derive(Clone, Debug)]
struct Authorizer {
    name: String,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Usable {
        provider: ExtensionProvider,
        cluster: String,
    },
    /// Whoever would be asked about is denied: the reason.
    Unusable(&'static str),
}

const UNKNOWN: &str = "is not in `mesh.extensionProviders`";
const SEVERAL: &str = "is one of several, which needs `mesh.multipleCustomAuthzProviders`";

/// Envoy's response code details.
const AUTHZ_DENIED: &str = "ext_authz_denied";
const AUTHZ_ERROR: &str = "ext_authz_error";

// === impl Authorizers ===

impl Authorizers {
    /// Finds the provider and the cluster for everyone whom `policies` want asked.
    pub fn compile(config: &Config, policies: &PolicySet) -> Result<Self, ConfigError> {
        let names: Vec<&str> = policies.custom_providers().collect();
        let several = names.len() > 1 && !config.mesh.multiple_custom_authz_providers;
        let mut authorizers = Vec::new();
        for name in names {
            let mut providers = config.mesh.extension_providers.iter();
            let provider = providers.find(|provider| provider.name == name);
            let state = match provider {
                _ if several => State::Unusable(SEVERAL),
                None => State::Unusable(UNKNOWN),
                // Istio passes it over: it understands no connections.
                Some(provider)
                    if config.protocol == Protocol::Tcp
                        && matches!(provider.protocol, ExtAuthz::Http(_)) =>
                {
                    continue;
                }
                Some(provider) => State::Usable {
                    provider: provider.clone(),
                    cluster: cluster(config, name)?,
                },
            };
            let name = name.to_owned();
            authorizers.push(Authorizer { name, state });
        }
        Ok(Self(authorizers))
    }

    /// Whether nobody is ever asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next question about a request, or its end; the first `asked` authorizers have agreed.
    pub fn consult(
        &self,
        asked: usize,
        policies: &PolicySet,
        attributes: &impl Attributes,
        protocol: Protocol,
    ) -> Consultation {
        for (index, authorizer) in self.0.iter().enumerate().skip(asked) {
            let Some(rule) = policies.custom_match(&authorizer.name, attributes) else {
                continue;
            };
            return match &authorizer.state {
                State::Unusable(why) => Consultation::Denied(Box::new(unusable(
                    &authorizer.name,
                    why,
                    rule,
                    attributes,
                ))),
                State::Usable { provider, cluster } => {
                    let (headers, body) = match (&provider.protocol, protocol) {
                        (ExtAuthz::Http(http), _) => (http::check(http, attributes), Vec::new()),
                        (ExtAuthz::Grpc { authority }, protocol) => {
                            grpc::check(authority, attributes, protocol)
                        }
                    };
                    Consultation::Ask(Box::new(Check {
                        authorizer: index,
                        provider: provider.name.clone(),
                        cluster: cluster.clone(),
                        headers,
                        body,
                        timeout: provider.timeout,
                        because: Because::new(rule),
                    }))
                }
            };
        }
        Consultation::Complete
    }

    /// What `answer` to `check` means for the request behind `attributes`.
    pub fn answered(
        &self,
        check: &Check,
        answer: &Answer,
        attributes: &impl Attributes,
    ) -> Answered {
        let Some(Authorizer {
            state: State::Usable { provider, .. },
            ..
        }) = self.0.get(check.authorizer)
        else {
            return denied(check, attributes, error(FORBIDDEN), "is not known any more");
        };
        let meaning = match &provider.protocol {
            ExtAuthz::Http(http) => http::read(http, answer),
            ExtAuthz::Grpc { .. } => grpc::read(answer, attributes.headers()),
        };
        match meaning {
            Meaning::Granted(grant) => Answered::Granted(grant),
            Meaning::Error if provider.fail_open => Answered::Granted(Grant::default()),
            Meaning::Error => {
                let reply = error(provider.status_on_error);
                denied(check, attributes, reply, "gave no answer")
            }
            Meaning::Denied(reply) => denied(check, attributes, reply, "denied"),
        }
    }
}

const FORBIDDEN: u16 = 403;

// === impl Because ===

impl Because {
    fn new(rule: &Rule) -> Self {
        Self {
            policy: Arc::clone(&rule.policy),
            rule: rule.index,
        }
    }
}

// === impl Answer ===

impl Answer {
    /// The status; `None` when the connection broke.
    fn status(&self) -> Option<u16> {
        let status = std::str::from_utf8(self.headers.get(":status")?).ok()?;
        status.parse().ok()
    }
}

fn cluster(config: &Config, provider: &str) -> Result<String, ConfigError> {
    match config.ext_authz_clusters.get(provider) {
        Some(cluster) if !cluster.is_empty() => Ok(cluster.clone()),
        _ => Err(
            ConfigError::new("extAuthzClusters", format!("no cluster for `{provider}`"))
                .help(format!("add `\"{provider}\": \"<Envoy cluster>\"`")),
        ),
    }
}

fn unusable(name: &str, why: &str, rule: &Rule, attributes: &impl Attributes) -> Decision {
    let details = format!(
        "rbac_access_denied_matched_policy[istio-ext-authz-{name}-{}-deny-due-to-bad-CUSTOM-action]",
        rule.id
    );
    let reply = LocalReply {
        status: FORBIDDEN,
        body: crate::authz::DENIED.as_bytes().into(),
        headers: Vec::new(),
        details: details.into(),
    };
    decision(name, &Because::new(rule), attributes, reply, why)
}

fn denied(check: &Check, attributes: &impl Attributes, reply: LocalReply, why: &str) -> Answered {
    let decision = decision(&check.provider, &check.because, attributes, reply, why);
    Answered::Denied(Box::new(decision))
}

fn decision(
    provider: &str,
    because: &Because,
    attributes: &impl Attributes,
    reply: LocalReply,
    why: &str,
) -> Decision {
    let mut evidence = Evidence::new(Verdict::Deny, reply.status, Phase::Custom);
    evidence.reason = Some(format!("the authorizer `{provider}` {why}").into());
    evidence.details = Some(reply.details.clone());
    evidence.policy = Some(Arc::clone(&because.policy));
    evidence.rule = Some(because.rule);
    evidence.principal = attributes.peer().cloned();
    Decision {
        outcome: Outcome::Deny(reply),
        evidence,
    }
}

/// The answer when an authorizer cannot say.
fn error(status: u16) -> LocalReply {
    LocalReply {
        status,
        body: Cow::default(),
        headers: Vec::new(),
        details: AUTHZ_ERROR.into(),
    }
}
