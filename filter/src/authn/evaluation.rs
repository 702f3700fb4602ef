//! Which rules a request has to satisfy, as istiod asks Envoy for it.
//!
//! No rule requires a token: any of the rules accepts the tokens that it finds, or each of them
//! finds none. Else: each rule accepts, and may find none where it does not require one.

use std::cell::RefCell;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::key_store::{KeySetId, KeyStore};
use super::location::{AllFound, Removed};
use super::rule::{NotVerified, Rule, Token};
use super::token_cache::TokenCache;
use crate::attributes::Attributes;
use crate::crypto::Crypto;
use crate::jose::JwtStatus;
use crate::resource::request_authentication::Presence;

/// One request against all rules.
pub struct Evaluation<'a> {
    rules: &'a [Rule],
    attributes: &'a dyn Attributes,
    keys: &'a KeyStore,
    crypto: &'a Crypto,
    cache: &'a RefCell<TokenCache>,
    removed: Removed<'a>,
}

/// What came out of it.
pub enum Outcome<'a> {
    /// No token was found, and none is needed.
    Anonymous,
    /// The rules that accepted, with the token that each shows to policies.
    Verified(Verified<'a>),
    /// What is wrong, and which rule says so.
    Refused(JwtStatus, &'a Rule),
    /// These keys have to be fetched first.
    Waiting(KeySetId),
}

/// What went wrong last, where several rules had something to say.
struct Worst<'a>(Option<(JwtStatus, &'a Rule)>);

/// Rules with the tokens that they accepted: most often one.
pub type Verified<'a> = SmallVec<[(&'a Rule, Arc<Token>); 1]>;

type Answer<'a> = Result<Verified<'a>, Stop<'a>>;

enum Stop<'a> {
    Refused(JwtStatus, &'a Rule),
    Waiting(KeySetId),
}

impl<'a> Evaluation<'a> {
    /// A request with these attributes; without a token the clock is not read.
    pub fn new(
        rules: &'a [Rule],
        attributes: &'a dyn Attributes,
        keys: &'a KeyStore,
        crypto: &'a Crypto,
        cache: &'a RefCell<TokenCache>,
    ) -> Self {
        Self {
            rules,
            attributes,
            keys,
            crypto,
            cache,
            removed: Removed::default(),
        }
    }

    /// Tries the rules.
    pub fn run(&mut self) -> Outcome<'a> {
        let required = |rule: &Rule| rule.presence() == Presence::Required;
        let answer = if self.rules.iter().any(required) {
            self.all()
        } else {
            self.any()
        };
        match answer {
            Ok(verified) if verified.is_empty() => Outcome::Anonymous,
            Ok(verified) => Outcome::Verified(verified),
            Err(Stop::Refused(status, rule)) => Outcome::Refused(status, rule),
            Err(Stop::Waiting(id)) => Outcome::Waiting(id),
        }
    }

    /// The tokens that were taken out of the request.
    pub fn removed(&self) -> &Removed<'a> {
        &self.removed
    }

    /// The first rule that accepts decides; if none does, each must find no token.
    fn any(&mut self) -> Answer<'a> {
        let mut worst = Worst(None);
        let mut first_refusal = None;
        for (number, rule) in self.rules.iter().enumerate() {
            match self.rule(number, rule) {
                Ok(token) => return Ok(smallvec![(rule, token)]),
                Err(Stop::Waiting(id)) => return Err(Stop::Waiting(id)),
                Err(Stop::Refused(status, rule)) => {
                    worst.add(status, rule);
                    if status != JwtStatus::Missing && first_refusal.is_none() {
                        first_refusal = Some((status, rule));
                    }
                }
            }
        }
        // Without a token taken out meanwhile, asking again would give the same answers.
        let again = match (self.rules, self.removed.len()) {
            ([_], _) | (_, 0) => match first_refusal {
                Some((status, rule)) => Err(Stop::Refused(status, rule)),
                None => Ok(Verified::new()),
            },
            _ => self.all(),
        };
        match again {
            Err(Stop::Refused(status, rule)) => {
                worst.add(status, rule);
                let Some((status, rule)) = worst.0 else {
                    return Ok(Verified::new());
                };
                Err(Stop::Refused(status, rule))
            }
            other => other,
        }
    }

    /// Each rule accepts, or finds no token and needs none.
    fn all(&mut self) -> Answer<'a> {
        let mut verified = Verified::new();
        for (number, rule) in self.rules.iter().enumerate() {
            match self.rule(number, rule) {
                Ok(token) => verified.push((rule, token)),
                Err(Stop::Refused(JwtStatus::Missing, _))
                    if rule.presence() == Presence::Optional => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(verified)
    }

    /// Every token in the rule's places must be good: one of them may be what the application
    /// reads. The last is looked at first, and the first is the one whose claims count, as in Envoy.
    fn rule(&mut self, number: usize, rule: &'a Rule) -> Result<Arc<Token>, Stop<'a>> {
        let mut found = AllFound::new();
        for location in rule.locations() {
            if !self.removed.contains(location) {
                location.find(self.attributes.headers(), &mut found);
            }
        }
        let mut verified = None;
        for found in found.iter().rev() {
            let token = rule
                .verify(
                    &found.token,
                    self.attributes.now(),
                    self.keys,
                    self.crypto,
                    (self.cache, number),
                )
                .map_err(|error| match error {
                    NotVerified::Refused(status) => Stop::Refused(status, rule),
                    NotVerified::Waiting(id) => Stop::Waiting(id),
                })?;
            if !rule.forwards() {
                self.removed.add(found.location);
            }
            verified = Some(token);
        }
        verified.ok_or(Stop::Refused(JwtStatus::Missing, rule))
    }
}

impl<'a> Worst<'a> {
    /// A real error counts more than an unknown issuer, and that more than no token. Of several
    /// real errors the last is told, as in Envoy.
    fn add(&mut self, status: JwtStatus, rule: &'a Rule) {
        let real = !matches!(status, JwtStatus::Missing | JwtStatus::UnknownIssuer);
        let none_yet = matches!(self.0, None | Some((JwtStatus::Missing, _)));
        if real || none_yet {
            self.0 = Some((status, rule));
        }
    }
}
