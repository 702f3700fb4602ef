//! A header map, read in place from the form in which the host hands it over.

/// Request headers with their pseudo headers, in order, names in lower case.
///
/// Holds the proxy-wasm serialization (ABI v0.2.1, "serialized map"): a count, the lengths of every
/// name and value, then names and values, each ended by NUL; integers are 32-bit little-endian.
/// Whatever a damaged map says, reading it ends early rather than out of bounds.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    blob: Vec<u8>,
}

/// The pairs of a [`Headers`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    sizes: &'a [u8],
    data: &'a [u8],
}

const INT: usize = 4;

// === impl Headers ===

impl Headers {
    /// Wraps the host's serialization of a header map.
    pub fn from_blob(blob: Vec<u8>) -> Self {
        Self { blob }
    }

    /// The serialization that the host takes and gives.
    pub fn as_bytes(&self) -> &[u8] {
        &self.blob
    }

    /// Every header in order.
    pub fn iter(&self) -> Iter<'_> {
        let (count, rest) = take_int(&self.blob).unwrap_or((0, &[]));
        let sizes = count.saturating_mul(INT.saturating_mul(2)).min(rest.len());
        let (sizes, data) = rest.split_at_checked(sizes).unwrap_or((&[], &[]));
        Iter { sizes, data }
    }

    /// Every value of the header `name` (lower case), in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(key, _)| *key == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The first value of the header `name` (lower case).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(key, _)| *key == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// `:method`
    pub fn method(&self) -> Option<&[u8]> {
        self.get(":method")
    }

    /// `:authority`, the host and, where the client gave it, the port.
    pub fn authority(&self) -> Option<&[u8]> {
        self.get(":authority")
    }

    /// `:path` as Envoy normalized it, with the query.
    pub fn path_and_query(&self) -> Option<&[u8]> {
        self.get(":path")
    }

    /// The normalized path without query and fragment: what `paths` is matched against.
    pub fn path(&self) -> Option<&[u8]> {
        self.path_and_query()?
            .split(|byte| matches!(byte, b'?' | b'#'))
            .next()
    }

    /// The query without its `?`, where there is one.
    pub fn query(&self) -> Option<&[u8]> {
        let mut parts = self.path_and_query()?.splitn(2, |byte| *byte == b'?');
        parts.next();
        parts.next()?.split(|byte| *byte == b'#').next()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let (mut count, mut sizes, mut data) = (0_u32, Vec::new(), Vec::new());
        for (name, value) in pairs {
            let name = name.as_ref().to_ascii_lowercase();
            count = count.saturating_add(1);
            for text in [name.as_slice(), value.as_ref()] {
                sizes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
                data.extend_from_slice(text);
                data.push(0);
            }
        }
        Self {
            blob: [count.to_le_bytes().as_slice(), &sizes, &data].concat(),
        }
    }
}

// === impl Iter ===

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name_len, sizes) = take_int(self.sizes)?;
        let (value_len, sizes) = take_int(sizes)?;
        self.sizes = sizes;
        Some((self.text(name_len)?, self.text(value_len)?))
    }
}

impl<'a> Iter<'a> {
    fn text(&mut self, len: usize) -> Option<&'a [u8]> {
        let (text, rest) = self.data.split_at_checked(len)?;
        self.data = rest.split_first()?.1;
        Some(text)
    }
}

fn take_int(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (int, rest) = bytes.split_first_chunk::<INT>()?;
    Some((usize::try_from(u32::from_le_bytes(*int)).ok()?, rest))
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
