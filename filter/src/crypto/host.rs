//! The host's own verification: Envoy's foreign function `verify_signature`.
//!
//! Its argument is the protobuf message `VerifySignatureArguments` {string hash_function = 1;
//! bytes public_key = 2; bytes signature = 3; bytes text = 4}, its answer
//! `VerifySignatureResult` {bool result = 1; string error = 2}.

use crate::jose::Hash;
use crate::protobuf::{self, Field, Message};

/// More than the names, the lengths and the hash take in a message.
const MARKS: usize = 32;

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
    let texts = key.len().saturating_add(signature.len());
    let len = texts.saturating_add(text.len()).saturating_add(MARKS);
    Message::with_capacity(len)
        .bytes(1, hash)
        .bytes(2, key)
        .bytes(3, signature)
        .bytes(4, text)
        .into_bytes()
}

/// Whether the signature is good; `None` for what is no answer at all.
pub fn decode(message: &[u8]) -> Option<bool> {
    let mut result = false;
    let read = protobuf::read(message, |number, field| {
        if let (1, Field::Varint(value)) = (number, field) {
            result = value != 0;
        }
        Ok(())
    });
    read.ok().map(|()| result)
}

/// Whether the host has the function: one that has says no to what is not even a key.
pub(super) fn is_there<H: Host>() -> bool {
    H::verify_signature(&encode(Hash::Sha256, b"no key", b"", b""))
        .and_then(|answer| decode(&answer))
        == Some(false)
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
