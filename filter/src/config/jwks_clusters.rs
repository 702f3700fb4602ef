//! Through which Envoy cluster each key set is fetched.

use std::collections::BTreeMap;

use super::{ConfigError, Node};
use crate::resource::request_authentication::HttpUrl;

/// Envoy clusters by URI or origin (`scheme://host[:port]`).
///
/// A proxy-wasm plugin can only call clusters that Envoy knows, so every `jwksUri` and issuer to
/// discover needs one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwksClusters(BTreeMap<String, String>);

impl JwksClusters {
    /// Reads `jwksClusters`.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let mut clusters = BTreeMap::new();
        for (uri, cluster) in node.open_object()?.iter() {
            let url = HttpUrl::parse(uri).map_err(|what| {
                cluster
                    .error(what)
                    .help("use the whole jwksUri, or its origin such as `https://issuer.example`")
            })?;
            if cluster.string()?.is_empty() {
                return Err(cluster.error("must name an Envoy cluster"));
            }
            let key = match url.path_and_query() {
                "/" => url.origin(),
                _ => url.as_str(),
            };
            clusters.insert(key.to_owned(), cluster.string()?.to_owned());
        }
        Ok(Self(clusters))
    }

    /// The cluster for `url`: by the whole URL first, else by its origin.
    pub fn cluster(&self, url: &HttpUrl) -> Option<&str> {
        self.0
            .get(url.as_str())
            .or_else(|| self.0.get(url.origin()))
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_uri_before_origin() {
        let text = br#"{"https://a.example":"origin","https://a.example/jwks":"whole"}"#;
        let value = crate::json::parse(text, 4).unwrap();
        let clusters = JwksClusters::read(&Node::root(&value)).unwrap();
        let rows = [
            ("https://a.example/jwks", Some("whole")),
            ("https://a.example/other", Some("origin")),
            ("https://a.example", Some("origin")),
            ("https://a.example:8443/jwks", None),
            ("https://a.example.evil/jwks", None),
            ("http://a.example/jwks", None),
        ];
        for (uri, cluster) in rows {
            let url = HttpUrl::parse(uri).unwrap();
            assert_eq!(clusters.cluster(&url), cluster, "{uri}");
        }
    }

    #[test]
    fn refuses_what_is_no_uri() {
        for text in [
            r#"{"a.example":"c"}"#,
            r#"{"https://":"c"}"#,
            r#"{"http://a":""}"#,
        ] {
            let value = crate::json::parse(text.as_bytes(), 4).unwrap();
            assert!(JwksClusters::read(&Node::root(&value)).is_err(), "{text}");
        }
    }
}
