//! Comparing what was expected with what happened.

use std::collections::BTreeMap;

use super::Expect;
use crate::engine::Observed;

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What, such as `status` or `upstreamHeaders.authorization`.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What happened.
    pub got: String,
}

/// Everything that is not as expected.
pub fn check(expect: &Expect, observed: &Observed) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, expected: Option<String>, got: Option<String>| {
        let Some(expected) = expected else { return };
        let got = got.unwrap_or_else(|| ABSENT.to_owned());
        if expected != got {
            differences.push(Difference {
                what: what.to_owned(),
                expected,
                got,
            });
        }
    };
    let decision = |allowed: bool| if allowed { "allow" } else { "deny" }.to_owned();
    compare(
        "decision",
        expect.allowed.map(decision),
        Some(decision(observed.allowed)),
    );
    let number = |number: u16| number.to_string();
    compare(
        "status",
        expect.status.map(number),
        Some(number(observed.status)),
    );
    compare("body", expect.body.clone(), observed.body.clone());
    let evidence = observed.evidence.as_ref();
    let policy = evidence.and_then(|evidence| evidence.policy.as_deref());
    compare("policy", expect.policy.clone(), policy.map(str::to_owned));
    let index = |index: usize| index.to_string();
    let rule = evidence.and_then(|evidence| evidence.rule);
    compare("rule", expect.rule.map(index), rule.map(index));
    for (what, expected, got) in [
        (
            "responseHeaders",
            &expect.response_headers,
            &observed.response_headers,
        ),
        (
            "upstreamHeaders",
            &expect.upstream_headers,
            &observed.upstream_headers,
        ),
    ] {
        headers(what, expected, got, &mut compare);
    }
    let asked = observed.asked.iter().map(|asked| asked.provider.as_str());
    let asked: Vec<&str> = asked.collect();
    let expected = expect.authorizers.as_ref().map(|names| names.join(", "));
    compare("authorizers", expected, Some(asked.join(", ")));
    for (provider, expected) in &expect.checks {
        let told = observed
            .asked
            .iter()
            .find(|asked| asked.provider == *provider);
        let told = told.map(|asked| asked.headers.clone()).unwrap_or_default();
        headers(&format!("checks.{provider}"), expected, &told, &mut compare);
    }
    differences
}

const ABSENT: &str = "(absent)";

fn headers(
    what: &str,
    expected: &BTreeMap<String, Option<String>>,
    got: &BTreeMap<String, String>,
    compare: &mut impl FnMut(&str, Option<String>, Option<String>),
) {
    for (name, value) in expected {
        let value = value.clone().unwrap_or_else(|| ABSENT.to_owned());
        compare(
            &format!("{what}.{name}"),
            Some(value),
            got.get(name).cloned(),
        );
    }
}
