//! The serialized form of a header map (ABI v0.2.1).

use super::request::Header;

/// Serializes `headers`.
pub(super) fn serialize(headers: &[Header]) -> Vec<u8> {
    let mut blob = int(headers.len()).to_vec();
    for (name, value) in headers {
        blob.extend(int(name.len()));
        blob.extend(int(value.len()));
    }
    for (name, value) in headers {
        blob.extend_from_slice(name);
        blob.push(0);
        blob.extend_from_slice(value);
        blob.push(0);
    }
    blob
}

/// Reads what a plugin serialized; `None` when it is damaged.
pub(super) fn deserialize(blob: &[u8]) -> Option<Vec<Header>> {
    if blob.is_empty() {
        return Some(Vec::new());
    }
    let (count, mut sizes) = take(blob)?;
    let mut data = sizes.get(count.checked_mul(8)?..)?;
    let mut headers = Vec::new();
    for _ in 0..count {
        let (name, rest) = take(sizes)?;
        let (value, rest) = take(rest)?;
        sizes = rest;
        let mut text = |len: usize| {
            let (text, rest) = data.split_at_checked(len)?;
            data = rest.split_first()?.1;
            Some(text.to_vec())
        };
        headers.push((text(name)?, text(value)?));
    }
    Some(headers)
}

fn int(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

fn take(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (int, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*int)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let headers = vec![(b"a".to_vec(), b"".to_vec()), (b"b".to_vec(), vec![0, 255])];
        let blob = serialize(&headers);
        assert_eq!(deserialize(&blob), Some(headers));
        for len in 1..blob.len() {
            assert_eq!(deserialize(&blob[..len]), None, "{len}");
        }
    }
}
