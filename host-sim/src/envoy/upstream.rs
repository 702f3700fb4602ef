//! The application behind Envoy: it answers with what it received.

use std::io;

use serde_json::{Value, json};

use super::server::{Answer, Received, Server};

/// An application on a free loopback port that answers 200 with [`describe`] of each request.
///
/// # Errors
/// The system's, when no port can be had.
pub fn echo() -> io::Result<Server> {
    Server::start(|request| Answer::json(200, &describe(request)))
}

/// The same on a fixed address.
///
/// # Errors
/// The system's, when the address cannot be had.
pub fn echo_at(address: std::net::SocketAddr) -> io::Result<Server> {
    Server::start_at(address, |request| Answer::json(200, &describe(request)))
}

/// A request as JSON: `method`, `path` (with the query), `headers` (a list of pairs, as they came),
/// `bodyBytes`. Bytes that are no UTF-8 are replaced.
pub fn describe(request: &Received) -> Value {
    let headers: Vec<Value> = request
        .headers
        .iter()
        .map(|(name, value)| json!([name, String::from_utf8_lossy(value)]))
        .collect();
    json!({
        "method": request.method,
        "path": request.target,
        "headers": headers,
        "bodyBytes": request.body.len(),
    })
}
