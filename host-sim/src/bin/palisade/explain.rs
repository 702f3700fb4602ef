//! A decision in the words of an operator.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use host_sim::engine::Observed;
use host_sim::source::Sources;
use palisade_filter::Evidence;
use palisade_filter::decision::{NearMiss, Phase, Verdict};

const ALLOW: Style = AnsiColor::Green.on_default().bold();
const DENY: Style = AnsiColor::Red.on_default().bold();

/// `ALLOW`, or `DENY 403 RBAC: access denied`.
pub fn verdict(observed: &Observed) -> String {
    if observed.allowed {
        return format!("{ALLOW}ALLOW{ALLOW:#}");
    }
    let body = observed.body.as_deref().unwrap_or_default();
    let text = format!("{DENY}DENY{DENY:#} {} {body}", observed.status);
    text.trim_end().to_owned()
}

/// Why, in a few lines.
pub fn why(observed: &Observed, sources: &Sources) -> String {
    let Some(evidence) = &observed.evidence else {
        return match observed.refusal {
            Some(refusal) => format!("Envoy itself refuses the request: {refusal}\n"),
            None => "Envoy itself refuses the request: no policy is asked\n".to_owned(),
        };
    };
    let mut text = decided_by(evidence, sources);
    if !evidence.authorizers.is_empty() {
        let _ = writeln!(text, "asked: {}", evidence.authorizers.join(", "));
    }
    if let Some(nearest) = &evidence.nearest {
        text += &near_miss(nearest, sources);
    }
    for run in &evidence.dry_run {
        let verdict = if run.verdict == Verdict::Allow {
            "allow"
        } else {
            "deny"
        };
        let policy = run.policy.as_deref().unwrap_or("no rule matched");
        let _ = writeln!(text, "dry run, {}: would {verdict} ({policy})", run.action);
    }
    for policy in &evidence.audit {
        let _ = writeln!(
            text,
            "audited by {policy}{}",
            at(sources, AUTHORIZATION, policy, "")
        );
    }
    for (what, who) in [
        ("peer", &evidence.principal),
        ("request principal", &evidence.request_principal),
    ] {
        if let Some(who) = who {
            let _ = writeln!(text, "{what}: {who}");
        }
    }
    text
}

const AUTHORIZATION: &str = "AuthorizationPolicy";
const AUTHENTICATION: &str = "RequestAuthentication";

fn decided_by(evidence: &Evidence, sources: &Sources) -> String {
    let policy = evidence.policy.as_deref().unwrap_or_default();
    let rule = |kind: &str, list: &str| {
        let index = evidence.rule.unwrap_or_default();
        let place = at(sources, kind, policy, &format!("spec.{list}[{index}]"));
        format!("{policy} {list}[{index}]{place}")
    };
    match (evidence.phase, evidence.verdict) {
        (Phase::None, _) => "no policy has anything against it\n".to_owned(),
        (Phase::Authn, _) => format!("{AUTHENTICATION} {}\n", rule(AUTHENTICATION, "jwtRules")),
        (Phase::Custom, _) => {
            let reason = evidence.reason.as_deref().unwrap_or_default();
            format!("CUSTOM policy {}: {reason}\n", rule(AUTHORIZATION, "rules"))
        }
        (Phase::Deny, _) => format!("DENY policy {} matches\n", rule(AUTHORIZATION, "rules")),
        (Phase::Allow, Verdict::Allow) => {
            format!("ALLOW policy {} matches\n", rule(AUTHORIZATION, "rules"))
        }
        (Phase::Allow, Verdict::Deny) => "no ALLOW rule matches\n".to_owned(),
    }
}

fn near_miss(nearest: &NearMiss, sources: &Sources) -> String {
    let NearMiss {
        policy,
        rule,
        clause,
        expected,
        actual,
    } = nearest;
    let Some(clause) = clause else {
        let place = at(sources, AUTHORIZATION, policy, "spec");
        return format!("nearest: {policy}{place}, which has no rules and so allows nothing\n");
    };
    let path = format!("spec.{clause}");
    let rule_at = at(
        sources,
        AUTHORIZATION,
        policy,
        &format!("spec.rules[{rule}]"),
    );
    let clause_at = at(sources, AUTHORIZATION, policy, &path);
    let wanted = expected.join(" or ");
    let got = match actual {
        Some(actual) => format!("the request has {actual}"),
        None => "the request has none".to_owned(),
    };
    format!(
        "nearest: {policy} rules[{rule}]{rule_at}\n  {path}{clause_at}: wants {wanted}, {got}\n"
    )
}

fn at(sources: &Sources, kind: &str, policy: &str, path: &str) -> String {
    match sources.find(kind, policy) {
        Some(object) => format!(" ({})", object.at(path)),
        None => String::new(),
    }
}
