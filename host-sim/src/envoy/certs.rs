//! Certificates for tests and demos: an authority, and leaves with SPIFFE identities.
//! Source: SPIFFE X.509-SVID (one URI SAN is the identity); RFC 5280.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

/// A certificate authority that lives in memory.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a leaf certificate says.
#[derive(Clone, Debug, Default)]
pub struct Leaf {
    uris: Vec<String>,
    names: Vec<String>,
    no_subject: bool,
    expired: bool,
}

/// A certificate with its private key, both as PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The leaf certificate.
    pub certificate: String,
    /// Its private key (PKCS#8).
    pub key: String,
}

/// A certificate could not be made: a name that is none.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the certificate: {0}")]
pub struct CertificateError(#[from] rcgen::Error);

// === impl Leaf ===

impl Leaf {
    /// A certificate without any name but its subject.
    pub fn nameless() -> Self {
        Self::default()
    }

    /// The certificate of a workload: one URI SAN.
    pub fn spiffe(id: impl Into<String>) -> Self {
        Self::default().uri(id)
    }

    /// One more URI SAN.
    pub fn uri(mut self, uri: impl Into<String>) -> Self {
        self.uris.push(uri.into());
        self
    }

    /// One more DNS name, or address where it is one.
    pub fn dns(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Leaves its subject empty, as SPIFFE's certificates often do.
    pub fn without_subject(mut self) -> Self {
        self.no_subject = true;
        self
    }

    /// Lets it have ended years ago.
    pub fn expired(mut self) -> Self {
        self.expired = true;
        self
    }
}

// === impl Authority ===

impl Authority {
    /// A new authority with a self-signed certificate.
    ///
    /// # Errors
    /// [`CertificateError`] when the name cannot stand in a certificate.
    pub fn new(name: &str) -> Result<Self, CertificateError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// The authority's certificate as PEM.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a leaf for servers and clients.
    ///
    /// # Errors
    /// [`CertificateError`] when a name cannot stand in a certificate.
    pub fn issue(&self, leaf: &Leaf) -> Result<Identity, CertificateError> {
        let mut params = CertificateParams::new(leaf.names.clone())?;
        if leaf.no_subject {
            params.distinguished_name = DistinguishedName::new();
        }
        for uri in &leaf.uris {
            params
                .subject_alt_names
                .push(SanType::URI(uri.as_str().try_into()?));
        }
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(if leaf.expired { 2021 } else { 2120 }, 1, 1);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}
