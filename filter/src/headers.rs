//! A header map, read in place from the form in which the host hands it over.

use crate::bytes::same;

/// Request headers with their pseudo headers, in order, names in lower case.
///
/// Holds the proxy-wasm serialization (ABI v0.2.1, "serialized map"): a count, the lengths of every
/// name and value, then names and values, each ended by NUL; integers are 32-bit little-endian.
/// Whatever a damaged map says, reading it ends early rather than out of bounds.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    blob: Vec<u8>,
    leading: Leading,
}

/// Values of pseudo headers, which come before all others (RFC 9113 section 8.3): nearly every
/// policy asks for them.
#[derive(Clone, Copy, Debug, Default)]
struct Leading {
    method: Span,
    path: Span,
    authority: Span,
}

/// A part of the serialization. It begins with a count, so that nothing found is at 0.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    at: usize,
    len: usize,
}

/// The pairs of a [`Headers`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    sizes: &'a [[u8; PAIR]],
    data: &'a [u8],
}

/// The values of one header of a [`Headers`].
#[derive(Clone, Debug)]
pub struct Values<'a> {
    name: &'a [u8],
    sizes: &'a [[u8; PAIR]],
    data: &'a [u8],
    /// Where the next pair begins.
    at: usize,
}

/// What the count of headers takes.
const COUNT: usize = 4;

/// What the lengths of a name and its value take.
const PAIR: usize = 8;

/// What a text takes beside itself: its length and NUL.
const SIZE: usize = 5;

// === impl Headers ===

impl Headers {
    /// Wraps the host's serialization of a header map.
    pub fn from_blob(blob: Vec<u8>) -> Self {
        let leading = Leading::find(&blob).unwrap_or_default();
        Self { blob, leading }
    }

    /// The memory that they take.
    pub fn into_blob(self) -> Vec<u8> {
        self.blob
    }

    /// Every header in order.
    pub fn iter(&self) -> Iter<'_> {
        let (sizes, data) = self.split();
        Iter { sizes, data }
    }

    /// Every value of the header `name` (lower case), in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> Values<'a> {
        let (sizes, data) = self.split();
        Values {
            name: name.as_bytes(),
            sizes,
            data,
            at: 0,
        }
    }

    /// The first value of the header `name` (lower case).
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// `:method`
    pub fn method(&self) -> Option<&[u8]> {
        self.leading(self.leading.method, ":method")
    }

    /// `:authority`, the host and, where the client gave it, the port.
    pub fn authority(&self) -> Option<&[u8]> {
        self.leading(self.leading.authority, ":authority")
    }

    /// `:path` as Envoy normalized it, with the query.
    pub fn path_and_query(&self) -> Option<&[u8]> {
        self.leading(self.leading.path, ":path")
    }

    /// The normalized path without query and fragment: what `paths` is matched against.
    pub fn path(&self) -> Option<&[u8]> {
        let path = self.path_and_query()?;
        match memchr::memchr2(b'?', b'#', path) {
            Some(end) => path.get(..end),
            None => Some(path),
        }
    }

    /// The query without its `?`, where there is one.
    pub fn query(&self) -> Option<&[u8]> {
        let path = self.path_and_query()?;
        let query = path.get(memchr::memchr(b'?', path)?.checked_add(1)?..)?;
        match memchr::memchr(b'#', query) {
            Some(end) => query.get(..end),
            None => Some(query),
        }
    }

    fn leading(&self, Span { at, len }: Span, name: &'static str) -> Option<&[u8]> {
        match at {
            0 => self.get(name),
            at => self.blob.get(at..)?.get(..len),
        }
    }

    /// The lengths, and what they are the lengths of.
    fn split(&self) -> (&[[u8; PAIR]], &[u8]) {
        split(&self.blob).unwrap_or_default()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs: Vec<_> = pairs.into_iter().collect();
        Self::from_blob(serialize(pairs.iter().map(|(name, value)| (name, value))))
    }
}

fn split(blob: &[u8]) -> Option<(&[[u8; PAIR]], &[u8])> {
    let (count, rest) = blob.split_first_chunk()?;
    let sizes = (u32::from_le_bytes(*count) as usize).checked_mul(PAIR)?;
    let (sizes, data) = rest.split_at_checked(sizes)?;
    Some((sizes.as_chunks().0, data))
}

/// The serialization of headers, for the host; names come in lower case.
pub fn serialize<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (N, V), IntoIter: Clone>,
) -> Vec<u8> {
    let pairs = pairs.into_iter();
    let (mut count, mut len) = (0_u32, COUNT);
    for (name, value) in pairs.clone() {
        count = count.saturating_add(1);
        for text in [name.as_ref(), value.as_ref()] {
            len = len.saturating_add(text.len()).saturating_add(SIZE);
        }
    }
    let mut blob = Vec::with_capacity(len);
    blob.extend_from_slice(&count.to_le_bytes());
    for (name, value) in pairs.clone() {
        for text in [name.as_ref(), value.as_ref()] {
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            blob.extend_from_slice(&len.to_le_bytes());
        }
    }
    for (name, value) in pairs {
        blob.extend(name.as_ref().iter().map(u8::to_ascii_lowercase));
        blob.push(0);
        blob.extend_from_slice(value.as_ref());
        blob.push(0);
    }
    blob
}

// === impl Leading ===

impl Leading {
    fn find(blob: &[u8]) -> Option<Self> {
        let mut leading = Self::default();
        let (sizes, data) = split(blob)?;
        let mut at = blob.len().checked_sub(data.len())?;
        for pair in sizes {
            let (name_len, len) = lengths(pair);
            let name = blob.get(at..)?.get(..name_len)?;
            if name.first() != Some(&b':') {
                break;
            }
            // Each text is followed by NUL.
            at = at.checked_add(name_len)?.checked_add(1)?;
            let span = match name_len {
                5 if same(name, b":path") => Some(&mut leading.path),
                7 if same(name, b":method") => Some(&mut leading.method),
                10 if same(name, b":authority") => Some(&mut leading.authority),
                _ => None,
            };
            // The first one counts.
            if let Some(span @ Span { at: 0, .. }) = span {
                *span = Span { at, len };
            }
            at = at.checked_add(len)?.checked_add(1)?;
        }
        Some(leading)
    }
}

// === impl Iter ===

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (pair, sizes) = self.sizes.split_first()?;
        let (name, value) = lengths(pair);
        self.sizes = sizes;
        Some((self.text(name)?, self.text(value)?))
    }
}

impl<'a> Iter<'a> {
    fn text(&mut self, len: usize) -> Option<&'a [u8]> {
        let (text, rest) = self.data.split_at_checked(len)?;
        self.data = rest.split_first()?.1;
        Some(text)
    }
}

// === impl Values ===

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    /// Looks at the texts only where the length is right: a request is asked for many headers.
    fn next(&mut self) -> Option<Self::Item> {
        let (mut sizes, mut at) = (self.sizes, self.at);
        while let Some((pair, rest)) = sizes.split_first() {
            sizes = rest;
            let (name, value) = lengths(pair);
            // Each text is followed by NUL. Of a damaged map nothing is found, wherever this leads.
            let value_at = at.wrapping_add(name).wrapping_add(1);
            let next = value_at.wrapping_add(value).wrapping_add(1);
            if name == self.name.len() && same(self.data.get(at..)?.get(..name)?, self.name) {
                (self.sizes, self.at) = (sizes, next);
                return self.data.get(value_at..)?.get(..value);
            }
            at = next;
        }
        self.sizes = &[];
        None
    }
}

/// Both lengths, read as one number, which is one access to memory.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the halves are cut off on purpose"
)]
fn lengths(pair: &[u8; PAIR]) -> (usize, usize) {
    let both = u64::from_le_bytes(*pair);
    (both as u32 as usize, (both >> u32::BITS) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let headers: Headers = [(":path", "/a?b=c#d"), ("X-A", "1"), ("x-a", "2")]
            .into_iter()
            .collect();
        assert_eq!(headers.get_all("x-a").collect::<Vec<_>>(), [b"1", b"2"]);
        assert_eq!(headers.path(), Some(b"/a".as_slice()));
        assert_eq!(headers.query(), Some(b"b=c".as_slice()));
        assert_eq!(headers.method(), None);
    }

    #[test]
    fn a_damaged_map_ends_early() {
        let whole = [("a", "b"), ("cc", "dd")]
            .into_iter()
            .collect::<Headers>()
            .blob;
        for len in 0..whole.len() {
            let cut = Headers::from_blob(whole.iter().copied().take(len).collect());
            assert!(cut.iter().count() < 2, "{len}");
        }
        let huge = Headers::from_blob(vec![0xff; 64]);
        assert_eq!(huge.iter().count(), 0);
    }
}
