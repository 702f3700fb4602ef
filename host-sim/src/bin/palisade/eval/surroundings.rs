//! Policies, workload, mesh, issuers and time of `palisade eval`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use host_sim::connection_manager::PathNormalization;
use host_sim::engine::{Jwks, Mesh, Proxy, Setup, Verdict, Workload};
use host_sim::source::Sources;

use crate::exit::{Exit, Failure};

/// What surrounds the request.
#[derive(Args)]
pub struct SurroundingsArgs {
    /// Policies: files, folders, or `-` for standard input.
    #[arg(short = 'f', long = "policies", value_name = "PATH", required = true)]
    policies: Vec<PathBuf>,
    /// The workload that the request is for.
    #[arg(long, value_name = "NAMESPACE[/NAME]", default_value = "default")]
    workload: String,
    /// Its labels.
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',')]
    labels: Vec<String>,
    /// Its service account.
    #[arg(long, value_name = "NAME", default_value = "")]
    service_account: String,
    /// A key set: what this `jwksUri`, or the discovery of this issuer, serves.
    #[arg(long, value_name = "URI=FILE")]
    jwks: Vec<String>,
    /// What the external authorizer of an extension provider answers: a status (200 agrees), or
    /// `unreachable`.
    #[arg(long, value_name = "PROVIDER=STATUS")]
    authorizer: Vec<String>,
    /// Several extension providers may be asked about one workload.
    #[arg(long)]
    multiple_custom_authz_providers: bool,
    /// The time of the request; otherwise now.
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// The namespace whose policies apply everywhere.
    #[arg(long, value_name = "NAME", default_value = "istio-system")]
    root_namespace: String,
    /// The trust domain of the mesh.
    #[arg(long, value_name = "NAME", default_value = "cluster.local")]
    trust_domain: String,
    /// Another name of it.
    #[arg(long, value_name = "NAME")]
    trust_domain_alias: Vec<String>,
    /// NONE, BASE, MERGE_SLASHES or DECODE_AND_MERGE_SLASHES.
    #[arg(long, value_name = "OPTION", default_value = "BASE")]
    path_normalization: String,
    /// The proxy is a gateway with so many trusted proxies in front of it.
    #[arg(long, value_name = "HOPS")]
    gateway: Option<u32>,
}

/// What surrounds the request, read.
pub struct Surroundings {
    /// The policies with their places.
    pub sources: Sources,
    /// The same for the engine.
    pub setup: Setup,
}

impl SurroundingsArgs {
    /// Reads everything.
    pub fn load(&self) -> Result<Surroundings, Failure> {
        let sources = Sources::load(&self.policies)?;
        let (namespace, name) = self
            .workload
            .split_once('/')
            .unwrap_or((&self.workload, ""));
        let pairs = |list: &[String], what: &str| -> Result<BTreeMap<String, String>, Failure> {
            let pair = |text: &String| {
                let (key, value) = text
                    .split_once('=')
                    .ok_or_else(|| usage(format!("{what} `{text}` has no `=`")))?;
                Ok((key.to_owned(), value.to_owned()))
            };
            list.iter().map(pair).collect()
        };
        let normalization = PathNormalization::from_name(&self.path_normalization);
        let mesh = Mesh {
            root_namespace: self.root_namespace.clone(),
            trust_domain: self.trust_domain.clone(),
            trust_domain_aliases: self.trust_domain_alias.clone(),
            path_normalization: normalization.ok_or_else(|| {
                usage(format!(
                    "unknown path normalization `{}`",
                    self.path_normalization
                ))
            })?,
            proxy: if self.gateway.is_some() {
                Proxy::Gateway
            } else {
                Proxy::Sidecar
            },
            xff_num_trusted_hops: self.gateway.unwrap_or(0),
            multiple_custom_authz_providers: self.multiple_custom_authz_providers,
            ..Mesh::default()
        };
        let mut jwks = Jwks::new();
        for text in &self.jwks {
            let (uri, file) = text
                .rsplit_once('=')
                .ok_or_else(|| usage(format!("`{text}` has no `=`")))?;
            jwks.insert(uri.to_owned(), read_json(file)?);
        }
        let setup = Setup {
            mesh,
            workload: Workload {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                labels: pairs(&self.labels, "label")?,
                service_account: self.service_account.clone(),
                waypoint: false,
            },
            resources: sources.values(),
            jwks,
            verdicts: pairs(&self.authorizer, "authorizer")?
                .into_iter()
                .map(|(name, verdict)| Ok((name, read_verdict(&verdict)?)))
                .collect::<Result<_, Failure>>()?,
            now: self.now.as_deref().map(read_time).transpose()?,
            tcp: false,
        };
        Ok(Surroundings { sources, setup })
    }
}

/// A mistake in the command line.
pub fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

fn read_json(file: &str) -> Result<serde_json::Value, Failure> {
    let problem = |what: String| Failure::new(Exit::Invalid, format!("`{file}`: {what}"));
    let text = std::fs::read(file).map_err(|error| problem(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| problem(error.to_string()))
}

fn read_verdict(text: &str) -> Result<Verdict, Failure> {
    if text == "unreachable" {
        return Ok(Verdict::Unreachable);
    }
    let status = text.parse().ok().filter(|code| (200..600).contains(code));
    let status = status.ok_or_else(|| usage(format!("`{text}` is no status of an authorizer")))?;
    Ok(Verdict::Reply {
        status,
        headers: Vec::new(),
        body: String::new(),
    })
}

fn read_time(text: &str) -> Result<Duration, Failure> {
    humantime::parse_rfc3339_weak(text)
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .ok_or_else(|| usage(format!("`{text}` is no time such as 2026-01-01T00:00:00Z")))
}
