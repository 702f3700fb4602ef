//! The request of a test.

use std::net::IpAddr;

use palisade_filter::config::{ConfigError, Node};
use palisade_filter::json::Value;

use super::token::Tokens;
use crate::engine::Request;

const KEYS: [&str; 12] = [
    "protocol",
    "method",
    "path",
    "host",
    "headers",
    "peer",
    "sourceIp",
    "remoteIp",
    "destinationIp",
    "port",
    "sni",
    "token",
];

/// Reads `request`; `${name}` stands for the token of that name.
pub(super) fn read(node: &Node<'_>, tokens: &Tokens) -> Result<Request, ConfigError> {
    let fields = node.object(&KEYS)?;
    let mut request = Request::default();
    if let Some(node) = fields.get("protocol") {
        request.tcp = match node.string()? {
            "http" => false,
            "tcp" => true,
            other => {
                return Err(node
                    .error(format!("unknown protocol `{other}`"))
                    .help("use `http` or `tcp`"));
            }
        };
    }
    if let Some(node) = fields.get("method") {
        request.method = node.string()?.to_owned();
    }
    if let Some(node) = fields.get("path") {
        request.path = tokens.expand(&node)?;
    }
    if let Some(node) = fields.get("host") {
        request.host = node.string()?.to_owned();
    }
    if let Some(node) = fields.get("headers") {
        for (name, value) in node.open_object()?.iter() {
            read_header(name, &value, tokens, &mut request)?;
        }
    }
    if let Some(node) = fields.get("token") {
        let token = tokens.get(&node, node.string()?)?;
        request
            .headers
            .push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    let text = |key| {
        fields
            .get(key)
            .map(|node| node.string().map(str::to_owned))
            .transpose()
    };
    let ip = |key| fields.get(key).map(|node| read_ip(&node)).transpose();
    request.peer = text("peer")?;
    request.sni = text("sni")?.filter(|sni| !sni.is_empty());
    request.remote_ip = ip("remoteIp")?;
    request.source_ip = ip("sourceIp")?.unwrap_or(request.source_ip);
    request.destination_ip = ip("destinationIp")?.unwrap_or(request.destination_ip);
    if let Some(node) = fields.get("port") {
        let port = u16::try_from(node.integer()?);
        request.port = port.map_err(|_| node.error("is no port"))?;
    }
    Ok(request)
}

fn read_header(
    name: &str,
    value: &Node<'_>,
    tokens: &Tokens,
    request: &mut Request,
) -> Result<(), ConfigError> {
    let mut push = |node: &Node<'_>| {
        request
            .headers
            .push((name.to_owned(), tokens.expand(node)?));
        Ok(())
    };
    match value.value() {
        Value::List(_) => value.list()?.try_for_each(|node| push(&node)),
        _ => push(value),
    }
}

fn read_ip(node: &Node<'_>) -> Result<IpAddr, ConfigError> {
    let text = node.string()?;
    text.parse()
        .map_err(|_| node.error(format!("`{text}` is no IP address")))
}
