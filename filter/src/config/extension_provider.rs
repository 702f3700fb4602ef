//! External authorizers, as Istio's `MeshConfig.extensionProviders` describes them.
//! Source: istio/api `mesh/v1alpha1`, `EnvoyExternalAuthorizationHttpProvider` and
//! `EnvoyExternalAuthorizationGrpcProvider`; what istiod refuses is refused here.

use std::time::Duration;

use super::{ConfigError, Fields, Node, duration};
use crate::policy::TextPattern;

/// An authorizer that policies with action CUSTOM can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionProvider {
    /// Its name: a DNS-1123 label.
    pub name: String,
    /// How it is asked.
    pub protocol: ExtAuthz,
    /// How long an answer may take; Istio waits 600 seconds where nothing is said.
    pub timeout: Duration,
    /// Whether a request goes on when the authorizer cannot say.
    pub fail_open: bool,
    /// The status otherwise.
    pub status_on_error: u16,
}

/// How an authorizer is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtAuthz {
    /// With the request's own method and path (`envoyExtAuthzHttp`).
    Http(Box<ExtAuthzHttp>),
    /// As `envoy.service.auth.v3.Authorization` (`envoyExtAuthzGrpc`).
    Grpc {
        /// The host name of the service.
        authority: String,
    },
}

/// What goes to an HTTP authorizer, and what of its answer goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtAuthzHttp {
    /// Stands before the path of the request.
    pub path_prefix: String,
    /// Headers to send beside those that always are.
    pub request_headers: HeaderNames,
    /// Headers to add, by name; they replace those of the client.
    pub additional_headers: Vec<(String, String)>,
    /// Headers of an answer that allows, for the application.
    pub upstream_on_allow: HeaderNames,
    /// Headers of an answer that denies, for the client; none named means all.
    pub downstream_on_deny: HeaderNames,
    /// Headers of an answer that allows, for the client.
    pub downstream_on_allow: HeaderNames,
}

/// Patterns for header names: `x`, `x*` or `*x`, in whatever case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderNames(Vec<TextPattern>);

const HTTP: &str = "envoyExtAuthzHttp";
const GRPC: &str = "envoyExtAuthzGrpc";

/// The other kinds of provider that a mesh configuration can hold; they authorize nothing.
const OTHER_KINDS: [&str; 13] = [
    "zipkin",
    "lightstep",
    "datadog",
    "stackdriver",
    "opencensus",
    "skywalking",
    "opentelemetry",
    "prometheus",
    "envoyFileAccessLog",
    "envoyHttpAls",
    "envoyTcpAls",
    "envoyOtelAls",
    "sds",
];

const MAX_NAME: usize = 63;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
const FORBIDDEN: u16 = 403;

// === impl ExtensionProvider ===

impl ExtensionProvider {
    /// Reads `extensionProviders`; providers that authorize nothing are passed over.
    pub fn read_all(node: &Node<'_>) -> Result<Vec<Self>, ConfigError> {
        let mut providers: Vec<Self> = Vec::new();
        for item in node.list()? {
            let Some(provider) = Self::read(&item)? else {
                continue;
            };
            if providers.iter().any(|other| other.name == provider.name) {
                return Err(item
                    .error(format!("a second provider `{}`", provider.name))
                    .help("give each provider a name of its own"));
            }
            providers.push(provider);
        }
        Ok(providers)
    }

    fn read(node: &Node<'_>) -> Result<Option<Self>, ConfigError> {
        let known: Vec<&str> = ["name", HTTP, GRPC]
            .into_iter()
            .chain(OTHER_KINDS)
            .collect();
        let fields = node.object(&known)?;
        let name = read_name(&fields.require("name")?)?;
        let provider = match (fields.get(HTTP), fields.get(GRPC)) {
            (Some(node), None) => Self::read_http(name, &node)?,
            (None, Some(node)) => Self::read_grpc(name, &node)?,
            (None, None) if fields.iter().any(|(key, _)| OTHER_KINDS.contains(&key)) => {
                return Ok(None);
            }
            _ => {
                return Err(node
                    .error("must have one kind of provider")
                    .help(format!("give `{HTTP}` or `{GRPC}`")));
            }
        };
        Ok(Some(provider))
    }

    fn read_http(name: String, node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&[
            "service",
            "port",
            "timeout",
            "pathPrefix",
            "failOpen",
            "clearRouteCache",
            "statusOnError",
            "includeHeadersInCheck",
            "includeRequestHeadersInCheck",
            "includeAdditionalHeadersInCheck",
            "includeRequestBodyInCheck",
            "headersToUpstreamOnAllow",
            "headersToDownstreamOnDeny",
            "headersToDownstreamOnAllow",
        ])?;
        let names = |key| match fields.get(key) {
            Some(node) => HeaderNames::read(&node),
            None => Ok(HeaderNames::default()),
        };
        let mut request_headers = names("includeRequestHeadersInCheck")?;
        if request_headers.is_empty() {
            request_headers = names("includeHeadersInCheck")?;
        }
        let http = ExtAuthzHttp {
            path_prefix: match fields.get("pathPrefix") {
                Some(node) => read_path_prefix(&node)?,
                None => String::new(),
            },
            request_headers,
            additional_headers: match fields.get("includeAdditionalHeadersInCheck") {
                Some(node) => node.string_map()?.into_iter().collect(),
                None => Vec::new(),
            },
            upstream_on_allow: names("headersToUpstreamOnAllow")?,
            downstream_on_deny: names("headersToDownstreamOnDeny")?,
            downstream_on_allow: names("headersToDownstreamOnAllow")?,
        };
        read_service(&fields)?;
        Self::read_common(name, &fields, ExtAuthz::Http(Box::new(http)))
    }

    fn read_grpc(name: String, node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&[
            "service",
            "port",
            "timeout",
            "failOpen",
            "clearRouteCache",
            "statusOnError",
            "includeRequestBodyInCheck",
        ])?;
        let authority = read_service(&fields)?;
        Self::read_common(name, &fields, ExtAuthz::Grpc { authority })
    }

    fn read_common(
        name: String,
        fields: &Fields<'_>,
        protocol: ExtAuthz,
    ) -> Result<Self, ConfigError> {
        if let Some(node) = fields.get("includeRequestBodyInCheck") {
            return Err(node
                .error("request bodies are not sent to authorizers")
                .help("remove it, or put Envoy's ext_authz filter in front"));
        }
        let flag = |key| fields.get(key).map_or(Ok(false), |node| node.boolean());
        // Whatever it says, Envoy chooses the route again when a wasm filter changes headers.
        flag("clearRouteCache")?;
        Ok(Self {
            name,
            protocol,
            timeout: match fields.get("timeout") {
                Some(node) => duration::read(&node)?,
                None => DEFAULT_TIMEOUT,
            },
            fail_open: flag("failOpen")?,
            status_on_error: match fields.get("statusOnError") {
                Some(node) => read_status(&node)?,
                None => FORBIDDEN,
            },
        })
    }
}

// === impl HeaderNames ===

impl HeaderNames {
    /// Whether no header is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the patterns matches `name` (lower case).
    pub fn contain(&self, name: &[u8]) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }

    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let mut patterns = Vec::new();
        for item in node.list()? {
            match item.string()? {
                "*" => {
                    return Err(item
                        .error("a lone `*` is not supported")
                        .help("name a prefix such as `x-*` or a suffix"));
                }
                "" => return Err(item.error("must not be empty").help("name a header")),
                text => patterns.push(TextPattern::for_value(&text.to_ascii_lowercase())),
            }
        }
        Ok(Self(patterns))
    }
}

fn read_name(node: &Node<'_>) -> Result<String, ConfigError> {
    let text = node.string()?;
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let outer = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
    let bytes = text.as_bytes();
    let good = bytes.len() <= MAX_NAME
        && bytes.iter().all(|byte| inner(*byte))
        && outer(bytes.first())
        && outer(bytes.last());
    if good {
        return Ok(text.to_owned());
    }
    Err(node
        .error(format!("`{text}` is no provider name"))
        .help("use lower case letters, digits and inner `-`, at most 63"))
}

/// The host name in `service`, which may be `namespace/host`; `port` is checked beside it.
fn read_service(fields: &Fields<'_>) -> Result<String, ConfigError> {
    let port = fields.require("port")?;
    if !(1..=65_535).contains(&port.integer()?) {
        return Err(port.error("is no port").help("use a port from 1 to 65535"));
    }
    let node = fields.require("service")?;
    let text = node.string()?;
    let host = text.rsplit_once('/').map_or(text, |(_, host)| host);
    if host.is_empty() || host.contains(['*', ' ', '/']) {
        return Err(node
            .error(format!("`{text}` names no service"))
            .help("use `host` or `namespace/host`"));
    }
    Ok(host.to_owned())
}

fn read_path_prefix(node: &Node<'_>) -> Result<String, ConfigError> {
    let text = node.string()?;
    if text.is_empty() || text.starts_with('/') {
        return Ok(text.to_owned());
    }
    Err(node
        .error(format!("`{text}` does not begin with `/`"))
        .help("write `/check`"))
}

/// A status that Envoy knows (`envoy.type.v3.StatusCode`), as text.
fn read_status(node: &Node<'_>) -> Result<u16, ConfigError> {
    let text = node.string()?;
    let known = |status: &u16| {
        matches!(
            status,
            100 | 200..=208 | 226 | 300..=305 | 307 | 308 | 400..=417 | 421..=424 | 426 | 428
                | 429 | 431 | 500..=508 | 510 | 511
        )
    };
    match text {
        "" => Ok(FORBIDDEN),
        _ => text.parse().ok().filter(known).ok_or_else(|| {
            node.error(format!("`{text}` is no HTTP status that Envoy knows"))
                .help("write \"403\" or \"503\"")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn read(text: &str) -> Result<Vec<ExtensionProvider>, ConfigError> {
        let value = parse(text.as_bytes(), 16).unwrap();
        ExtensionProvider::read_all(&Node::root(&value))
    }

    #[test]
    fn defaults_are_those_of_istio() {
        let text = r#"[
            {"name": "a", "envoyExtAuthzHttp": {"service": "ns/a.example", "port": 8000}},
            {"name": "log", "envoyFileAccessLog": {}},
            {"name": "b", "envoyExtAuthzGrpc": {"service": "b.example", "port": 9000,
                "timeout": "0.5s", "failOpen": true, "statusOnError": "503"}}
        ]"#;
        let expected = vec![
            ExtensionProvider {
                name: "a".to_owned(),
                protocol: ExtAuthz::Http(Box::default()),
                timeout: DEFAULT_TIMEOUT,
                fail_open: false,
                status_on_error: 403,
            },
            ExtensionProvider {
                name: "b".to_owned(),
                protocol: ExtAuthz::Grpc {
                    authority: "b.example".to_owned(),
                },
                timeout: Duration::from_millis(500),
                fail_open: true,
                status_on_error: 503,
            },
        ];
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn header_names_are_patterns_in_whatever_case() {
        let names = [r#"["X-A", "x-b-*", "*-C"]"#]
            .map(|text| parse(text.as_bytes(), 4).unwrap())
            .map(|value| HeaderNames::read(&Node::root(&value)).unwrap());
        let rows = [
            ("x-a", true),
            ("x-ab", false),
            ("x-b-1", true),
            ("x-b", false),
            ("foo-c", true),
        ];
        for (name, contained) in rows {
            assert_eq!(names[0].contain(name.as_bytes()), contained, "{name}");
        }
    }

    #[test]
    fn what_istiod_refuses_is_refused() {
        let provider = |name: &str, fields: &str| {
            format!(r#"[{{"name": "{name}", "envoyExtAuthzHttp": {{{fields}}}}}]"#)
        };
        let http = |name: &str, more: &str| {
            provider(name, &format!(r#""service": "s", "port": 80{more}"#))
        };
        let long = "a".repeat(64);
        let rows = [
            (http("A", ""), "[0].name"),
            (http("-a", ""), "[0].name"),
            (http(&long, ""), "[0].name"),
            (http("", ""), "[0].name"),
            (provider("a", r#""service": "s", "port": 0"#), "port"),
            (provider("a", r#""service": "s""#), "`port` is missing"),
            (
                http("a", r#", "pathPrefix": "x""#),
                "[0].envoyExtAuthzHttp.pathPrefix",
            ),
            (
                http("a", r#", "statusOnError": "299""#),
                "[0].envoyExtAuthzHttp.statusOnError",
            ),
            (
                http("a", r#", "statusOnError": "abc""#),
                "[0].envoyExtAuthzHttp.statusOnError",
            ),
            (
                http("a", r#", "headersToUpstreamOnAllow": ["*"]"#),
                "headersToUpstreamOnAllow[0]",
            ),
            (
                http("a", r#", "includeRequestBodyInCheck": {}"#),
                "includeRequestBodyInCheck",
            ),
            (
                http("a", r#", "headersToUpstream": []"#),
                "headersToUpstream",
            ),
            (r#"[{"name": "a"}]"#.to_owned(), "one kind of provider"),
            (
                r#"[{"name": "a", "envoyExtAuthzGrpc": {"service": "", "port": 1}}]"#.to_owned(),
                "service",
            ),
            (
                r#"[{"name": "a", "envoyExtAuthzGrpc": {"service": "s", "port": 65536}}]"#
                    .to_owned(),
                "port",
            ),
            (
                r#"[{"name": "a", "envoyExtAuthzGrpc": {"service": "s", "port": 1}},
                    {"name": "a", "envoyExtAuthzGrpc": {"service": "s", "port": 1}}]"#
                    .to_owned(),
                "[1]: a second provider `a`",
            ),
        ];
        for (text, wanted) in rows {
            let error = read(&text).expect_err(&text).to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
