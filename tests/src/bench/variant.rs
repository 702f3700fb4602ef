//! The filters that are compared, each in an Envoy of its own.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use host_sim::engine::{Jwks, Mesh, Setup, Workload};
use host_sim::envoy::bootstrap::{Bootstrap, Cluster, HttpManager, Listener, WasmFilter};
use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::{Envoy, Launch, binary};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rows::{Row, Token, Tokens};
use crate::{Error, native, wasm};

/// What is in the filter chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Nothing.
    None,
    /// A Wasm module with every callback of the SDK, which does nothing.
    Empty,
    /// A Wasm module with the callbacks and host calls of Palisade, which does nothing else.
    Calls,
    /// A Lua filter that does the check of the smallest row.
    Lua,
    /// `ext_authz` to an HTTP authorizer that agrees at once.
    ExtAuthz,
    /// `jwt_authn` with its cache, and `rbac`.
    Native,
    /// `jwt_authn` without its cache, and `rbac`.
    NativeUncached,
    /// Palisade.
    Palisade,
    /// Palisade with `"filterState": "all"`.
    PalisadeAll,
}

/// An Envoy with a variant.
pub struct Running {
    variant: Variant,
    /// How long it took to be ready.
    pub ready_after: Duration,
    envoy: Envoy,
    _folder: TempDir,
}

/// The cluster of the application, which is the authorizer too.
const BEHIND: &str = "behind";

const EMPTY: &str = include_str!("empty.wat");
const CALLS: &str = include_str!("calls.wat");

const LUA: &str = r#"
function envoy_on_request(handle)
  local path = handle:headers():get(":path")
  if handle:headers():get(":method") ~= "GET" or path:sub(1, 6) ~= "/last/" then
    handle:respond({[":status"] = "403"}, "RBAC: access denied")
  end
end
"#;

/// Loads that stay long in one place see V8 compile the module: no measurement begins before.
const WARM_UP: usize = 300;

impl Variant {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "no filter",
            Self::Empty => "empty wasm",
            Self::Calls => "host calls only",
            Self::Lua => "Lua",
            Self::ExtAuthz => "ext_authz",
            Self::Native => "native",
            Self::NativeUncached => "native, no cache",
            Self::Palisade => "Palisade",
            Self::PalisadeAll => "Palisade, all",
        }
    }

    fn filters(self, row: &Row, folder: &TempDir) -> Result<Vec<Value>, Error> {
        Ok(match self {
            Self::None => Vec::new(),
            Self::Empty => vec![module(EMPTY, folder)?],
            Self::Calls => vec![module(CALLS, folder)?],
            Self::Lua => vec![json!({
                "name": "envoy.filters.http.lua",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                    "default_source_code": {"inline_string": LUA},
                },
            })],
            Self::ExtAuthz => {
                let provider = json!({"envoyExtAuthzHttp": {"service": "authz", "port": 80}});
                vec![native::ext_authz(&provider, BEHIND)]
            }
            Self::Native | Self::NativeUncached => {
                let mut filters = native::http_filters(&row.resources());
                let providers = filters
                    .iter_mut()
                    .filter_map(|filter| filter.pointer_mut("/typed_config/providers"))
                    .filter_map(Value::as_object_mut)
                    .flat_map(|providers| providers.values_mut());
                for provider in providers {
                    if self == Self::Native {
                        provider["jwt_cache_config"] = json!({"jwt_cache_size": 1000});
                    }
                }
                filters
            }
            Self::Palisade | Self::PalisadeAll => {
                let setup = Setup {
                    mesh: Mesh::default(),
                    workload: Workload {
                        namespace: "foo".to_owned(),
                        ..Workload::default()
                    },
                    resources: row.resources(),
                    jwks: Jwks::new(),
                    verdicts: Default::default(),
                    now: None,
                    tcp: false,
                };
                let mut configuration = setup.plugin_configuration(str::to_owned);
                if self == Self::Palisade {
                    // The default, as most will run it.
                    configuration["filterState"] = "notable".into();
                }
                vec![WasmFilter::new(wasm()?, configuration).to_json()]
            }
        })
    }
}

/// A filter of a module that needs no configuration.
fn module(text: &str, folder: &TempDir) -> Result<Value, Error> {
    let path = folder.path().join("module.wasm");
    std::fs::write(&path, wat::parse_str(text)?)?;
    Ok(WasmFilter::new(path, json!({})).to_json())
}

/// The application and the authorizer: an Envoy on the core of the load that answers at once.
pub struct Behind {
    _envoy: Envoy,
    folder: TempDir,
}

impl Behind {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start() -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let mut listener = listener("behind", Vec::new());
        listener["address"] = pipe(&folder);
        answer_itself(&mut listener);
        let mut bootstrap = Bootstrap::new(Vec::new(), Vec::new()).to_json();
        bootstrap["static_resources"] = json!({"listeners": [listener]});
        let envoy = Launch::new(binary::find()?, &bootstrap).start()?;
        let pid = envoy.pid().to_string();
        let moved = Command::new("taskset")
            .args(["-a", "-cp", "1", &pid])
            .output()?;
        if !moved.status.success() {
            return Err(String::from_utf8_lossy(&moved.stderr).into_owned().into());
        }
        Ok(Self {
            _envoy: envoy,
            folder,
        })
    }
}

fn pipe(folder: &TempDir) -> Value {
    json!({"pipe": {"path": folder.path().join("behind.sock")}})
}

fn listener(name: &str, filters: Vec<Value>) -> Value {
    let mut manager = HttpManager::new(BEHIND);
    manager.filters = filters;
    let mut listener = Listener::new(name, BEHIND);
    listener.http = manager;
    let mut listener = listener.to_json();
    for filter in filters_of(&mut listener) {
        // Writing a line to disk for every request would be most of what is measured.
        filter["access_log"] = json!([]);
    }
    listener
}

/// Makes Envoy answer in place of an application.
fn answer_itself(listener: &mut Value) {
    for filter in filters_of(listener) {
        let route = json!({"match": {"prefix": "/"},
            "direct_response": {"status": 200, "body": {"inline_string": "ok"}}});
        filter["route_config"]["virtual_hosts"][0]["routes"] = json!([route]);
    }
}

/// The connection manager's configuration.
fn filters_of(listener: &mut Value) -> impl Iterator<Item = &mut Value> {
    let filters = listener["filter_chains"][0]["filters"].as_array_mut();
    let configs = filters
        .into_iter()
        .flatten()
        .filter_map(|filter| filter.get_mut("typed_config"));
    configs.filter(|config| config.get("route_config").is_some())
}

impl Running {
    /// Starts an Envoy with one worker in front of `behind`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(variant: Variant, row: &Row, behind: &Behind) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let mut cluster = Cluster::new(BEHIND, ([127, 0, 0, 1], 1).into()).to_json();
        cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] =
            pipe(&behind.folder);
        let mut inbound = listener("inbound", variant.filters(row, &folder)?);
        if !row.behind {
            answer_itself(&mut inbound);
        }
        let mut bootstrap = Bootstrap::new(Vec::new(), Vec::new()).to_json();
        bootstrap["static_resources"] = json!({
            "listeners": [inbound],
            "clusters": [cluster],
        });
        let before = Instant::now();
        let envoy = Launch::new(binary::find()?, &bootstrap)
            .ready_within(Duration::from_secs(120))
            .start()?;
        Ok(Self {
            variant,
            ready_after: before.elapsed(),
            envoy,
            _folder: folder,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When it has gone.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        Ok(self.envoy.listener("inbound")?)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.envoy.pid()
    }

    /// Checks that it answers as it should, often enough for what is compiled late to be compiled.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self, row: &Row, tokens: &Tokens) -> Result<(), Error> {
        let checks = !matches!(
            self.variant,
            Variant::None | Variant::Empty | Variant::Calls
        );
        let expected = if checks { row.status() } else { 200 };
        let client = Client::plain(self.address()?);
        let mut request = Request::get(row.path()).header("host", "bench");
        if row.token != Token::None {
            let token = tokens.first(row.token)?;
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut connection = client.connect()?;
        for _ in 0..WARM_UP {
            let status = connection.send(&request)?.status;
            if status != expected {
                let name = self.variant.name();
                return Err(
                    format!("{}: {name} answers {status}, not {expected}", row.name).into(),
                );
            }
        }
        Ok(())
    }
}
