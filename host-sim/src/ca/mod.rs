//! A small certificate authority for demos, tests and small meshes.
//!
//! A root signs an intermediate, which signs workloads for hours; the root's key is needed again
//! only for a new intermediate and may be kept elsewhere. A root is replaced in three steps, so that
//! at any time everyone trusts everyone's certificate: trust the new one, issue from it, forget the
//! old one. Source: SPIFFE X.509-SVID (one URI SAN, the identity); RFC 5280.

mod error;
mod generation;
mod grant;
mod install;

pub use error::CaError;
pub use install::install;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData, SanType,
};

use generation::Generation;

/// Clocks of a mesh may differ by so much.
const SKEW: Duration = Duration::from_secs(300);

/// The shortest RSA public key that is signed, in bytes of its encoding: 2048 bits.
const MIN_RSA: usize = 256;

/// An authority in a folder.
#[derive(Debug)]
pub struct Ca {
    folder: PathBuf,
    trust_domain: String,
}

/// A certificate with what belongs to it, all as PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The leaf and the intermediate.
    pub chain: String,
    /// The private key, where the authority has made it.
    pub key: Option<String>,
    /// The roots to trust.
    pub roots: String,
}

/// A step of replacing the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Makes a new root, which is trusted beside the old one from now on.
    Trust,
    /// Issues from the new root.
    Issue,
    /// Forgets the old root.
    Forget,
}

impl Ca {
    /// Makes a new authority in `folder` for identities of `trust_domain`.
    ///
    /// # Errors
    /// When there is one already, or the system refuses to write.
    pub fn init(folder: &Path, trust_domain: &str) -> Result<Self, CaError> {
        let ca = Self {
            folder: folder.to_owned(),
            trust_domain: trust_domain.to_owned(),
        };
        if ca.file("trust-domain").exists() {
            return Err(CaError::new(folder, "is an authority already"));
        }
        if trust_domain.is_empty() || trust_domain.contains(['/', ':']) {
            let what = format!("`{trust_domain}` is no trust domain");
            return Err(CaError::new(folder, what));
        }
        fs::create_dir_all(folder).map_err(|error| CaError::new(folder, error))?;
        Generation::create(folder, 1, trust_domain)?;
        ca.write("issuing", "1")?;
        ca.write("trust-domain", trust_domain)?;
        Ok(ca)
    }

    /// Opens the authority in `folder`.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(folder: &Path) -> Result<Self, CaError> {
        let domain = fs::read_to_string(folder.join("trust-domain"));
        let domain = domain.map_err(|_| {
            CaError::new(folder, "is no authority; make one with `palisade ca init`")
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            trust_domain: domain.trim().to_owned(),
        })
    }

    /// A new key and its certificate for `identity`, good for `ttl`.
    ///
    /// # Errors
    /// When the identity is not of this trust domain.
    pub fn issue(&self, identity: &str, ttl: Duration) -> Result<Issued, CaError> {
        let key = KeyPair::generate().map_err(|error| self.error(error))?;
        let mut issued = self.certify(identity, ttl, &key)?;
        issued.key = Some(key.serialize_pem());
        Ok(issued)
    }

    /// Allows whoever has the returned secret to have one certificate for `identity` signed within
    /// `ttl`.
    ///
    /// # Errors
    /// When the identity is not of this trust domain.
    pub fn grant(&self, identity: &str, ttl: Duration) -> Result<String, CaError> {
        self.check_identity(identity)?;
        grant::give(&self.folder, identity, SystemTime::now() + ttl)
    }

    /// Signs a request (PKCS #10) for the identity that `secret` was granted for. Only the key is
    /// taken from the request; it must ask for that identity and nothing else. The grant is used up.
    ///
    /// # Errors
    /// When the secret is not good, or the request asks for anything else or proves nothing.
    pub fn sign(&self, request: &str, secret: &str, ttl: Duration) -> Result<Issued, CaError> {
        // Parsing also verifies that the asker has the key (RFC 2986 section 3).
        let request = CertificateSigningRequestParams::from_pem(request)
            .map_err(|error| self.error(format!("the request is not good: {error}")))?;
        let identity = grant::identity(&self.folder, secret, SystemTime::now())?;
        let asked: Vec<String> = request
            .params
            .subject_alt_names
            .iter()
            .map(|name| match name {
                SanType::URI(uri) => uri.to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        if asked != [identity.as_str()] {
            let asked = asked.join(", ");
            return Err(self.error(format!(
                "the request asks for `{asked}`, the grant is for `{identity}`"
            )));
        }
        let key = &request.public_key;
        if key.algorithm() == &PKCS_RSA_SHA256 && key.der_bytes().len() < MIN_RSA {
            return Err(self.error("RSA keys need 2048 bits at least"));
        }
        let issued = self.certify(&identity, ttl, key)?;
        grant::use_up(&self.folder, secret)?;
        Ok(issued)
    }

    /// The roots to trust, as PEM.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn roots(&self) -> Result<String, CaError> {
        let generations = Generation::all(&self.folder)?;
        let roots = generations.iter().map(Generation::root);
        roots.collect::<Result<String, _>>()
    }

    /// Takes a step of replacing the root. After each one every workload needs a certificate anew,
    /// and time to get it, before the next.
    ///
    /// # Errors
    /// When it is not the turn of this step.
    pub fn rotate(&self, step: Rotation) -> Result<(), CaError> {
        let generations = Generation::all(&self.folder)?;
        let issuing = self.issuing()?;
        let newest = generations.last().map_or(0, Generation::number);
        match step {
            Rotation::Trust if generations.len() == 1 => {
                Generation::create(&self.folder, newest + 1, &self.trust_domain)
            }
            Rotation::Trust => Err(self.error("a new root is trusted already")),
            Rotation::Issue if issuing < newest => self.write("issuing", &newest.to_string()),
            Rotation::Issue => Err(self.error("there is no new root to issue from")),
            Rotation::Forget if issuing == newest && generations.len() > 1 => {
                let mut old = generations.iter().filter(|old| old.number() < newest);
                old.try_for_each(Generation::remove)
            }
            Rotation::Forget => Err(self.error("certificates still come from the oldest root")),
        }
    }

    fn certify(
        &self,
        identity: &str,
        ttl: Duration,
        key: &impl PublicKeyData,
    ) -> Result<Issued, CaError> {
        self.check_identity(identity)?;
        let generation = Generation::open(&self.folder, self.issuing()?);
        let now = SystemTime::now();
        let uri = identity.try_into().map_err(|error| self.error(error))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        params.not_before = (now - SKEW).into();
        params.not_after = (now + ttl).into();
        let leaf = params
            .signed_by(key, &generation.issuer()?)
            .map_err(|error| self.error(error))?;
        Ok(Issued {
            chain: leaf.pem() + &generation.intermediate()?,
            key: None,
            roots: self.roots()?,
        })
    }

    fn check_identity(&self, identity: &str) -> Result<(), CaError> {
        let within = format!("spiffe://{}/", self.trust_domain);
        let path = identity.strip_prefix(&within).unwrap_or_default();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._".contains(c);
        let segments = || path.split('/').all(|part| !["", ".", ".."].contains(&part));
        if path.chars().all(allowed) && segments() {
            Ok(())
        } else {
            Err(self.error(format!(
                "`{identity}` is no identity of this trust domain; use `{within}ns/NAMESPACE/sa/ACCOUNT`"
            )))
        }
    }

    fn issuing(&self) -> Result<u32, CaError> {
        let text = fs::read_to_string(self.file("issuing")).map_err(|error| self.error(error))?;
        text.trim().parse().map_err(|error| self.error(error))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), CaError> {
        install::replace(&self.file(name), text, 0o644)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn error(&self, what: impl std::fmt::Display) -> CaError {
        CaError::new(&self.folder, what)
    }
}
