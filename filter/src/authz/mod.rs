//! Authorization: may this request go on?
//!
//! Envoy's order: CUSTOM policies say whether an external authorizer is asked (before the token is
//! looked at), AUDIT policies note, a DENY rule that matches ends it, and where an enforced ALLOW
//! policy applies one of the ALLOW rules has to match.

mod actual;
mod naive;
mod nearest;

use std::sync::Arc;

use crate::Attributes;
use crate::authn::Identity;
use crate::decision::{DryRun, NearMiss, Phase, Verdict};
use crate::policy::{PolicySet, Rule, RuleSet};
use naive::Facts;

/// The body of a denial.
pub const DENIED: &str = "RBAC: access denied";

/// What the policies say about a request, with the rule that said it.
#[derive(Clone, Copy, Debug)]
pub enum Authorization<'p> {
    /// No policy had anything to say: it goes on.
    Unrestricted,
    /// This ALLOW rule lets it go on.
    Allowed(&'p Rule),
    /// This DENY rule ends it.
    Denied(&'p Rule),
    /// An ALLOW policy applies, and no ALLOW rule matched.
    NotAllowed,
}

/// What policies say that are not enforced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// The outcome of dry-run DENY policies and of dry-run ALLOW policies, where there are any.
    pub dry_run: Vec<DryRun>,
    /// The AUDIT policies that matched, as `namespace/name`.
    pub audit: Vec<Arc<str>>,
}

// === impl PolicySet ===

impl PolicySet {
    /// Decides about a request; `identity` is that of its verified token.
    pub fn authorize<'p>(
        &'p self,
        attrs: &impl Attributes,
        identity: Option<&Identity>,
    ) -> Authorization<'p> {
        if let Some(rule) = denying(attrs, identity).first_match(&self.deny) {
            return Authorization::Denied(rule);
        }
        if self.allow.is_empty() {
            return Authorization::Unrestricted;
        }
        match allowing(attrs, identity).first_match(&self.allow) {
            Some(rule) => Authorization::Allowed(rule),
            None => Authorization::NotAllowed,
        }
    }

    /// The extension providers that CUSTOM policies name, in order.
    pub fn custom_providers(&self) -> impl Iterator<Item = &str> {
        self.custom.keys().map(String::as_str)
    }

    /// The first rule of a CUSTOM policy that wants `provider` asked. No token has been looked at
    /// yet.
    pub fn custom_match(&self, provider: &str, attrs: &impl Attributes) -> Option<&Rule> {
        denying(attrs, None).first_match(self.custom.get(provider)?)
    }

    /// What policies say that are not enforced.
    pub fn observe(&self, attrs: &impl Attributes, identity: Option<&Identity>) -> Observation {
        let mut dry_run = Vec::new();
        if !self.dry_run_deny.is_empty() {
            let rule = denying(attrs, identity).first_match(&self.dry_run_deny);
            dry_run.push(outcome("DENY", rule, rule.is_none()));
        }
        if !self.dry_run_allow.is_empty() {
            let rule = allowing(attrs, identity).first_match(&self.dry_run_allow);
            dry_run.push(outcome("ALLOW", rule, rule.is_some()));
        }
        Observation {
            dry_run,
            audit: audit(&denying(attrs, identity), &self.audit),
        }
    }

    /// For a request that no ALLOW rule matched: the rule that came nearest, and the clause that
    /// kept it from matching.
    pub fn nearest(
        &self,
        attrs: &impl Attributes,
        identity: Option<&Identity>,
    ) -> Option<NearMiss> {
        nearest::nearest(&self.allow, &allowing(attrs, identity))
    }
}

// === impl Authorization ===

impl<'p> Authorization<'p> {
    /// Whether the request goes on.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Unrestricted | Self::Allowed(_) => Verdict::Allow,
            Self::Denied(_) | Self::NotAllowed => Verdict::Deny,
        }
    }

    /// The step that decided.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Unrestricted => Phase::None,
            Self::Denied(_) => Phase::Deny,
            Self::Allowed(_) | Self::NotAllowed => Phase::Allow,
        }
    }

    /// The rule that decided.
    pub fn rule(&self) -> Option<&'p Rule> {
        match self {
            Self::Allowed(rule) | Self::Denied(rule) => Some(rule),
            Self::Unrestricted | Self::NotAllowed => None,
        }
    }

    /// Envoy's response code details of a denial.
    pub fn details(&self) -> Option<String> {
        match self {
            Self::Denied(rule) => Some(format!("rbac_access_denied_matched_policy[{}]", rule.id)),
            Self::NotAllowed => Some("rbac_access_denied_matched_policy[none]".to_owned()),
            Self::Unrestricted | Self::Allowed(_) => None,
        }
    }
}

/// Facts for rules whose match takes something from the request.
fn denying<'a, A>(attrs: &'a A, identity: Option<&'a Identity>) -> Facts<'a, A> {
    Facts {
        attrs,
        identity,
        undecided: true,
    }
}

/// Facts for rules whose match grants something.
fn allowing<'a, A>(attrs: &'a A, identity: Option<&'a Identity>) -> Facts<'a, A> {
    Facts {
        attrs,
        identity,
        undecided: false,
    }
}

fn outcome(action: &str, rule: Option<&Rule>, allowed: bool) -> DryRun {
    DryRun {
        policy: rule.map(|rule| Arc::clone(&rule.policy)),
        action: action.to_owned(),
        verdict: match allowed {
            true => Verdict::Allow,
            false => Verdict::Deny,
        },
        rule: rule.map(|rule| rule.index),
    }
}

fn audit(facts: &Facts<'_, impl Attributes>, rules: &RuleSet) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for rule in rules.rules().iter().filter(|rule| facts.matches(rule)) {
        if !names.contains(&rule.policy) {
            names.push(Arc::clone(&rule.policy));
        }
    }
    names
}
