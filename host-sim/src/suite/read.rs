//! Reading a suite: strictly, so that a misspelt key does not make a test check less.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use palisade_filter::config::{ConfigError, Fields, Node};
use palisade_filter::json;
use serde_json::Value;

use super::token::Tokens;
use super::{Expect, Suite, Test, request, verdict};
use crate::connection_manager::PathNormalization;
use crate::engine::{Jwks, Mesh, Proxy, Setup, Verdict, Workload};
use crate::source::{Document, SourceError, Sources, yaml};

const MAX_DEPTH: usize = 128;

/// Reads the suite in the file at `path`.
pub(super) fn read(path: &Path) -> Result<Suite, SourceError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| SourceError::new(&*file, error.to_string()))?;
    let mut documents = yaml::read(&file, &text)?;
    let (Some(mut document), true) = (documents.pop(), documents.is_empty()) else {
        return Err(SourceError::new(file, "a suite is one YAML document"));
    };
    merge_defaults(&mut document.value);
    let mut reader = Reader {
        file,
        text,
        folder: path.parent().unwrap_or(Path::new("")),
        document,
    };
    reader.suite()
}

struct Reader<'a> {
    file: String,
    text: String,
    folder: &'a Path,
    document: Document,
}

/// What all tests of a suite have in common.
struct Common {
    mesh: Mesh,
    jwks: Jwks,
    verdicts: BTreeMap<String, Verdict>,
    now: Option<Duration>,
    tokens: Tokens,
}

impl Reader<'_> {
    fn suite(&mut self) -> Result<Suite, SourceError> {
        let text = self.document.value.to_string();
        let document = json::parse(text.as_bytes(), MAX_DEPTH)
            .map_err(|error| SourceError::new(&*self.file, error.to_string()))?;
        let sources = self.sources()?;
        read_suite(&Node::root(&document), self, sources).map_err(|error| self.error(&error))
    }

    /// The policies that `resources` names, or holds.
    fn sources(&self) -> Result<Sources, SourceError> {
        let mut sources = Sources::default();
        let resources = self.document.value["spec"]["resources"].as_array();
        for (index, resource) in resources.into_iter().flatten().enumerate() {
            match resource {
                Value::String(path) => sources.add_path(&self.folder.join(path))?,
                _ => {
                    let prefix = format!("spec.resources[{index}]");
                    sources.add(&self.file, &self.text, &self.document, &prefix);
                }
            }
        }
        Ok(sources)
    }

    fn error(&self, error: &ConfigError) -> SourceError {
        let mut path = error.path().to_owned();
        let place = loop {
            if let Some(place) = self.document.places.get(&path) {
                break *place;
            }
            let cut = path.rfind(['.', '[']).unwrap_or(0);
            path.truncate(cut);
        };
        SourceError::at(&self.file, &self.text, place, error.to_string())
    }
}

/// Puts `defaults` under every test.
fn merge_defaults(suite: &mut Value) {
    let defaults = suite["spec"]["defaults"].clone();
    let tests = suite
        .pointer_mut("/spec/tests")
        .and_then(Value::as_array_mut);
    for test in tests.into_iter().flatten() {
        let own = std::mem::replace(test, defaults.clone());
        merge(test, own);
    }
}

fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

fn read_suite(
    root: &Node<'_>,
    reader: &Reader<'_>,
    sources: Sources,
) -> Result<Suite, ConfigError> {
    let fields = root.object(&["apiVersion", "kind", "metadata", "spec"])?;
    for (key, wanted) in [("apiVersion", "palisade/v1"), ("kind", "PolicyTest")] {
        let node = fields.require(key)?;
        if node.string()? != wanted {
            return Err(node.error(format!("must be `{wanted}`, not `{}`", node.string()?)));
        }
    }
    let metadata = fields.require("metadata")?;
    let name = metadata
        .object(&["name", "labels"])?
        .require("name")?
        .string()?
        .to_owned();
    let spec = fields.require("spec")?;
    let spec = spec.object(&[
        "resources",
        "mesh",
        "jwks",
        "extensionProviders",
        "now",
        "tokens",
        "defaults",
        "tests",
    ])?;
    let common = Common {
        mesh: match spec.get("mesh") {
            Some(node) => read_mesh(&node)?,
            None => Mesh::default(),
        },
        jwks: match spec.get("jwks") {
            Some(node) => read_jwks(&node, reader.folder)?,
            None => Jwks::new(),
        },
        verdicts: match spec.get("extensionProviders") {
            Some(node) => verdict::read(&node)?,
            None => BTreeMap::new(),
        },
        now: spec.get("now").map(|node| read_time(&node)).transpose()?,
        tokens: match spec.get("tokens") {
            Some(node) => Tokens::read(&node, reader.folder)?,
            None => Tokens::default(),
        },
    };
    let resources = sources.values();
    let tests = spec
        .require("tests")?
        .list()?
        .map(|node| read_test(&node, &common, &resources))
        .collect::<Result<_, _>>()?;
    Ok(Suite {
        file: reader.file.clone(),
        name,
        sources,
        tests,
    })
}

fn read_test(node: &Node<'_>, common: &Common, resources: &[Value]) -> Result<Test, ConfigError> {
    let fields = node.object(&["name", "skip", "workload", "request", "expect"])?;
    let request = match fields.get("request") {
        Some(node) => request::read(&node, &common.tokens)?,
        None => crate::engine::Request::default(),
    };
    let mut mesh = common.mesh.clone();
    let workload = match fields.get("workload") {
        Some(node) => read_workload(&node, &mut mesh)?,
        None => Workload {
            namespace: "default".to_owned(),
            ..Workload::default()
        },
    };
    Ok(Test {
        name: fields.require("name")?.string()?.to_owned(),
        skip: fields
            .get("skip")
            .map(|node| node.string().map(str::to_owned))
            .transpose()?,
        setup: Setup {
            mesh,
            workload,
            resources: resources.to_vec(),
            jwks: common.jwks.clone(),
            verdicts: common.verdicts.clone(),
            now: common.now,
            tcp: request.tcp,
        },
        request,
        expect: Expect::read(&fields.require("expect")?)?,
    })
}

fn read_workload(node: &Node<'_>, mesh: &mut Mesh) -> Result<Workload, ConfigError> {
    let fields = node.object(&[
        "namespace",
        "name",
        "labels",
        "serviceAccount",
        "is_waypoint",
        "selector_based_gateway_policy",
    ])?;
    if let Some(node) = fields.get("selector_based_gateway_policy") {
        mesh.selector_based_gateway_policy = node.boolean()?;
    }
    Ok(Workload {
        namespace: text(&fields, "namespace", "default")?,
        name: text(&fields, "name", "")?,
        labels: match fields.get("labels") {
            Some(node) => node.string_map()?,
            None => BTreeMap::new(),
        },
        service_account: text(&fields, "serviceAccount", "")?,
        waypoint: fields
            .get("is_waypoint")
            .map(|node| node.boolean())
            .transpose()?
            .unwrap_or(false),
    })
}

fn read_mesh(node: &Node<'_>) -> Result<Mesh, ConfigError> {
    let fields = node.object(&[
        "rootNamespace",
        "trustDomain",
        "trustDomainAliases",
        "pathNormalization",
        "xffNumTrustedHops",
        "proxy",
        "rejectPathWithFragment",
        "extensionProviders",
        "multipleCustomAuthzProviders",
    ])?;
    let mut mesh = Mesh::default();
    mesh.root_namespace = text(&fields, "rootNamespace", &mesh.root_namespace)?;
    mesh.trust_domain = text(&fields, "trustDomain", &mesh.trust_domain)?;
    if let Some(node) = fields.get("trustDomainAliases") {
        mesh.trust_domain_aliases = node.strings()?;
    }
    if let Some(node) = fields.get("pathNormalization") {
        let option = PathNormalization::from_name(node.string()?);
        mesh.path_normalization = option.ok_or_else(|| {
            node.error(format!(
                "unknown option `{}`",
                node.string().unwrap_or_default()
            ))
            .help("use NONE, BASE, MERGE_SLASHES or DECODE_AND_MERGE_SLASHES")
        })?;
    }
    if let Some(node) = fields.get("xffNumTrustedHops") {
        let hops = u32::try_from(node.integer()?);
        mesh.xff_num_trusted_hops = hops.map_err(|_| node.error("must not be negative"))?;
    }
    if let Some(node) = fields.get("proxy") {
        mesh.proxy = match node.string()? {
            "sidecar" => Proxy::Sidecar,
            "gateway" => Proxy::Gateway,
            other => {
                return Err(node
                    .error(format!("unknown proxy `{other}`"))
                    .help("use `sidecar` or `gateway`"));
            }
        };
    }
    if let Some(node) = fields.get("rejectPathWithFragment") {
        mesh.reject_path_with_fragment = node.boolean()?;
    }
    if let Some(node) = fields.get("extensionProviders") {
        let list = node.list()?;
        let read = list.map(|node| serde_json::to_value(node.value()).unwrap_or_default());
        mesh.extension_providers = read.collect();
    }
    if let Some(node) = fields.get("multipleCustomAuthzProviders") {
        mesh.multiple_custom_authz_providers = node.boolean()?;
    }
    Ok(mesh)
}

/// Key sets inline, or in files relative to `folder`.
fn read_jwks(node: &Node<'_>, folder: &Path) -> Result<Jwks, ConfigError> {
    node.open_object()?
        .iter()
        .map(|(uri, node)| {
            let keys = match node.value() {
                json::Value::String(path) => {
                    let path = folder.join(path.as_str());
                    let problem =
                        |what: String| node.error(format!("`{}`: {what}", path.display()));
                    let text = std::fs::read(&path).map_err(|error| problem(error.to_string()))?;
                    serde_json::from_slice(&text).map_err(|error| problem(error.to_string()))?
                }
                value => serde_json::to_value(value).unwrap_or_default(),
            };
            Ok((uri.to_owned(), keys))
        })
        .collect()
}

fn read_time(node: &Node<'_>) -> Result<Duration, ConfigError> {
    let text = node.string()?;
    humantime::parse_rfc3339_weak(text)
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .ok_or_else(|| {
            node.error(format!("`{text}` is no time"))
                .help("use 2026-01-01T00:00:00Z")
        })
}

fn text(fields: &Fields<'_>, key: &str, default: &str) -> Result<String, ConfigError> {
    match fields.get(key) {
        Some(node) => Ok(node.string()?.to_owned()),
        None => Ok(default.to_owned()),
    }
}
