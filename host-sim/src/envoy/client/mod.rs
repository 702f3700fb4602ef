//! A raw HTTP/1.1 client: it sends exactly the bytes that it is given, over TCP or mutual TLS.

mod message;
mod tls;
mod transport;

pub(crate) use self::message::read_body;
pub use self::{
    message::{Request, Response},
    tls::ClientTls,
    transport::{Client, ClientError, Connection, ProxyHeader},
};
