//! A small HTTP/1.1 server for tests: one thread a connection, and a port that can be left and taken again.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

/// The longest request head that is read, in bytes; Envoy forwards heads of megabytes if told to.
const HEAD_LIMIT: u64 = 16 << 20;
/// The most headers that a request may have.
const HEADER_LIMIT: usize = 1024;

/// What arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The target as it was sent: path and query.
    pub target: String,
    /// Every header as it was sent, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is answered. `content-length` is added.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Answers one request.
pub type Handler = dyn Fn(&Received) -> Answer + Send + Sync;

/// A running server on a loopback port. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    handler: Arc<Handler>,
    running: Option<Running>,
}

/// The part that lives only while the port is taken.
struct Running {
    stopping: Arc<AtomicBool>,
    connections: Arc<Connections>,
    acceptor: JoinHandle<()>,
}

/// The open connections, so that leaving the port can close them.
#[derive(Default)]
struct Connections {
    next: AtomicU64,
    open: Mutex<HashMap<u64, TcpStream>>,
}

// === impl Answer ===

impl Answer {
    /// A JSON document.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self {
            status,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// A status without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

// === impl Received ===

impl Received {
    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_slice())
    }
}

// === impl Server ===

impl Server {
    /// Starts a server on a free loopback port.
    ///
    /// # Errors
    /// The system's, when no port can be had.
    pub fn start(
        handler: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start_at(([127, 0, 0, 1], 0).into(), handler)
    }

    /// Starts a server on this address.
    ///
    /// # Errors
    /// The system's, when the address cannot be had.
    pub fn start_at(
        address: SocketAddr,
        handler: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut server = Self {
            address,
            handler: Arc::new(handler),
            running: None,
        };
        server.up()?;
        Ok(server)
    }

    /// Where it listens, or would.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the port again after [`Server::down`]; nothing happens when it is up.
    ///
    /// # Errors
    /// The system's, when the port is taken.
    pub fn up(&mut self) -> io::Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address)?;
        self.address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(Connections::default());
        let acceptor = {
            let (stopping, connections) = (Arc::clone(&stopping), Arc::clone(&connections));
            let handler = Arc::clone(&self.handler);
            thread::spawn(move || accept(&listener, &stopping, &connections, &handler))
        };
        self.running = Some(Running {
            stopping,
            connections,
            acceptor,
        });
        Ok(())
    }

    /// Leaves the port: new connections are refused, open ones are closed.
    pub fn down(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.stopping.store(true, Ordering::SeqCst);
        // A connection of our own wakes the acceptor up.
        let _ = TcpStream::connect(self.address);
        let _ = running.acceptor.join();
        for stream in running.connections.lock().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.down();
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

// === impl Connections ===

impl Connections {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(
    listener: &TcpListener,
    stopping: &AtomicBool,
    connections: &Arc<Connections>,
    handler: &Arc<Handler>,
) {
    for stream in listener.incoming() {
        if stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(copy) = stream.try_clone() else {
            continue;
        };
        let id = connections.next.fetch_add(1, Ordering::SeqCst);
        connections.lock().insert(id, copy);
        let (connections, handler) = (Arc::clone(connections), Arc::clone(handler));
        thread::spawn(move || {
            // A connection that breaks is the client's business.
            let _ = serve(&stream, &*handler);
            connections.lock().remove(&id);
        });
    }
}

fn serve(stream: &TcpStream, handler: &Handler) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        write_answer(stream, &request, &handler(&request))?;
    }
    Ok(())
}

/// Reads one request; `None` when the client has closed the connection before it.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let room = HEAD_LIMIT.saturating_sub(head.len() as u64);
        if reader.by_ref().take(room).read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
    }
    let mut headers = vec![httparse::EMPTY_HEADER; HEADER_LIMIT];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(&head).map_err(invalid)?;
    let mut request = Received {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    for header in parsed.headers.iter() {
        request
            .headers
            .push((header.name.to_ascii_lowercase(), header.value.to_vec()));
    }
    request.body = super::client::read_body(reader, &request.headers, false)?;
    Ok(Some(request))
}

fn write_answer(mut stream: &TcpStream, request: &Received, answer: &Answer) -> io::Result<()> {
    let mut bytes = format!("HTTP/1.1 {} \r\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        write!(bytes, "{name}: {value}\r\n")?;
    }
    write!(bytes, "content-length: {}\r\n\r\n", answer.body.len())?;
    if request.method != "HEAD" {
        bytes.extend_from_slice(&answer.body);
    }
    stream.write_all(&bytes)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
