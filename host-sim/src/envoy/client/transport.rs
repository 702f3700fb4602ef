//! Connections: plain or TLS, from a chosen address, with a chosen PROXY header.

use std::{
    fmt,
    io::{self, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};

use super::{ClientTls, Request, Response};

/// Where and how requests are sent.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    source: Option<IpAddr>,
    proxy: Option<ProxyHeader>,
    tls: Option<ClientTls>,
    timeout: Duration,
}

/// The addresses that a PROXY protocol header (version 1) claims: what Envoy takes for the peer and
/// for its own end of the connection.
/// Source: haproxy.org, "The PROXY protocol", section 2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// The peer.
    pub source: SocketAddr,
    /// The address that the peer connected to; of the same family.
    pub destination: SocketAddr,
}

/// One open connection; requests go over it one after the other.
pub struct Connection {
    stream: BufReader<Box<dyn Stream>>,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection, or no TLS: refused, reset, a certificate that one side does not accept.
    #[error("no connection: {0}")]
    Connect(#[source] io::Error),
    /// The connection was there, the answer was not. With TLS 1.3 this is also how a client learns
    /// that its certificate was refused.
    #[error("no answer: {0}")]
    Answer(#[source] io::Error),
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

// === impl Client ===

impl Client {
    /// Sends over plain TCP.
    pub fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            source: None,
            proxy: None,
            tls: None,
            timeout: Duration::from_secs(30),
        }
    }

    /// Sends over TLS.
    pub fn tls(address: SocketAddr, tls: ClientTls) -> Self {
        Self {
            tls: Some(tls),
            ..Self::plain(address)
        }
    }

    /// The local address to connect from; on loopback any of 127.0.0.0/8.
    pub fn source(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Begins every connection with this PROXY header; the listener has to expect it.
    pub fn proxy(mut self, header: ProxyHeader) -> Self {
        self.proxy = Some(header);
        self
    }

    /// How long each read and write may take; default 30 seconds.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Opens a connection. The TLS handshake is done when this returns.
    ///
    /// # Errors
    /// [`ClientError::Connect`] when there is none.
    pub fn connect(&self) -> Result<Connection, ClientError> {
        let stream = self.open().map_err(ClientError::Connect)?;
        Ok(Connection {
            stream: BufReader::new(stream),
        })
    }

    /// Sends one request over a connection of its own.
    ///
    /// # Errors
    /// [`ClientError`] when there is no response.
    pub fn send(&self, request: &Request) -> Result<Response, ClientError> {
        self.connect()?.send(request)
    }

    fn open(&self) -> io::Result<Box<dyn Stream>> {
        let mut stream = self.open_tcp()?;
        if let Some(header) = &self.proxy {
            stream.write_all(header.to_string().as_bytes())?;
        }
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let mut session = ClientConnection::new(tls.config.clone(), tls.name.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(Box::new(StreamOwned::new(session, stream)))
    }

    fn open_tcp(&self) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None)?;
        if let Some(source) = self.source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        socket.connect_timeout(&self.address.into(), self.timeout)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl fmt::Display for ProxyHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source,
            destination,
        } = self;
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let (from, to) = (source.ip(), destination.ip());
        write!(
            f,
            "PROXY {family} {from} {to} {} {}\r\n",
            source.port(),
            destination.port()
        )
    }
}

// === impl Connection ===

impl Connection {
    /// Sends one request and reads its response.
    ///
    /// # Errors
    /// [`ClientError::Answer`] when there is none.
    pub fn send(&mut self, request: &Request) -> Result<Response, ClientError> {
        self.exchange(request).map_err(ClientError::Answer)
    }

    fn exchange(&mut self, request: &Request) -> io::Result<Response> {
        let written = self.write(&request.to_bytes());
        match Response::read(&mut self.stream, request) {
            // A server may answer, and close, before it has read all of a request.
            Ok(response) => Ok(response),
            Err(error) => Err(written.err().unwrap_or(error)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
