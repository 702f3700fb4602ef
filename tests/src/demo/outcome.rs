//! What became of a request.

use std::fmt;

use palisade_filter::decision::{Evidence, Phase, Verdict};

use super::Row;

/// What became of a request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was answered, and the filter says why.
    Answered {
        /// The status of the answer.
        status: u16,
        /// The body of the answer.
        body: String,
        /// What the filter says.
        evidence: Box<Evidence>,
    },
    /// There was no connection, or it was closed without an answer.
    Refused(String),
}

impl Outcome {
    /// Whether it is what the row expects.
    pub fn is_expected(&self, row: &Row) -> bool {
        match (self, row.status) {
            (Self::Refused(_), None) => true,
            (
                Self::Answered {
                    status, evidence, ..
                },
                Some(expected),
            ) => {
                let decided_by = (evidence.phase, evidence.policy.as_deref());
                *status == expected
                    && *status == evidence.status
                    && row.decided_by.is_none_or(|expected| expected == decided_by)
            }
            _ => false,
        }
    }

    /// The outcome in a word.
    pub fn got(&self) -> String {
        match self {
            Self::Answered { status, .. } => status.to_string(),
            Self::Refused(_) => "refused".to_owned(),
        }
    }
}

/// What decided.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let evidence = match self {
            Self::Refused(reason) => return write!(f, "Envoy: {reason}"),
            Self::Answered { evidence, .. } => evidence,
        };
        let rules = match evidence.phase {
            Phase::Authn => "jwtRules",
            _ => "rules",
        };
        match (evidence.phase, &evidence.policy, evidence.rule) {
            (phase, Some(policy), Some(rule)) => {
                write!(f, "{} {policy} {rules}[{rule}]", name(phase))?
            }
            (phase, Some(policy), None) => write!(f, "{} {policy}", name(phase))?,
            (Phase::Allow, None, _) if evidence.verdict == Verdict::Deny => {
                f.write_str("no ALLOW rule matched")?;
            }
            (phase, None, _) => f.write_str(name(phase))?,
        }
        if let (Phase::Authn, Some(reason)) = (evidence.phase, &evidence.reason) {
            write!(f, ": {reason}")?;
        }
        if let Some(nearest) = &evidence.nearest {
            write!(f, "; nearest {}", nearest.policy)?;
            match &nearest.clause {
                Some(clause) => write!(
                    f,
                    " {clause}: {}",
                    nearest.actual.as_deref().unwrap_or("absent")
                )?,
                None => f.write_str(", which has no rules")?,
            }
        }
        Ok(())
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Authn => "RequestAuthentication",
        Phase::Custom => "CUSTOM",
        Phase::Deny => "DENY",
        Phase::Allow => "ALLOW",
        Phase::None => "no policy applies",
    }
}
