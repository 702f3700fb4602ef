//! The server's side of mutual TLS.

use serde_json::{Value, json};

use crate::envoy::certs::Identity;

/// The downstream TLS context of a workload.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// The workload's own certificate.
    pub identity: Identity,
    /// The authority (PEM) that client certificates must come from.
    pub client_authority: String,
    /// Whether a client without a certificate is refused, or only taken to be nobody.
    pub require_client_certificate: bool,
    /// What the URI SAN of a client certificate must begin with, such as `spiffe://cluster.local/`.
    /// With it, Envoy 1.40 refuses clients without a certificate whatever the field above says.
    pub san_prefix: Option<String>,
}

impl ServerTls {
    /// Requires a certificate of this authority.
    pub fn new(identity: Identity, client_authority: impl Into<String>) -> Self {
        Self {
            identity,
            client_authority: client_authority.into(),
            require_client_certificate: true,
            san_prefix: None,
        }
    }

    /// Lets clients without a certificate in.
    pub fn optional_client_certificate(mut self) -> Self {
        self.require_client_certificate = false;
        self
    }

    /// Refuses client certificates without a URI SAN that begins with this.
    pub fn san_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.san_prefix = Some(prefix.into());
        self
    }

    /// Its transport socket.
    pub fn to_json(&self) -> Value {
        let mut validation = json!({"trusted_ca": {"inline_string": self.client_authority}});
        if let Some(prefix) = &self.san_prefix {
            validation["match_typed_subject_alt_names"] =
                json!([{"san_type": "URI", "matcher": {"prefix": prefix}}]);
        }
        super::extension(
            "envoy.transport_sockets.tls",
            "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            json!({
                "require_client_certificate": self.require_client_certificate,
                "common_tls_context": {
                    "alpn_protocols": ["http/1.1"],
                    "tls_certificates": [{
                        "certificate_chain": {"inline_string": self.identity.certificate},
                        "private_key": {"inline_string": self.identity.key},
                    }],
                    "validation_context": validation,
                },
            }),
        )
    }
}
