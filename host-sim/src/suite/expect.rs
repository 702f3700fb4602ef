//! What a test expects.

use std::collections::BTreeMap;

use palisade_filter::config::{ConfigError, Node};
use palisade_filter::json::Value;

/// What a test expects; what is absent is not checked.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Whether the application gets the request.
    pub allowed: Option<bool>,
    /// The status that the client gets.
    pub status: Option<u16>,
    /// The body that the client gets.
    pub body: Option<String>,
    /// Headers that the client gets; `None` where one must be absent.
    pub response_headers: BTreeMap<String, Option<String>>,
    /// Headers that the application gets; `None` where one must be absent.
    pub upstream_headers: BTreeMap<String, Option<String>>,
    /// The external authorizers that are asked, in order.
    pub authorizers: Option<Vec<String>>,
    /// What they are told, by the name of the provider; `None` where a header must be absent.
    pub checks: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// The policy that decided, as `namespace/name`.
    pub policy: Option<String>,
    /// The index of its rule that decided.
    pub rule: Option<usize>,
}

const KEYS: [&str; 9] = [
    "decision",
    "status",
    "body",
    "responseHeaders",
    "upstreamHeaders",
    "authorizers",
    "checks",
    "policy",
    "rule",
];

impl Expect {
    /// Reads `expect`; an empty one is refused, for it would check nothing.
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&KEYS)?;
        if fields.iter().next().is_none() {
            return Err(node
                .error("an empty `expect` checks nothing")
                .help(format!("expect one of {}", KEYS.join(", "))));
        }
        let mut expect = Self::default();
        if let Some(node) = fields.get("decision") {
            expect.allowed = Some(match node.string()? {
                "allow" => true,
                "deny" => false,
                other => {
                    return Err(node
                        .error(format!("unknown decision `{other}`"))
                        .help("use `allow` or `deny`"));
                }
            });
        }
        if let Some(node) = fields.get("status") {
            let status = u16::try_from(node.integer()?);
            expect.status = Some(status.map_err(|_| node.error("is no HTTP status"))?);
        }
        if let Some(node) = fields.get("body") {
            expect.body = Some(node.string()?.to_owned());
        }
        if let Some(node) = fields.get("responseHeaders") {
            expect.response_headers = headers(&node)?;
        }
        if let Some(node) = fields.get("upstreamHeaders") {
            expect.upstream_headers = headers(&node)?;
        }
        if let Some(node) = fields.get("authorizers") {
            expect.authorizers = Some(node.strings()?);
        }
        if let Some(node) = fields.get("checks") {
            let checks = node.open_object()?;
            let read = checks
                .iter()
                .map(|(name, node)| Ok((name.to_owned(), headers(&node)?)));
            expect.checks = read.collect::<Result<_, _>>()?;
        }
        if let Some(node) = fields.get("policy") {
            expect.policy = Some(node.string()?.to_owned());
        }
        if let Some(node) = fields.get("rule") {
            let rule = usize::try_from(node.integer()?);
            expect.rule = Some(rule.map_err(|_| node.error("must not be negative"))?);
        }
        Ok(expect)
    }
}

fn headers(node: &Node<'_>) -> Result<BTreeMap<String, Option<String>>, ConfigError> {
    node.open_object()?
        .iter()
        .map(|(name, node)| {
            let value = match node.value() {
                Value::Null => None,
                _ => Some(node.string()?.to_owned()),
            };
            Ok((name.to_ascii_lowercase(), value))
        })
        .collect()
}
