//! What the external authorizers of a suite answer.

use std::collections::BTreeMap;

use palisade_filter::config::{ConfigError, Node};
use palisade_filter::json::Value;

use crate::engine::Verdict;

/// Reads `extensionProviders`: by the name of a provider, its answer or `unreachable: true`.
pub(super) fn read(node: &Node<'_>) -> Result<BTreeMap<String, Verdict>, ConfigError> {
    let providers = node.open_object()?;
    let read = providers
        .iter()
        .map(|(name, node)| Ok((name.to_owned(), verdict(&node)?)));
    read.collect()
}

fn verdict(node: &Node<'_>) -> Result<Verdict, ConfigError> {
    let fields = node.object(&["status", "headers", "body", "unreachable"])?;
    let unreachable = match fields.get("unreachable") {
        Some(node) => node.boolean()?,
        None => false,
    };
    if unreachable {
        return match node.open_object()?.iter().count() {
            1 => Ok(Verdict::Unreachable),
            _ => Err(node
                .error("nobody answers where `unreachable` is true")
                .help("drop `unreachable`, or the answer")),
        };
    }
    let status = fields.require("status")?;
    let code = u16::try_from(status.integer()?).ok();
    let code = code.filter(|code| (200..600).contains(code));
    let mut headers = Vec::new();
    if let Some(node) = fields.get("headers") {
        for (name, node) in node.open_object()?.iter() {
            let values = match node.value() {
                Value::List(_) => node.strings()?,
                _ => vec![node.string()?.to_owned()],
            };
            let name = name.to_ascii_lowercase();
            headers.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
    }
    Ok(Verdict::Reply {
        status: code.ok_or_else(|| status.error("is no final HTTP status"))?,
        headers,
        body: match fields.get("body") {
            Some(node) => node.string()?.to_owned(),
            None => String::new(),
        },
    })
}
