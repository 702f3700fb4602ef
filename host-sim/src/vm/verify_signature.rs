//! Envoy's foreign function `verify_signature`, bit for bit as the stock binary answers.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::pkcs8::DecodePublicKey;
use prost::Message;
use rsa::traits::SignatureScheme;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::status::Status;

/// `envoy.source.extensions.common.wasm.VerifySignatureArguments`
#[derive(Clone, PartialEq, Message)]
struct Arguments {
    #[prost(string, tag = "1")]
    hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
    #[prost(string, tag = "5")]
    public_key_pem: String,
}

/// `envoy.source.extensions.common.wasm.VerifySignatureResult`
#[derive(Clone, PartialEq, Message)]
struct Verdict {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

enum Key {
    Rsa(Box<rsa::RsaPublicKey>),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

/// Runs the function on a serialized argument.
pub(super) fn verify_signature(argument: &[u8]) -> Result<Vec<u8>, Status> {
    let arguments = Arguments::decode(argument).map_err(|_| Status::BadArgument)?;
    if arguments.public_key.is_empty() == arguments.public_key_pem.is_empty() {
        return Err(Status::BadArgument);
    }
    let error = match check(&arguments) {
        Ok(()) => String::new(),
        Err(error) => error,
    };
    Ok(Verdict {
        result: error.is_empty(),
        error,
    }
    .encode_to_vec())
}

fn check(arguments: &Arguments) -> Result<(), String> {
    let Some((digest, padding)) = digest(&arguments.hash_function, &arguments.text) else {
        return Err(format!("{} is not supported.", arguments.hash_function));
    };
    let key = Key::read(arguments).ok_or("Failed to initialize digest verify.")?;
    let signature = &arguments.signature;
    let good = match &key {
        Key::Rsa(key) => padding.verify(key, &digest, signature).is_ok(),
        Key::P256(key) => p256::ecdsa::Signature::from_der(signature)
            .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
        Key::P384(key) => p384::ecdsa::Signature::from_der(signature)
            .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
        Key::P521(key) => p521::ecdsa::Signature::from_der(signature)
            .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
    };
    if good {
        Ok(())
    } else {
        Err("Failed to verify digest. Error code: 0".to_owned())
    }
}

fn digest(name: &str, text: &[u8]) -> Option<(Vec<u8>, rsa::Pkcs1v15Sign)> {
    use rsa::Pkcs1v15Sign as Padding;
    Some(match name.to_ascii_lowercase().as_str() {
        "sha224" => (Sha224::digest(text).to_vec(), Padding::new::<Sha224>()),
        "sha256" => (Sha256::digest(text).to_vec(), Padding::new::<Sha256>()),
        "sha384" => (Sha384::digest(text).to_vec(), Padding::new::<Sha384>()),
        "sha512" => (Sha512::digest(text).to_vec(), Padding::new::<Sha512>()),
        _ => return None,
    })
}

impl Key {
    fn read(arguments: &Arguments) -> Option<Self> {
        let pem = &arguments.public_key_pem;
        if pem.is_empty() {
            let der = &arguments.public_key;
            return rsa::RsaPublicKey::from_public_key_der(der)
                .map(|key| Self::Rsa(Box::new(key)))
                .or_else(|_| p256::ecdsa::VerifyingKey::from_public_key_der(der).map(Self::P256))
                .or_else(|_| p384::ecdsa::VerifyingKey::from_public_key_der(der).map(Self::P384))
                .or_else(|_| p521::PublicKey::from_public_key_der(der).map(Self::p521))
                .ok();
        }
        rsa::RsaPublicKey::from_public_key_pem(pem)
            .map(|key| Self::Rsa(Box::new(key)))
            .or_else(|_| p256::ecdsa::VerifyingKey::from_public_key_pem(pem).map(Self::P256))
            .or_else(|_| p384::ecdsa::VerifyingKey::from_public_key_pem(pem).map(Self::P384))
            .or_else(|_| p521::PublicKey::from_public_key_pem(pem).map(Self::p521))
            .ok()
    }

    fn p521(key: p521::PublicKey) -> Self {
        Self::P521(p521::ecdsa::VerifyingKey::from_affine(*key.as_affine()).expect("a valid point"))
    }
}
