//! The filter's place in Envoy's configuration.
//! Source: Envoy 1.40 API, `envoy.extensions.wasm.v3.PluginConfig`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::extension;

const TYPE: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// The Palisade filter with its configuration.
#[derive(Clone, Debug)]
pub struct WasmFilter {
    /// The filter's name, also in statistics.
    pub name: String,
    /// The module's file.
    pub module: PathBuf,
    /// The plugin configuration.
    pub configuration: Value,
}

impl WasmFilter {
    /// The filter `palisade` from this file with this plugin configuration.
    pub fn new(module: impl Into<PathBuf>, configuration: Value) -> Self {
        Self {
            name: "palisade".to_owned(),
            module: module.into(),
            configuration,
        }
    }

    /// The HTTP filter, with the configuration in place.
    pub fn to_json(&self) -> Value {
        extension(&self.name, TYPE, self.config())
    }

    /// The HTTP filter whose configuration Envoy reads from a file, and reads again whenever another
    /// file is moved over it. [`WasmFilter::discovery_response`] is what belongs into that file.
    pub fn discovered(name: &str, file: &Path) -> Value {
        json!({
            "name": name,
            "config_discovery": {
                "config_source": {
                    "resource_api_version": "V3",
                    "path_config_source": {"path": file},
                },
                "type_urls": [format!("type.googleapis.com/{TYPE}")],
            },
        })
    }

    /// The content of the file that [`WasmFilter::discovered`] names.
    pub fn discovery_response(&self) -> Value {
        let mut resource = extension(&self.name, TYPE, self.config());
        resource["@type"] = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig".into();
        json!({"resources": [resource]})
    }

    fn config(&self) -> Value {
        json!({"config": {
            "name": self.name,
            "root_id": self.name,
            // A trap answers this request with 503 and the next one gets a new virtual machine.
            "failure_policy": "FAIL_RELOAD",
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": self.configuration.to_string(),
            },
            "vm_config": {
                "vm_id": self.name,
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": self.module}},
            },
        }})
    }
}
