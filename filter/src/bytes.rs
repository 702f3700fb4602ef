//! Comparing bytes.

/// Whether the bytes are the same, many at a time: the comparison of the C library for wasm takes
/// them one by one, and a token has hundreds.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // What no whole word is left for is compared together with bytes before it.
    if let (Some(a_end), Some(b_end)) = (a.last_chunk(), b.last_chunk()) {
        return word(a_end) == word(b_end) && same_words(a, b);
    }
    match (a.split_first_chunk::<4>(), b.split_first_chunk::<4>()) {
        (Some((a_start, _)), Some((b_start, _))) => {
            a_start == b_start && a.last_chunk::<4>() == b.last_chunk::<4>()
        }
        _ => a.iter().zip(b).all(|(a, b)| a == b),
    }
}

/// Whether `text` begins with `start`.
#[inline]
pub(crate) fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len())
        .is_some_and(|text| same(text, start))
}

/// Whether `text` ends with `end`.
#[inline]
pub(crate) fn ends_with(text: &[u8], end: &[u8]) -> bool {
    let at = text.len().checked_sub(end.len());
    at.and_then(|at| text.get(at..))
        .is_some_and(|text| same(text, end))
}

/// Compares as many bytes as fill words, four words at a time.
fn same_words(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (a.as_chunks().0, b.as_chunks().0);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
    let mut blocks = a.iter().zip(b);
    let same = blocks.all(|([a0, a1, a2, a3], [b0, b1, b2, b3])| {
        let bits = word(a0) ^ word(b0) | word(a1) ^ word(b1);
        bits | word(a2) ^ word(b2) | word(a3) ^ word(b3) == 0
    });
    same && a_rest.iter().zip(b_rest).all(|(a, b)| word(a) == word(b))
}

fn word(bytes: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts() {
        let bytes: Vec<u8> = (0..40).collect();
        for len in 0..bytes.len() {
            let text = &bytes[..len];
            let shifted = [b"x", text].concat();
            assert!(same(text, &shifted[1..]), "{len}");
            assert!(!same(text, &bytes[..len + 1]), "{len}");
            for at in 0..len {
                let mut other = text.to_vec();
                other[at] ^= 0x80;
                assert!(!same(text, &other), "{len} {at}");
            }
        }
    }

    #[test]
    fn beginnings_and_ends() {
        for (text, part, starts, ends) in [
            ("abcdefghij", "", true, true),
            ("abcdefghij", "abc", true, false),
            ("abcdefghij", "bcdefghij", false, true),
            ("abcdefghij", "abcdefghij", true, true),
            ("abcdefghij", "abcdefghijk", false, false),
            ("", "a", false, false),
        ] {
            let (text, part) = (text.as_bytes(), part.as_bytes());
            assert_eq!(starts_with(text, part), starts, "{text:?} {part:?}");
            assert_eq!(ends_with(text, part), ends, "{text:?} {part:?}");
        }
    }
}
