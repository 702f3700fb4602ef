//! A request as Envoy hands it to a filter.

use super::properties::Properties;

/// Name and value; names are in lower case.
pub type Header = (Vec<u8>, Vec<u8>);

/// An HTTP request after the connection manager: normalized path, joined inline headers.
#[derive(Clone, Debug, Default)]
pub struct HttpRequest {
    /// Headers with pseudo headers first.
    pub headers: Vec<Header>,
    /// What Envoy knows of the connection.
    pub properties: Properties,
}

impl HttpRequest {
    /// A request without further headers.
    pub fn new(method: &str, path: &str, authority: &str) -> Self {
        Self::default()
            .header(":method", method)
            .header(":path", path)
            .header(":authority", authority)
            .header(":scheme", "http")
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((
            name.to_ascii_lowercase().into_bytes(),
            value.as_ref().to_vec(),
        ));
        self
    }
}

/// The first value of the header `name`.
pub(super) fn first<'h>(headers: &'h [Header], name: &[u8]) -> Option<&'h [u8]> {
    headers
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_slice())
}
