//! A root with its intermediate: `roots/<number>/{root,intermediate}.{pem,key}`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::CaError;
use super::install::replace;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ROOT_LIFE: Duration = DAY.saturating_mul(10 * 365);
const INTERMEDIATE_LIFE: Duration = DAY.saturating_mul(365);

/// A root and its intermediate.
#[derive(Debug)]
pub(super) struct Generation {
    number: u32,
    folder: PathBuf,
}

impl Generation {
    /// Makes a new root and intermediate.
    pub(super) fn create(ca: &Path, number: u32, trust_domain: &str) -> Result<(), CaError> {
        let new = Self::open(ca, number);
        let failed = |error: rcgen::Error| CaError::new(&new.folder, error);
        fs::create_dir_all(&new.folder).map_err(|error| CaError::new(&new.folder, error))?;
        let key = || KeyPair::generate().map_err(failed);
        let params = authority(trust_domain, "root", number, ROOT_LIFE, None);
        let root = CertifiedIssuer::self_signed(params, key()?).map_err(failed)?;
        let intermediate_key = key()?;
        let params = authority(
            trust_domain,
            "intermediate",
            number,
            INTERMEDIATE_LIFE,
            Some(0),
        );
        let intermediate = params.signed_by(&intermediate_key, &root).map_err(failed)?;
        // The root's certificate comes last: with it the generation is there.
        for (name, text, mode) in [
            ("root.key", root.key().serialize_pem(), 0o600),
            ("intermediate.key", intermediate_key.serialize_pem(), 0o600),
            ("intermediate.pem", intermediate.pem(), 0o644),
            ("root.pem", root.pem(), 0o644),
        ] {
            replace(&new.folder.join(name), &text, mode)?;
        }
        Ok(())
    }

    /// The generation `number` of the authority in `ca`.
    pub(super) fn open(ca: &Path, number: u32) -> Self {
        Self {
            number,
            folder: ca.join("roots").join(number.to_string()),
        }
    }

    /// Every generation, the oldest first.
    pub(super) fn all(ca: &Path) -> Result<Vec<Self>, CaError> {
        let roots = ca.join("roots");
        let failed = |error: std::io::Error| CaError::new(&roots, error);
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&roots).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok());
            if entry.path().join("root.pem").exists() {
                numbers.extend(number);
            }
        }
        numbers.sort_unstable();
        Ok(numbers
            .into_iter()
            .map(|number| Self::open(ca, number))
            .collect())
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The root's certificate.
    pub(super) fn root(&self) -> Result<String, CaError> {
        self.read("root.pem")
    }

    /// The intermediate's certificate.
    pub(super) fn intermediate(&self) -> Result<String, CaError> {
        self.read("intermediate.pem")
    }

    /// What signs workloads.
    pub(super) fn issuer(&self) -> Result<Issuer<'static, KeyPair>, CaError> {
        let failed = |error: rcgen::Error| CaError::new(&self.folder, error);
        let key = KeyPair::from_pem(&self.read("intermediate.key")?).map_err(failed)?;
        Issuer::from_ca_cert_pem(&self.intermediate()?, key).map_err(failed)
    }

    /// Forgets it.
    pub(super) fn remove(&self) -> Result<(), CaError> {
        fs::remove_dir_all(&self.folder).map_err(|error| CaError::new(&self.folder, error))
    }

    fn read(&self, name: &str) -> Result<String, CaError> {
        let path = self.folder.join(name);
        fs::read_to_string(&path).map_err(|error| CaError::new(&path, error))
    }
}

fn authority(
    trust_domain: &str,
    what: &str,
    number: u32,
    life: Duration,
    below: Option<u8>,
) -> CertificateParams {
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let name = format!("{trust_domain} {what} {number}");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(match below {
        Some(below) => BasicConstraints::Constrained(below),
        None => BasicConstraints::Unconstrained,
    });
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = (now - super::SKEW).into();
    params.not_after = (now + life).into();
    params
}
