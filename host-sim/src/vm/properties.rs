//! Envoy's attributes in the forms in which a plugin reads them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::request::{Header, first};
use super::status::Status;

/// The attributes of one connection (Envoy's "attributes", with their wire types).
#[derive(Clone, Debug, Default)]
pub struct Properties {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    metadata: BTreeMap<String, Value>,
}

/// Whole objects, which have no serialized form.
const WRAPPERS: [&str; 7] = [
    "source",
    "destination",
    "connection",
    "request",
    "response",
    "upstream",
    "xds",
];

impl Properties {
    /// Sets a string.
    #[must_use]
    pub fn text(self, path: &[&str], value: &str) -> Self {
        self.bytes(path, value.as_bytes().to_vec())
    }

    /// Sets an integer: 64 bits, little-endian.
    #[must_use]
    pub fn integer(self, path: &[&str], value: i64) -> Self {
        self.bytes(path, value.to_le_bytes().to_vec())
    }

    /// Sets a boolean: one byte.
    #[must_use]
    pub fn boolean(self, path: &[&str], value: bool) -> Self {
        self.bytes(path, vec![value.into()])
    }

    /// Sets the downstream address as Envoy computed it (`source.*`).
    #[must_use]
    pub fn source(self, address: SocketAddr) -> Self {
        self.text(&["source", "address"], &address.to_string())
            .integer(&["source", "port"], address.port().into())
    }

    /// Sets the local address (`destination.*`).
    #[must_use]
    pub fn destination(self, address: SocketAddr) -> Self {
        self.text(&["destination", "address"], &address.to_string())
            .integer(&["destination", "port"], address.port().into())
    }

    /// Sets the direct peer's address, as `set_filter_state` leaves it in filter state `key`.
    #[must_use]
    pub fn direct_remote(self, key: &str, address: IpAddr) -> Self {
        self.text(&["filter_state", key], &address.to_string())
    }

    /// Sets what a plaintext connection says of TLS.
    #[must_use]
    pub fn plaintext(self) -> Self {
        self.boolean(&["connection", "mtls"], false)
            .text(&["connection", "requested_server_name"], "")
    }

    /// Sets what a TLS connection says, with the URI SAN of the client certificate if there is
    /// one.
    #[must_use]
    pub fn tls(self, sni: &str, uri_san: Option<&str>) -> Self {
        let tls = self
            .boolean(&["connection", "mtls"], uri_san.is_some())
            .text(&["connection", "requested_server_name"], sni)
            .text(&["connection", "tls_version"], "TLSv1.3")
            .text(&["connection", "subject_peer_certificate"], "");
        match uri_san {
            Some(uri) => tls.text(&["connection", "uri_san_peer_certificate"], uri),
            None => tls,
        }
    }

    /// Sets dynamic metadata of the filter `namespace`.
    #[must_use]
    pub fn metadata(mut self, namespace: &str, value: Value) -> Self {
        self.metadata.insert(namespace.to_owned(), value);
        self
    }

    /// The same connection before its TLS handshake: nobody has shown a certificate yet.
    pub(super) fn before_handshake(&self) -> Self {
        let mut early = self.clone();
        early.values.retain(|path, _| {
            !path.starts_with(b"connection\0") || path.ends_with(b"requested_server_name")
        });
        early
    }

    fn bytes(mut self, path: &[&str], value: Vec<u8>) -> Self {
        self.values.insert(path.join("\0").into_bytes(), value);
        self
    }

    /// The attribute at `path` (segments joined by NUL), for a request with `headers`.
    pub(super) fn get(&self, path: &[u8], headers: &[Header]) -> Result<Vec<u8>, Status> {
        let path = path.strip_suffix(b"\0").unwrap_or(path);
        if let Some(value) = self.values.get(path) {
            return Ok(value.clone());
        }
        let text = std::str::from_utf8(path).map_err(|_| Status::BadArgument)?;
        let segments: Vec<&str> = text.split('\0').collect();
        match segments.as_slice() {
            ["metadata", "filter_metadata", namespace, rest @ ..] => {
                let root = self.metadata.get(*namespace).ok_or(Status::NotFound)?;
                serialize(
                    rest.iter()
                        .try_fold(root, descend)
                        .ok_or(Status::NotFound)?,
                )
            }
            ["request", rest @ ..] if !rest.is_empty() => request(rest, headers),
            [name] if WRAPPERS.contains(name) => Err(Status::SerializationFailure),
            _ => Err(Status::NotFound),
        }
    }
}

fn descend<'v>(value: &'v Value, key: &&str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(*key),
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn serialize(value: &Value) -> Result<Vec<u8>, Status> {
    match value {
        Value::String(text) => Ok(text.clone().into_bytes()),
        Value::Bool(value) => Ok(vec![(*value).into()]),
        Value::Number(number) => Ok(number.as_f64().unwrap_or_default().to_le_bytes().to_vec()),
        Value::Null => Err(Status::NotFound),
        Value::Array(_) | Value::Object(_) => Err(Status::SerializationFailure),
    }
}

fn request(path: &[&str], headers: &[Header]) -> Result<Vec<u8>, Status> {
    let header = |name: &str| {
        first(headers, name.as_bytes())
            .map(<[u8]>::to_vec)
            .ok_or(Status::NotFound)
    };
    match path {
        ["method"] => header(":method"),
        ["host"] => header(":authority"),
        ["scheme"] => header(":scheme"),
        ["path"] => header(":path"),
        ["url_path"] => Ok(header(":path")?
            .split(|b| *b == b'?')
            .next()
            .unwrap_or(&[])
            .to_vec()),
        ["query"] => Ok(header(":path")?
            .splitn(2, |b| *b == b'?')
            .nth(1)
            .unwrap_or(&[])
            .to_vec()),
        ["headers", name] => {
            let name = name.to_ascii_lowercase().into_bytes();
            let values: Vec<&[u8]> = headers
                .iter()
                .filter(|(key, _)| *key == name)
                .map(|(_, v)| &v[..])
                .collect();
            if values.is_empty() {
                Err(Status::NotFound)
            } else {
                Ok(values.join(&b","[..]))
            }
        }
        _ => Err(Status::NotFound),
    }
}
