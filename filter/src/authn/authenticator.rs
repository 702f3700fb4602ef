//! The compiled `RequestAuthentication` resources of one workload.

use std::cell::RefCell;
use std::sync::Arc;

use super::evaluation::{Evaluation, Outcome};
use super::key_store::{KeySetId, KeyStore, Sources};
use super::output::Outputs;
use super::reply::Refusal;
use super::rule::Rule;
use super::token_cache::{TokenCache, TokenCacheStats};
use super::{Identity, output};
use crate::attributes::Attributes;
use crate::config::{Mesh, Workload};
use crate::crypto::Crypto;
use crate::decision::RequestChanges;
use crate::resource::RequestAuthentication;
use crate::resource::request_authentication::{KeySource, Presence, RemoteKeys};

/// Every rule that is for one workload, as Istio merges them.
#[derive(Clone, Debug)]
pub struct Authenticator {
    rules: Vec<Rule>,
    outputs: Outputs,
    sources: Vec<RemoteKeys>,
    crypto: Crypto,
    cache: RefCell<TokenCache>,
}

/// What authentication says of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Authentication {
    /// There is no token and none is needed: the request goes on to authorization, changed like
    /// this.
    Anonymous(RequestChanges),
    /// Its token is good.
    Verified(Verified),
    /// It is answered here.
    Refused(Refusal),
    /// These keys have to be fetched first: see [`KeyStore::want`].
    Waiting(KeySetId),
}

/// A request with a good token.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// What the token says: the only one whose claims policies see.
    pub identity: Arc<Identity>,
    /// The token taken out, what it says put in.
    pub changes: RequestChanges,
    /// The resource whose rule verified it, as `namespace/name`.
    pub policy: Arc<str>,
    /// The index of that rule in its `jwtRules`.
    pub rule: usize,
}

impl Authenticator {
    /// Merges and compiles the resources that are for `workload`.
    ///
    /// As istiod does: rules of resources in the workload's own namespace come first, then those of
    /// the root namespace; older ones before newer ones, then by name. All are sorted by issuer.
    pub fn compile<'a>(
        resources: impl IntoIterator<Item = &'a RequestAuthentication>,
        workload: &Workload,
        mesh: &Mesh,
        crypto: Crypto,
    ) -> Self {
        let mut resources: Vec<_> = resources
            .into_iter()
            .filter(|resource| resource.covers(workload, mesh))
            .collect();
        resources.sort_by_key(|resource| {
            let foreign = resource.name.namespace != workload.namespace;
            (foreign, &resource.created, &resource.name)
        });
        let mut rules: Vec<_> = resources
            .into_iter()
            .flat_map(|resource| {
                let name = &resource.name;
                let rules = resource.rules.iter().enumerate();
                rules.map(move |(index, rule)| (name, index, rule))
            })
            .collect();
        rules.sort_by(|(_, _, a), (_, _, b)| a.issuer.cmp(&b.issuer));

        let outputs = Outputs::new(rules.iter().map(|(_, _, rule)| *rule));
        let mut sources = Sources::default();
        let rules = rules
            .into_iter()
            .map(|(name, index, rule)| {
                let keys = match &rule.keys {
                    KeySource::Inline(keys) => super::rule::Keys::Inline(keys.clone()),
                    KeySource::Remote(remote) => super::rule::Keys::Remote(sources.add(remote)),
                };
                Rule::new(name, index, rule, keys, &outputs)
            })
            .collect();
        Self {
            rules,
            outputs,
            sources: sources.into_inner(),
            crypto,
            cache: RefCell::default(),
        }
    }

    /// The key sets that have to be fetched, at the index that is their [`KeySetId`]: rules with
    /// the same origin share one.
    pub fn sources(&self) -> &[RemoteKeys] {
        &self.sources
    }

    /// Whether no rule is for this workload.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Looks for tokens in the request and checks them.
    ///
    /// A CORS preflight carries no credentials and passes. Headers that rules write are always
    /// taken away from what the client sent, unlike in Envoy also on a preflight and where the
    /// rule that writes them was not tried.
    pub fn authenticate(&self, attributes: &impl Attributes, keys: &KeyStore) -> Authentication {
        if self.rules.is_empty() {
            return Authentication::Anonymous(RequestChanges::default());
        }
        let headers = attributes.headers();
        let mut changes = self.outputs.sanitize(headers);
        if is_preflight(attributes) {
            return Authentication::Anonymous(changes);
        }
        let mut evaluation =
            Evaluation::new(&self.rules, attributes, keys, &self.crypto, &self.cache);
        match evaluation.run() {
            Outcome::Anonymous => {
                evaluation.removed().apply(headers, &mut changes);
                Authentication::Anonymous(changes)
            }
            Outcome::Verified(mut verified) => {
                evaluation.removed().apply(headers, &mut changes);
                for (_, token) in &verified {
                    output::write(&token.written, &mut changes);
                }
                match verified.pop() {
                    None => Authentication::Anonymous(changes),
                    Some((rule, token)) => Authentication::Verified(Verified {
                        identity: Arc::clone(&token.identity),
                        changes,
                        policy: Arc::clone(rule.policy()),
                        rule: rule.index(),
                    }),
                }
            }
            Outcome::Refused(status, rule) => Authentication::Refused(Refusal::new(
                status,
                headers,
                Arc::clone(rule.policy()),
                rule.index(),
            )),
            Outcome::Waiting(id) => Authentication::Waiting(id),
        }
    }

    /// What is remembered of verified tokens.
    pub fn token_cache(&self) -> TokenCacheStats {
        self.cache.borrow().stats()
    }

    /// Whether a request without token is refused by some rule.
    pub fn requires_token(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.presence() == Presence::Required)
    }
}

/// A CORS preflight, by the same signs as in Envoy (`bypass_cors_preflight`).
fn is_preflight(attributes: &impl Attributes) -> bool {
    let headers = attributes.headers();
    let given = |name| headers.get(name).is_some_and(|value| !value.is_empty());
    headers.method() == Some(b"OPTIONS")
        && given("origin")
        && given("access-control-request-method")
}
