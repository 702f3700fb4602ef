//! The filters that are compared, each in an Envoy of its own.

use std::net::SocketAddr;
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
    /// Palisade with `"filterState": "notable"`.
    PalisadeNotable,
}

/// An Envoy with a variant.
pub struct Running {
    /// The variant.
    pub variant: Variant,
    /// How long it took to be ready.
    pub ready_after: Duration,
    envoy: Envoy,
    _folder: TempDir,
}

const EMPTY: &str = include_str!("empty.wat");

const LUA: &str = r#"
function envoy_on_request(handle)
  local path = handle:headers():get(":path")
  if handle:headers():get(":method") ~= "GET" or path:sub(1, 6) ~= "/last/" then
    handle:respond({[":status"] = "403"}, "RBAC: access denied")
  end
end
"#;

/// Loads that stay long in one place see V8 compile the module: no measurement begins before.
const WARM_UP: usize = 2000;

impl Variant {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "no filter",
            Self::Empty => "empty wasm",
            Self::Lua => "Lua",
            Self::ExtAuthz => "ext_authz",
            Self::Native => "native",
            Self::NativeUncached => "native, no cache",
            Self::Palisade => "Palisade",
            Self::PalisadeNotable => "Palisade, notable",
        }
    }

    fn filters(self, row: &Row, folder: &TempDir) -> Result<Vec<Value>, Error> {
        Ok(match self {
            Self::None => Vec::new(),
            Self::Empty => {
                let path = folder.path().join("empty.wasm");
                std::fs::write(&path, wat::parse_str(EMPTY)?)?;
                vec![WasmFilter::new(path, json!({})).to_json()]
            }
            Self::Lua => vec![json!({
                "name": "envoy.filters.http.lua",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                    "default_source_code": {"inline_string": LUA},
                },
            })],
            Self::ExtAuthz => {
                let provider = json!({"envoyExtAuthzHttp": {"service": "authz", "port": 80}});
                vec![native::ext_authz(&provider, "authorizer")]
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
            Self::Palisade | Self::PalisadeNotable => {
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
                if self == Self::PalisadeNotable {
                    configuration["filterState"] = "notable".into();
                }
                vec![WasmFilter::new(wasm()?, configuration).to_json()]
            }
        })
    }
}

impl Running {
    /// Starts an Envoy with one worker, which answers requests itself.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(variant: Variant, row: &Row) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let answering = |name: &str, filters| {
            let mut manager = HttpManager::new("nowhere");
            manager.filters = filters;
            let mut listener = Listener::new(name, "nowhere");
            listener.http = manager;
            let mut listener = listener.to_json();
            let chain = &mut listener["filter_chains"][0]["filters"];
            let filters = chain.as_array_mut().into_iter().flatten();
            for config in filters.filter_map(|filter| filter.get_mut("typed_config")) {
                if config.get("route_config").is_some() {
                    let route = json!({"match": {"prefix": "/"},
                        "direct_response": {"status": 200, "body": {"inline_string": "ok"}}});
                    config["route_config"]["virtual_hosts"][0]["routes"] = json!([route]);
                    // Writing a line to disk for every request would be most of what is measured.
                    config["access_log"] = json!([]);
                }
            }
            listener
        };
        let mut bootstrap = Bootstrap::new(Vec::new(), Vec::new()).to_json();
        let authorizer = folder.path().join("authorizer.sock");
        let pipe = json!({"pipe": {"path": authorizer}});
        let mut behind = answering("authorizer", Vec::new());
        behind["address"] = pipe.clone();
        let mut cluster = Cluster::new("authorizer", ([127, 0, 0, 1], 1).into()).to_json();
        cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = pipe;
        bootstrap["static_resources"] = json!({
            "listeners": [answering("inbound", variant.filters(row, &folder)?), behind],
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
        let checks = !matches!(self.variant, Variant::None | Variant::Empty);
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
