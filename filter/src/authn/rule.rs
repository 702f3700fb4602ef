//! One compiled rule: which tokens it is for, and whether a token is good.

use std::cell::RefCell;
use std::sync::Arc;

use super::audience::Audiences;
use super::claims::SpaceDelimited;
use super::key_store::{KeySetId, KeyStore, Lookup};
use super::location::{Location, locations};
use super::output::Outputs;
use super::token_cache::TokenCache;
use super::{Identity, output};
use crate::crypto::Crypto;
use crate::jose::{Jwt, JwtStatus, KeySet, Validity};
use crate::resource::ResourceName;
use crate::resource::request_authentication::{JwtRule, Presence};

/// A rule of a resource, ready for use.
#[derive(Clone, Debug)]
pub struct Rule {
    policy: Arc<str>,
    index: usize,
    issuer: String,
    audiences: Audiences,
    keys: Keys,
    locations: Vec<Location>,
    forward: bool,
    output: output::Output,
    space_delimited: SpaceDelimited,
    presence: Presence,
}

/// Where the keys of a rule are.
#[derive(Clone, Debug)]
pub enum Keys {
    /// In the rule.
    Inline(Arc<KeySet>),
    /// In the key store.
    Remote(KeySetId),
}

/// A token that is good.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it says.
    pub identity: Arc<Identity>,
    /// What its rule puts into headers.
    pub written: output::Written,
    /// When it counts.
    pub validity: Validity,
}

/// Why a token is not good, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotVerified {
    /// It is not.
    Refused(JwtStatus),
    /// Nobody knows before these keys are there.
    Waiting(KeySetId),
}

impl Rule {
    /// Compiles rule `index` of the resource `policy`.
    pub fn new(
        policy: &ResourceName,
        index: usize,
        rule: &JwtRule,
        keys: Keys,
        outputs: &Outputs,
    ) -> Self {
        Self {
            policy: policy.to_string().into(),
            index,
            issuer: rule.issuer.clone(),
            audiences: Audiences::new(&rule.audiences),
            keys,
            locations: locations(rule, outputs),
            forward: rule.forward_original_token,
            output: output::Output::new(rule),
            space_delimited: SpaceDelimited::new(&rule.space_delimited_claims),
            presence: rule.presence,
        }
    }

    /// Checks one token, in Envoy's order: form, issuer, time, audience, keys, signature.
    ///
    /// A token that was verified before (`cache` is what this rule, number `number`, remembers) has
    /// only to be in time still.
    pub fn verify(
        &self,
        token: &[u8],
        now: i64,
        store: &KeyStore,
        crypto: &Crypto,
        (cache, number): (&RefCell<TokenCache>, usize),
    ) -> Result<Arc<Token>, NotVerified> {
        let keys = match &self.keys {
            Keys::Inline(_) => 0,
            Keys::Remote(id) => store.generation(*id),
        };
        if let Some(token) = cache.borrow_mut().get(number, token, keys) {
            token.validity.check(now)?;
            return Ok(token);
        }
        let jwt = cache.borrow_mut().parse(token)?;
        let verified = self.verify_anew(jwt, now, store, crypto)?;
        cache.borrow_mut().insert(number, token, keys, &verified);
        Ok(verified)
    }

    /// By itself, so that what is remembered is found without its weight.
    #[inline(never)]
    fn verify_anew(
        &self,
        jwt: Jwt<'_>,
        now: i64,
        store: &KeyStore,
        crypto: &Crypto,
    ) -> Result<Arc<Token>, NotVerified> {
        let registered = jwt.registered();
        if !self.issuer.is_empty() && self.issuer != registered.issuer() {
            return Err(JwtStatus::UnknownIssuer.into());
        }
        jwt.validity.check(now)?;
        if !self.audiences.allow(registered.audiences()) {
            return Err(JwtStatus::AudienceNotAllowed.into());
        }
        match &self.keys {
            Keys::Inline(keys) => keys.verify(&jwt, crypto)?,
            Keys::Remote(id) => verify_remote(&jwt, *id, now, store, crypto)?,
        }
        let written = self.output.of(jwt.payload, &jwt.claims);
        let validity = jwt.validity;
        Ok(Arc::new(Token {
            identity: Arc::new(Identity::new(jwt.claims, &self.space_delimited)),
            written,
            validity,
        }))
    }

    /// The places that can carry its tokens.
    pub fn locations(&self) -> &[Location] {
        &self.locations
    }

    /// Whether its tokens stay in the request.
    pub fn forwards(&self) -> bool {
        self.forward
    }

    /// Whether there must be a token.
    pub fn presence(&self) -> Presence {
        self.presence
    }

    /// The resource that it is from, as `namespace/name`.
    pub fn policy(&self) -> &Arc<str> {
        &self.policy
    }

    /// Its index in that resource.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// A `kid` that is not in the set may be a new key of the issuer: worth a fetch, once in a while.
fn verify_remote(
    jwt: &Jwt<'_>,
    id: KeySetId,
    now: i64,
    store: &KeyStore,
    crypto: &Crypto,
) -> Result<(), NotVerified> {
    let keys = match store.lookup(id, now) {
        Lookup::Ready(keys) => keys,
        Lookup::Pending => return Err(NotVerified::Waiting(id)),
        Lookup::Failed => return Err(JwtStatus::KeysNotFetched.into()),
    };
    let unknown = |key_id: &Arc<str>| !keys.has_key_id(key_id);
    match keys.verify(jwt, crypto) {
        Err(JwtStatus::NoMatchingKey)
            if jwt.key_id.as_ref().is_some_and(unknown) && store.may_refetch(id, now) =>
        {
            Err(NotVerified::Waiting(id))
        }
        other => Ok(other?),
    }
}

impl From<JwtStatus> for NotVerified {
    fn from(status: JwtStatus) -> Self {
        Self::Refused(status)
    }
}
