//! `palisade ca`: certificates for demos, tests and small meshes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use host_sim::ca::{Ca, CaError, Issued, Rotation, install};

use super::exit::{Exit, Failure};

/// Options of `palisade ca`.
#[derive(Args)]
pub struct CaCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make an authority: a root and an intermediate.
    Init {
        /// Where it lives.
        #[arg(value_name = "AUTHORITY")]
        folder: PathBuf,
        /// The trust domain of its identities.
        #[arg(long, value_name = "NAME", default_value = "cluster.local")]
        trust_domain: String,
    },
    /// Make a key and its certificate, where Envoy watches for them.
    Issue {
        #[command(flatten)]
        place: Place,
        /// Whose: `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
        #[arg(long, value_name = "URI")]
        identity: String,
    },
    /// Let the bearer of a secret, which is printed, have one certificate signed.
    Grant {
        /// The authority.
        #[arg(value_name = "AUTHORITY")]
        folder: PathBuf,
        /// For whom: `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
        #[arg(long, value_name = "URI")]
        identity: String,
        /// How long the secret is good.
        #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
        ttl: Duration,
    },
    /// Sign a certificate signing request of someone who has a grant.
    Sign {
        #[command(flatten)]
        place: Place,
        /// The request (PKCS #10, PEM).
        #[arg(long, value_name = "FILE")]
        csr: PathBuf,
        /// A file with the secret of the grant.
        #[arg(long, value_name = "FILE")]
        secret: PathBuf,
    },
    /// Replace the root in three steps; issue every certificate anew after each.
    Rotate {
        /// The authority.
        #[arg(value_name = "AUTHORITY")]
        folder: PathBuf,
        /// Which step.
        #[arg(value_enum)]
        step: Step,
    },
}

#[derive(Args)]
struct Place {
    /// The authority.
    #[arg(value_name = "AUTHORITY")]
    folder: PathBuf,
    /// Where the certificate goes: `cert-chain.pem`, `key.pem` and `root-cert.pem`.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// How long it is good.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = humantime::parse_duration)]
    ttl: Duration,
}

#[derive(Clone, Copy, ValueEnum)]
enum Step {
    /// Make a new root, trusted beside the old one.
    Trust,
    /// Issue from the new root.
    Issue,
    /// Forget the old root.
    Forget,
}

impl CaCommand {
    /// Runs the command.
    pub fn run(&self) -> Result<Exit, Failure> {
        match &self.command {
            Command::Init {
                folder,
                trust_domain,
            } => {
                Ca::init(folder, trust_domain)?;
            }
            Command::Issue { place, identity } => {
                let issued = Ca::open(&place.folder)?.issue(identity, place.ttl)?;
                place.install(&issued)?;
            }
            Command::Grant {
                folder,
                identity,
                ttl,
            } => anstream::println!("{}", Ca::open(folder)?.grant(identity, *ttl)?),
            Command::Sign { place, csr, secret } => {
                let issued =
                    Ca::open(&place.folder)?.sign(&read(csr)?, &read(secret)?, place.ttl)?;
                place.install(&issued)?;
            }
            Command::Rotate { folder, step } => Ca::open(folder)?.rotate(match step {
                Step::Trust => Rotation::Trust,
                Step::Issue => Rotation::Issue,
                Step::Forget => Rotation::Forget,
            })?,
        }
        Ok(Exit::Ok)
    }
}

impl Place {
    fn install(&self, issued: &Issued) -> Result<(), Failure> {
        Ok(install(&self.out, issued)?)
    }
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::new(Exit::Usage, format!("`{}`: {error}", file.display())))
}

impl From<CaError> for Failure {
    fn from(error: CaError) -> Self {
        Self::new(Exit::Invalid, error)
    }
}
