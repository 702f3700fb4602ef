//! Authorizers that speak `envoy.service.auth.v3.Authorization`.
//! Source: Envoy API, `envoy/service/auth/v3/{external_auth,attribute_context}.proto`; gRPC over
//! HTTP/2.

use std::net::IpAddr;
use std::sync::Arc;

use super::http::{join, removable};
use super::{AUTHZ_DENIED, Answer, Grant, Meaning};
use crate::attributes::{Attributes, Protocol};
use crate::decision::{LocalReply, RequestChanges};
use crate::headers::Headers;
use crate::protobuf::{self, Field, Malformed, Message};

const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";
const OK: u64 = 0;
const FORBIDDEN: u16 = 403;

/// A message in a gRPC stream: a flag byte, the length in four bytes, the message.
const FRAME: usize = 5;

/// A header that an answer wants written.
#[derive(Default)]
struct HeaderOption {
    name: String,
    value: Vec<u8>,
    /// Behind the value that is there; where there is none, nothing is written.
    append: bool,
}

/// What the `CheckResponse` says.
#[derive(Default)]
struct CheckResponse {
    code: u64,
    status: Option<u16>,
    body: Vec<u8>,
    /// Of an answer that denies.
    client_headers: Vec<HeaderOption>,
    /// Of an answer that allows.
    headers: Vec<HeaderOption>,
    remove: Vec<String>,
    response_headers: Vec<(String, Vec<u8>)>,
}

/// Headers and body of the question.
pub(super) fn check(
    authority: &str,
    attributes: &impl Attributes,
    protocol: Protocol,
) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", PATH),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let message = check_request(attributes, protocol).into_bytes();
    let len = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let frame = [[0].as_slice(), &len.to_be_bytes(), &message].concat();
    (headers.into(), frame)
}

fn check_request(attributes: &impl Attributes, protocol: Protocol) -> Message {
    let direct = attributes.source_ip().or(attributes.remote_ip());
    let mut source = peer(direct, None);
    if let Some(principal) = attributes.peer() {
        source = source.bytes(4, &**principal);
    }
    let destination = peer(attributes.destination_ip(), attributes.destination_port());
    let mut context = Message::default().bytes(1, source).bytes(2, destination);
    if protocol == Protocol::Http {
        let time = Message::default().varint(1, attributes.now().unsigned_abs());
        let request = Message::default()
            .bytes(1, time)
            .bytes(2, http_request(attributes.headers()));
        context = context.bytes(4, request);
    }
    Message::default().bytes(1, context)
}

fn peer(address: Option<IpAddr>, port: Option<u16>) -> Message {
    let Some(address) = address else {
        return Message::default();
    };
    let mut socket = Message::default().bytes(2, address.to_string());
    if let Some(port) = port {
        socket = socket.varint(3, port.into());
    }
    Message::default().bytes(1, Message::default().bytes(1, socket))
}

fn http_request(headers: &Headers) -> Message {
    let text = |value: Option<&[u8]>| value.unwrap_or_default().to_vec();
    let mut joined = Vec::new();
    for (name, value) in headers.iter() {
        join(&mut joined, &String::from_utf8_lossy(name), value);
    }
    let mut request = Message::default().bytes(2, text(headers.method()));
    for (name, value) in joined {
        // A string field holds UTF-8 only.
        let value = String::from_utf8_lossy(&value).into_owned();
        request = request.bytes(3, Message::default().bytes(1, name).bytes(2, value));
    }
    request
        .bytes(4, text(headers.path_and_query()))
        .bytes(5, text(headers.authority()))
        .bytes(6, text(headers.get(":scheme")))
}

/// What the answer means for a request with these headers.
pub(super) fn read(answer: &Answer, request: &Headers) -> Meaning {
    let response = message(answer).and_then(|message| CheckResponse::read(message).ok());
    match response {
        None => Meaning::Error,
        Some(response) if response.code == OK => Meaning::Granted(response.grant(request)),
        Some(response) => Meaning::Denied(LocalReply {
            status: response.status.unwrap_or(FORBIDDEN),
            body: response.body.into(),
            headers: response
                .client_headers
                .into_iter()
                .filter(|header| !header.append && !header.name.starts_with(':'))
                .map(|header| (header.name.into(), header.value))
                .collect(),
            details: AUTHZ_DENIED.into(),
        }),
    }
}

/// The message of a call that went well.
fn message(answer: &Answer) -> Option<&[u8]> {
    let status = answer.trailers.get("grpc-status");
    let well = status.or(answer.headers.get("grpc-status"))? == b"0";
    if answer.status()? != 200 || !well {
        return None;
    }
    let (head, message) = answer.body.split_first_chunk::<FRAME>()?;
    let [flag, len @ ..] = head;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    (*flag == 0 && message.len() == len).then_some(message)
}

// === impl CheckResponse ===

impl CheckResponse {
    fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut response = Self::default();
        protobuf::read(message, |number, field| match (number, field) {
            (1, Field::Bytes(status)) => {
                response.code = integer(status, 1)?;
                Ok(())
            }
            (2, Field::Bytes(denied)) => response.read_denied(denied),
            (3, Field::Bytes(ok)) => response.read_ok(ok),
            _ => Ok(()),
        })?;
        Ok(response)
    }

    fn read_denied(&mut self, message: &[u8]) -> Result<(), Malformed> {
        protobuf::read(message, |number, field| {
            match (number, field) {
                (1, Field::Bytes(status)) => {
                    let code = u16::try_from(integer(status, 1)?).map_err(|_| Malformed)?;
                    self.status = (200..600).contains(&code).then_some(code);
                }
                (2, Field::Bytes(header)) => self.client_headers.push(HeaderOption::read(header)?),
                (3, Field::Bytes(body)) => self.body = body.to_vec(),
                _ => {}
            }
            Ok(())
        })
    }

    fn read_ok(&mut self, message: &[u8]) -> Result<(), Malformed> {
        protobuf::read(message, |number, field| {
            match (number, field) {
                (2, Field::Bytes(header)) => self.headers.push(HeaderOption::read(header)?),
                (5, Field::Bytes(name)) => self.remove.push(text(name)?.to_ascii_lowercase()),
                (6, Field::Bytes(header)) => {
                    let header = HeaderOption::read(header)?;
                    self.response_headers.push((header.name, header.value));
                }
                // Parameters of the query are not rewritten: it is no answer that we understand.
                (7 | 8, _) => return Err(Malformed),
                _ => {}
            }
            Ok(())
        })
    }

    fn grant(self, request: &Headers) -> Grant {
        let mut set: Vec<(String, Vec<u8>)> = Vec::new();
        for header in self.headers {
            let HeaderOption {
                name,
                value,
                append,
            } = header;
            let value = match append {
                false => value,
                true => match appended(&name, &value, request) {
                    Some(all) => all,
                    None => continue,
                },
            };
            set.retain(|(other, _)| *other != name);
            set.push((name, value));
        }
        let mut remove = self.remove;
        remove.retain(|name| removable(name));
        set.retain(|(name, _)| !remove.contains(name));
        let set = set.into_iter();
        Grant {
            changes: RequestChanges {
                remove: remove.into_iter().map(Arc::from).collect(),
                set: set
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect(),
                path: None,
            },
            response_headers: self.response_headers,
        }
    }
}

// === impl HeaderOption ===

impl HeaderOption {
    fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut option = Self::default();
        protobuf::read(message, |number, field| {
            match (number, field) {
                (1, Field::Bytes(header)) => option.read_header(header)?,
                (2, Field::Bytes(append)) => option.append = integer(append, 1)? != 0,
                _ => {}
            }
            Ok(())
        })?;
        if option.name.is_empty() {
            return Err(Malformed);
        }
        Ok(option)
    }

    fn read_header(&mut self, message: &[u8]) -> Result<(), Malformed> {
        protobuf::read(message, |number, field| {
            match (number, field) {
                (1, Field::Bytes(name)) => self.name = text(name)?.to_ascii_lowercase(),
                (2 | 3, Field::Bytes(value)) if !value.is_empty() => self.value = value.to_vec(),
                _ => {}
            }
            Ok(())
        })
    }
}

/// `value` behind the first value of the header `name`; `None` where there is none.
fn appended(name: &str, value: &[u8], request: &Headers) -> Option<Vec<u8>> {
    let mut values = request.get_all(name);
    let first = values.next()?;
    let values = [first, value].into_iter().chain(values);
    Some(values.collect::<Vec<_>>().join(&b','))
}

/// The integer field `wanted` of a message; 0 when it is not there.
fn integer(message: &[u8], wanted: u64) -> Result<u64, Malformed> {
    let mut value = 0;
    protobuf::read(message, |number, field| {
        if let (true, Field::Varint(integer)) = (number == wanted, field) {
            value = integer;
        }
        Ok(())
    })?;
    Ok(value)
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}
