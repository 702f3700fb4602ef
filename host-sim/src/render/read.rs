//! Istio objects, read strictly: every field is known, every error names its path.

use std::collections::BTreeMap;

use palisade_filter::config::{ConfigError, Fields, Node};
use palisade_filter::json;

use super::RenderError;
use crate::source::Object;

/// How deep an object may nest.
const MAX_DEPTH: usize = 64;

/// Reads an object with `read`; an error is at its place in the file.
pub fn object<T>(
    object: &Object,
    read: impl Fn(&Node<'_>) -> Result<T, ConfigError>,
) -> Result<T, RenderError> {
    let text = object.value.to_string();
    let value = json::parse(text.as_bytes(), MAX_DEPTH)
        .map_err(|error| RenderError::of(object, "", error.to_string()))?;
    read(&Node::root(&value)).map_err(|error| RenderError::in_object(object, &error))
}

/// The `spec` of an object, read with `read`; an absent one is empty.
pub fn spec<T>(
    node: &Node<'_>,
    known: &[&str],
    read: impl Fn(&Fields<'_>) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    let fields = node.object(&["apiVersion", "kind", "metadata", "spec", "status"])?;
    match fields.get("spec") {
        Some(spec) => read(&spec.object(known)?),
        None => read(&Node::root(&json::Value::Object(json::Map::default())).open_object()?),
    }
}

/// A field that may be absent.
pub fn optional<T>(
    fields: &Fields<'_>,
    key: &str,
    read: impl Fn(&Node<'_>) -> Result<T, ConfigError>,
) -> Result<Option<T>, ConfigError> {
    let found = fields
        .iter()
        .find(|(name, node)| *name == key && !matches!(node.value(), json::Value::Null));
    found.map(|(_, node)| read(&node)).transpose()
}

/// A list that may be absent.
pub fn list<T>(
    fields: &Fields<'_>,
    key: &str,
    read: impl Fn(&Node<'_>) -> Result<T, ConfigError>,
) -> Result<Vec<T>, ConfigError> {
    let all = optional(fields, key, |node| {
        node.list()?.map(|node| read(&node)).collect()
    })?;
    Ok(all.unwrap_or_default())
}

/// A string that may be absent.
pub fn text(fields: &Fields<'_>, key: &str) -> Result<Option<String>, ConfigError> {
    optional(fields, key, |node| node.string().map(str::to_owned))
}

/// A port: 1 to 65535.
pub fn port(node: &Node<'_>) -> Result<u16, ConfigError> {
    let port = node.integer()?;
    u16::try_from(port)
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| {
            node.error(format!("`{port}` is no port"))
                .help("use 1 to 65535")
        })
}

/// Ports by name.
pub fn ports(node: &Node<'_>) -> Result<BTreeMap<String, u16>, ConfigError> {
    let ports = node.open_object()?;
    ports
        .iter()
        .map(|(name, node)| Ok((name.to_owned(), port(&node)?)))
        .collect()
}

/// A number that is not negative.
pub fn count(node: &Node<'_>) -> Result<u32, ConfigError> {
    let number = node.integer()?;
    u32::try_from(number).map_err(|_| node.error(format!("`{number}` is too small or too large")))
}
