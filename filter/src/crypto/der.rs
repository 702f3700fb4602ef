//! The little DER (X.690) that keys and signatures need.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// `rsaEncryption` with its NULL parameter (RFC 3279 section 2.3.1), as an AlgorithmIdentifier.
const RSA: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// A key as SubjectPublicKeyInfo (RFC 5280 section 4.1): an RSA key of these big-endian numbers.
pub fn rsa_key_info(n: &[u8], e: &[u8]) -> Vec<u8> {
    let key = element(SEQUENCE, &[integer(n), integer(e)].concat());
    key_info(RSA, &key)
}

/// A key as SubjectPublicKeyInfo, of this AlgorithmIdentifier and public key.
pub fn key_info(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = element(BIT_STRING, &[&[0], key].concat());
    element(SEQUENCE, &[algorithm, &bits].concat())
}

/// The public key inside a SubjectPublicKeyInfo.
pub fn public_key(info: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, info, []) = split(info)? else {
        return None;
    };
    let (SEQUENCE, _, rest) = split(info)? else {
        return None;
    };
    match split(rest)? {
        (BIT_STRING, [0, key @ ..], []) => Some(key),
        _ => None,
    }
}

/// An ECDSA signature of RFC 7518 section 3.4 (r and s side by side) as the sequence of two
/// integers of RFC 3279 section 2.2.3.
pub fn ecdsa_signature(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature
        .split_at_checked(signature.len().div_ceil(2))
        .unwrap_or((signature, &[]));
    element(SEQUENCE, &[integer(r), integer(s)].concat())
}

/// A non-negative integer in its shortest form.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = bytes.get(zeros..).unwrap_or_default();
    // A leading bit would make it negative.
    let sign = digits.first().is_none_or(|byte| *byte >= 0x80);
    element(
        INTEGER,
        &[if sign { &[0][..] } else { &[] }, digits].concat(),
    )
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let digits = length.get(zeros..).unwrap_or_default();
    let mut out = vec![tag];
    match digits {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(u8::try_from(long.len()).map_or(0x80, |count| 0x80 | count));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// The tag and content of the first element, and what follows it.
fn split(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = input.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first.checked_sub(0x80) {
        None => (usize::from(*first), rest),
        Some(count) => {
            let (digits, rest) = rest.split_at_checked(usize::from(count))?;
            let length = digits.iter().try_fold(0_usize, |length, digit| {
                length.checked_mul(256)?.checked_add(usize::from(*digit))
            })?;
            (length, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_shortest_and_not_negative() {
        let rows: &[(&[u8], &[u8])] = &[
            (&[], &[2, 1, 0]),
            (&[0], &[2, 1, 0]),
            (&[0, 0, 1], &[2, 1, 1]),
            (&[0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
        ];
        for (bytes, der) in rows {
            assert_eq!(integer(bytes), *der);
        }
    }

    #[test]
    fn long_lengths() {
        assert_eq!(element(4, &[7; 0x7f])[..2], [4, 0x7f]);
        assert_eq!(element(4, &[7; 0x80])[..3], [4, 0x81, 0x80]);
        assert_eq!(element(4, &[7; 0x123])[..4], [4, 0x82, 1, 0x23]);
    }

    #[test]
    fn a_key_comes_out_as_it_went_in() {
        let info = rsa_key_info(&[0xff; 256], &[1, 0, 1]);
        let key = public_key(&info).unwrap();
        assert_eq!(key[..4], [0x30, 0x82, 1, 10]);
        for len in 0..info.len() {
            assert_eq!(public_key(&info[..len]), None, "{len}");
        }
    }
}
