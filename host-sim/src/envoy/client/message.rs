//! Requests as they are written, responses as they are read.
//! Source: RFC 9112 (HTTP/1.1), sections 2 to 7.

use std::io::{self, BufRead, Read};

/// The longest response head that is read, in bytes.
const HEAD_LIMIT: u64 = 1 << 20;
/// The most headers that a response may have.
const HEADER_LIMIT: usize = 256;

/// A request, written as it stands: nothing is checked, added or escaped, except a missing `host`
/// and the `content-length` of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Vec<u8>,
    /// The request target: path and query, or anything else.
    pub target: Vec<u8>,
    /// The headers, in order; a name may repeat.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

// === impl Request ===

impl Request {
    /// A request without headers.
    pub fn new(method: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.as_ref().to_vec(),
            target: target.as_ref().to_vec(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A GET.
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// One more header, as it is.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// `authorization: Bearer` with this token.
    pub fn bearer(self, token: impl AsRef<[u8]>) -> Self {
        self.header("authorization", [b"Bearer ", token.as_ref()].concat())
    }

    /// The body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The bytes that are sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [
            &self.method,
            b" ".as_slice(),
            &self.target,
            b" HTTP/1.1\r\n",
        ]
        .concat();
        let mut line = |name: &[u8], value: &[u8]| {
            for part in [name, b": ", value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        };
        if !self.has("host") {
            line(b"host", b"localhost");
        }
        if !self.body.is_empty() && !self.has("content-length") && !self.has("transfer-encoding") {
            line(b"content-length", self.body.len().to_string().as_bytes());
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn has(&self, wanted: &str) -> bool {
        self.headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
    }
}

// === impl Response ===

impl Response {
    /// The first value of a header, by its lower-case name; `None` when it is no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// Every value of a header, by its lower-case name.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_slice())
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// serde_json's, when it is none.
    pub fn json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
    }

    /// Reads one final response; interim ones (1xx) are passed over.
    pub(super) fn read(reader: &mut impl BufRead, request: &Request) -> io::Result<Self> {
        loop {
            let response = Self::read_any(reader, request)?;
            if response.status >= 200 {
                return Ok(response);
            }
        }
    }

    fn read_any(reader: &mut impl BufRead, request: &Request) -> io::Result<Self> {
        let head = read_head(reader)?;
        let mut headers = [httparse::EMPTY_HEADER; HEADER_LIMIT];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed
            .parse(&head)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let status = parsed.code.unwrap_or_default();
        let headers: Vec<(String, Vec<u8>)> = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec()))
            .collect();
        // RFC 9112, section 6.3: these never have a body, whatever their headers say.
        let body = if request.method == b"HEAD" || status < 200 || matches!(status, 204 | 304) {
            Vec::new()
        } else {
            read_body(reader, &headers, true)?
        };
        Ok(Self {
            status,
            headers,
            body,
        })
    }
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let room = HEAD_LIMIT.saturating_sub(head.len() as u64);
        if reader.by_ref().take(room).read_until(b'\n', &mut head)? == 0 {
            let what = if head.is_empty() {
                "closed without an answer"
            } else {
                "cut short"
            };
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
    }
    Ok(head)
}

/// Reads the body that these headers announce. Without a length, a response goes on until the end
/// of the connection, and a request has none.
pub(crate) fn read_body(
    reader: &mut impl BufRead,
    headers: &[(String, Vec<u8>)],
    is_response: bool,
) -> io::Result<Vec<u8>> {
    let header = |wanted: &str| {
        let value = headers
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value);
        value.and_then(|value| std::str::from_utf8(value).ok())
    };
    let mut body = Vec::new();
    if header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        while read_chunk(reader, &mut body)? {}
    } else if let Some(length) = header("content-length").and_then(|text| text.parse().ok()) {
        reader.take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    } else if is_response {
        reader.read_to_end(&mut body)?;
    }
    Ok(body)
}

/// Reads one chunk; says whether there are more.
fn read_chunk(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<bool> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let size = line.split(';').next().unwrap_or_default().trim();
    let size = u64::from_str_radix(size, 16)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    if size == 0 {
        // The trailers, up to the empty line.
        while reader.read_line({
            line.clear();
            &mut line
        })? > 2
        {}
        return Ok(false);
    }
    if reader.by_ref().take(size).read_to_end(body)? as u64 != size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    reader.read_line({
        line.clear();
        &mut line
    })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, bytes: &str) -> io::Result<Response> {
        Response::read(&mut bytes.as_bytes(), &Request::new(method, "/"))
    }

    #[test]
    fn a_request_is_written_as_it_stands() {
        let request = Request::new("GET", "/a b")
            .header("X-A", "1")
            .header("X-A", b"\xff");
        let expected = b"GET /a b HTTP/1.1\r\nhost: localhost\r\nX-A: 1\r\nX-A: \xff\r\n\r\n";
        assert_eq!(request.to_bytes(), expected);
        let request = Request::new("POST", "*").header("Host", "h").body("xy");
        let expected = b"POST * HTTP/1.1\r\ncontent-length: 2\r\nHost: h\r\n\r\nxy";
        assert_eq!(request.to_bytes(), expected);
    }

    #[test]
    fn bodies_end_where_their_framing_says() {
        let rows = [
            (
                "GET",
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc",
                "ab",
            ),
            (
                "GET",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n2\r\nbc\r\n0\r\nt: 1\r\n\r\n",
                "abc",
            ),
            ("GET", "HTTP/1.1 200 OK\r\n\r\nabc", "abc"),
            ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", ""),
            (
                "GET",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
                "a",
            ),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n", ""),
        ];
        for (method, bytes, body) in rows {
            let response = read(method, bytes).unwrap();
            assert_eq!(
                (response.text().as_str(), response.status / 100),
                (body, 2),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_connection_that_closes_early_is_an_error() {
        for bytes in [
            "",
            "HTTP/1.1 200",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na",
        ] {
            let error = read("GET", bytes).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{bytes:?}");
        }
    }
}
