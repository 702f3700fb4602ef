//! The way through: consult, authenticate, authorize, decide.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::attributes::{Attributes, Protocol};
use crate::authn::{
    Authentication, Authenticator, Identity, KeySetId, KeyStore, Refusal, TokenCacheStats,
};
use crate::authz::{Authorization, DENIED};
use crate::changed::Changed;
use crate::config::{Config, ConfigError};
use crate::crypto::Crypto;
use crate::decision::{Decision, Evidence, LocalReply, Outcome, Phase, RequestChanges, Verdict};
use crate::ext_authz::{Answer, Answered, Authorizers, Check, Consultation, Grant};
use crate::policy::{Needs, PolicySet};
use crate::resource::request_authentication::RemoteKeys;

const OK: u16 = 200;
const FORBIDDEN: u16 = 403;

/// The policies of one workload, compiled.
#[derive(Debug)]
pub struct Engine {
    protocol: Protocol,
    authorizers: Authorizers,
    authenticator: Authenticator,
    policies: PolicySet,
    needs: Needs,
    /// The headers that policies read.
    headers: BTreeSet<Box<str>>,
}

/// How much evidence is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What decided.
    Brief,
    /// And, where nothing matched, what came nearest.
    Full,
}

/// What the engine says about a request.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every request is decided, and a box would be its only allocation"
)]
pub enum Judgement {
    /// It is decided.
    Decided(Decision),
    /// It cannot be decided before these keys are there, or known not to come.
    Waiting(KeySetId),
}

impl Engine {
    /// Compiles what of `config` is for its workload; signatures are verified by `crypto`.
    pub fn compile(config: &Config, crypto: Crypto) -> Result<Self, ConfigError> {
        let Config {
            protocol,
            mesh,
            workload,
            jwks_clusters,
            resources,
            ..
        } = config;
        let rules = &resources.request_authentications;
        let authenticator = Authenticator::compile(rules, workload, mesh, crypto);
        for source in authenticator.sources() {
            let url = source.origin.first_url();
            if jwks_clusters.cluster(url).is_none() {
                return Err(
                    ConfigError::new("jwksClusters", format!("no cluster for `{url}`"))
                        .help(format!("add `\"{}\": \"<Envoy cluster>\"`", url.origin())),
                );
            }
        }
        let rules = &resources.authorization_policies;
        let policies = PolicySet::compile(rules, workload, mesh, *protocol);
        Ok(Self {
            protocol: *protocol,
            authorizers: Authorizers::compile(config, &policies)?,
            authenticator,
            needs: policies.needs(),
            headers: policies.header_names().map(Box::from).collect(),
            policies,
        })
    }

    /// The key sets that have to be fetched.
    pub fn key_sources(&self) -> &[RemoteKeys] {
        self.authenticator.sources()
    }

    /// Which attributes the policies can read.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// What is remembered of verified tokens.
    pub fn token_cache(&self) -> TokenCacheStats {
        self.authenticator.token_cache()
    }

    /// Whether CUSTOM policies can want an external authorizer asked.
    pub fn has_authorizers(&self) -> bool {
        !self.authorizers.is_empty()
    }

    /// The next question of CUSTOM policies about a request or connection, which comes before
    /// [`Engine::judge`]; the first `asked` authorizers have agreed.
    pub fn consult(&self, attributes: &impl Attributes, asked: usize) -> Consultation {
        self.authorizers
            .consult(asked, &self.policies, attributes, self.protocol)
    }

    /// What `answer` to `check` means. The changes of a [`Grant`] have to
    /// be in `attributes` for what follows.
    pub fn answered(
        &self,
        check: &Check,
        answer: &Answer,
        attributes: &impl Attributes,
    ) -> Answered {
        match self.authorizers.answered(check, answer, attributes) {
            // A connection has no headers to change.
            Answered::Granted(_) if self.protocol == Protocol::Tcp => {
                Answered::Granted(Grant::default())
            }
            answered => answered,
        }
    }

    /// Decides about the request or connection behind `attributes`.
    pub fn judge(
        &self,
        attributes: &impl Attributes,
        keys: &KeyStore,
        detail: Detail,
    ) -> Judgement {
        let authentication = match self.protocol {
            Protocol::Http => self.authenticator.authenticate(attributes, keys),
            Protocol::Tcp => Authentication::Anonymous(RequestChanges::default()),
        };
        let (identity, changes) = match authentication {
            Authentication::Anonymous(changes) => (None, changes),
            Authentication::Verified(verified) => (Some(verified.identity), verified.changes),
            Authentication::Waiting(key_set) => return Judgement::Waiting(key_set),
            Authentication::Refused(refusal) => return self.refuse(attributes, refusal, detail),
        };
        let identity = identity.as_deref();
        if self.reads(&changes) {
            let changed = Changed::new(attributes, &changes);
            self.authorize(&changed, identity, changes, detail)
        } else {
            self.authorize(attributes, identity, changes, detail)
        }
    }

    /// Whether policies read something that is changed.
    fn reads(&self, RequestChanges { remove, set, path }: &RequestChanges) -> bool {
        let names = remove.iter().chain(set.iter().map(|(name, _)| name));
        let path = path.iter().map(|_| ":path");
        let mut names = names.map(|name| &**name).chain(path);
        names.any(|name| self.headers.contains(name))
    }

    fn refuse(&self, attributes: &impl Attributes, refusal: Refusal, detail: Detail) -> Judgement {
        let mut evidence = Evidence::new(Verdict::Deny, refusal.reply.status, Phase::Authn);
        evidence.policy = Some(refusal.policy);
        evidence.rule = Some(refusal.rule);
        evidence.principal = self.principal(attributes, &evidence, detail);
        deny(refusal.reply, refusal.status.text(), evidence)
    }

    /// Who the peer is: not read from the host for a request that passes whoever sends it.
    fn principal(
        &self,
        attributes: &impl Attributes,
        evidence: &Evidence,
        detail: Detail,
    ) -> Option<Arc<str>> {
        let matters = detail == Detail::Full
            || evidence.verdict == Verdict::Deny
            || self.needs.contains(Needs::PEER);
        let peer = matters.then(|| attributes.peer());
        peer.flatten().cloned()
    }

    fn authorize(
        &self,
        attributes: &impl Attributes,
        identity: Option<&Identity>,
        changes: RequestChanges,
        detail: Detail,
    ) -> Judgement {
        let authorization = self.policies.authorize(attributes, identity);
        let verdict = authorization.verdict();
        let status = if verdict == Verdict::Allow {
            OK
        } else {
            FORBIDDEN
        };
        let mut evidence = Evidence::new(verdict, status, authorization.phase());
        if let Some(rule) = authorization.rule() {
            evidence.policy = Some(Arc::clone(&rule.policy));
            evidence.rule = Some(rule.index);
        }
        evidence.principal = self.principal(attributes, &evidence, detail);
        evidence.request_principal = identity.and_then(|identity| identity.principal.clone());
        if self.policies.has_observers() {
            let observation = self.policies.observe(attributes, identity);
            evidence.dry_run = observation.dry_run;
            evidence.audit = observation.audit;
        }
        if detail == Detail::Full && matches!(authorization, Authorization::NotAllowed) {
            evidence.nearest = self.policies.nearest(attributes, identity);
        }
        let Some(details) = authorization.details() else {
            let outcome = Outcome::Allow(changes);
            return Judgement::Decided(Decision { outcome, evidence });
        };
        let reply = LocalReply {
            status,
            body: DENIED.as_bytes().into(),
            headers: Vec::new(),
            details: details.into(),
        };
        deny(reply, DENIED.into(), evidence)
    }
}

fn deny(reply: LocalReply, reason: Cow<'static, str>, mut evidence: Evidence) -> Judgement {
    evidence.reason = Some(reason);
    evidence.details = Some(reply.details.clone());
    let outcome = Outcome::Deny(reply);
    Judgement::Decided(Decision { outcome, evidence })
}
