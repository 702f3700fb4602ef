//! The messages of `envoy.service.auth.v3.Authorization`, as far as tests say something about them.
//! Source: Envoy API, `envoy/service/auth/v3/{external_auth,attribute_context}.proto`.

use std::collections::BTreeMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    attributes: Option<AttributeContext>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeContext {
    #[prost(message, optional, tag = "1")]
    source: Option<Peer>,
    #[prost(message, optional, tag = "2")]
    destination: Option<Peer>,
    #[prost(message, optional, tag = "4")]
    request: Option<Request>,
}

#[derive(Clone, PartialEq, Message)]
struct Peer {
    #[prost(message, optional, tag = "1")]
    address: Option<Address>,
    #[prost(string, tag = "4")]
    principal: String,
}

#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(message, optional, tag = "1")]
    socket_address: Option<SocketAddress>,
}

#[derive(Clone, PartialEq, Message)]
struct SocketAddress {
    #[prost(string, tag = "2")]
    address: String,
    #[prost(uint32, tag = "3")]
    port: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, optional, tag = "2")]
    http: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct HttpRequest {
    #[prost(btree_map = "string, string", tag = "3")]
    headers: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    denied_response: Option<DeniedHttpResponse>,
    #[prost(message, optional, tag = "3")]
    ok_response: Option<OkHttpResponse>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct DeniedHttpResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderValueOption>,
    #[prost(string, tag = "3")]
    body: String,
}

#[derive(Clone, PartialEq, Message)]
struct HttpStatus {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct OkHttpResponse {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderValueOption>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderValueOption {
    #[prost(message, optional, tag = "1")]
    header: Option<HeaderValue>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

// === impl CheckRequest ===

impl CheckRequest {
    /// The headers of the request in question, and who sent it.
    pub fn told(self) -> BTreeMap<String, String> {
        let context = self.attributes.unwrap_or_default();
        let http = context.request.unwrap_or_default().http;
        let mut told = http.unwrap_or_default().headers;
        let socket = |peer: &Peer| peer.address.clone()?.socket_address;
        if let Some(source) = context.source {
            let address = socket(&source).map(|socket| socket.address);
            told.extend(address.map(|address| ("source.address".to_owned(), address)));
            if !source.principal.is_empty() {
                told.insert("source.principal".to_owned(), source.principal);
            }
        }
        let destination = context.destination.as_ref().and_then(socket);
        let port = destination.map(|socket| socket.port.to_string());
        told.extend(port.map(|port| ("destination.port".to_owned(), port)));
        told
    }
}

// === impl CheckResponse ===

impl CheckResponse {
    /// Agrees, and writes these headers.
    pub fn ok(headers: &[(String, String)]) -> Self {
        let headers = options(headers);
        Self {
            status: Some(Status { code: 0 }),
            ok_response: Some(OkHttpResponse { headers }),
            denied_response: None,
        }
    }

    /// Denies with a gRPC `code`; the client gets the rest.
    pub fn denied(code: i32, status: u16, headers: &[(String, String)], body: &str) -> Self {
        let status = HttpStatus {
            code: status.into(),
        };
        Self {
            status: Some(Status { code }),
            denied_response: Some(DeniedHttpResponse {
                status: Some(status),
                headers: options(headers),
                body: body.to_owned(),
            }),
            ok_response: None,
        }
    }
}

fn options(headers: &[(String, String)]) -> Vec<HeaderValueOption> {
    let option = |(key, value): &(String, String)| HeaderValueOption {
        header: Some(HeaderValue {
            key: key.clone(),
            value: value.clone(),
        }),
    };
    headers.iter().map(option).collect()
}
