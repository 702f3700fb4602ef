//! The host's own verification: Envoy's foreign function `verify_signature`.
//!
//! Its argument is the protobuf message `VerifySignatureArguments` {string hash_function = 1;
//! bytes public_key = 2; bytes signature = 3; bytes text = 4}, its answer
//! `VerifySignatureResult` {bool result = 1; string error = 2}.

use crate::jose::Hash;

/// A host that may have the function `verify_signature`.
pub trait Host: 'static {
    /// Calls it with a message made by [`encode`]; `None` when there is no such function or the
    /// call fails.
    fn verify_signature(arguments: &[u8]) -> Option<Vec<u8>>;
}

/// A host that has no such function.
#[derive(Clone, Copy, Debug)]
pub enum NoHost {}

impl Host for NoHost {
    fn verify_signature(_: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// The arguments: a key as SubjectPublicKeyInfo, an RSASSA-PKCS1-v1_5 signature or an ECDSA
/// signature in DER, and the text that is signed.
pub fn encode(hash: Hash, key: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    let hash = match hash {
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
    };
    let mut message = Vec::new();
    for (number, value) in [(1, hash.as_bytes()), (2, key), (3, signature), (4, text)] {
        push_varint(&mut message, number << 3 | LENGTH_DELIMITED);
        push_varint(&mut message, value.len() as u64);
        message.extend_from_slice(value);
    }
    message
}

/// Whether the signature is good; `None` for what is no answer at all.
pub fn decode(mut message: &[u8]) -> Option<bool> {
    let mut result = false;
    while !message.is_empty() {
        let (tag, rest) = take_varint(message)?;
        message = match tag & 7 {
            VARINT => {
                let (value, rest) = take_varint(rest)?;
                if tag >> 3 == 1 {
                    result = value != 0;
                }
                rest
            }
            LENGTH_DELIMITED => {
                let (len, rest) = take_varint(rest)?;
                rest.get(usize::try_from(len).ok()?..)?
            }
            _ => return None,
        };
    }
    Some(result)
}

/// Whether the host has the function: one that has says no to what is not even a key.
pub(super) fn is_there<H: Host>() -> bool {
    H::verify_signature(&encode(Hash::Sha256, b"no key", b"", b""))
        .and_then(|answer| decode(&answer))
        == Some(false)
}

const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

fn push_varint(message: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return message.push(low & 0x7f);
        }
        message.push(low | 0x80);
    }
}

fn take_varint(message: &[u8]) -> Option<(u64, &[u8])> {
    let len = message.iter().take(10).position(|byte| *byte < 0x80)?;
    let (digits, rest) = message.split_at_checked(len.checked_add(1)?)?;
    let value = digits
        .iter()
        .rev()
        .fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_protobuf() {
        let message = encode(Hash::Sha256, b"K", b"S", &[b'T'; 200]);
        assert_eq!(message[..11], *b"\x0a\x06sha256\x12\x01K");
        assert_eq!(message[11..14], *b"\x1a\x01S");
        assert_eq!(message[14..17], *b"\x22\xc8\x01");
        assert_eq!(message.len(), 217);
    }

    #[test]
    fn answers() {
        let rows: &[(&[u8], Option<bool>)] = &[
            (b"", Some(false)),
            (b"\x08\x01", Some(true)),
            (b"\x08\x00", Some(false)),
            (b"\x12\x03bad", Some(false)),
            (b"\x12\x03bad\x08\x01", Some(true)),
            (b"\x12\x09bad", None),
            (b"\x08", None),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"\x09\x01", None),
        ];
        for (message, answer) in rows {
            assert_eq!(decode(message), *answer, "{message:?}");
        }
    }
}
