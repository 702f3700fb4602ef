//! The plugin's root: configuration, ticks, answers to key set fetches.

use std::cell::RefCell;
use std::rc::Rc;

use log::{error, info};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, LogLevel};

use super::plugin::Plugin;
use crate::config::Config;

/// The root context of one plugin configuration.
pub(super) struct Root {
    context_id: u32,
    plugin: RefCell<Option<Rc<Plugin>>>,
}

impl Root {
    /// A root without a configuration yet.
    pub(super) fn new(context_id: u32) -> Self {
        Self {
            context_id,
            plugin: RefCell::default(),
        }
    }

    fn configure(&self, size: usize) -> Result<Plugin, String> {
        let text = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size)
            .map_err(|status| format!("the host gave no configuration: {status:?}"))?
            .unwrap_or_default();
        let config = Config::parse(&text).map_err(|error| error.to_string())?;
        Plugin::new(self.context_id, &config).map_err(|error| error.to_string())
    }

    /// The configuration in force.
    pub(super) fn plugin(&self) -> Option<Rc<Plugin>> {
        self.plugin.borrow().clone()
    }

    /// The VM starts; whether it may.
    pub(super) fn on_vm_start(&self) -> bool {
        follow_log_level();
        info!("palisade {} starts", env!("CARGO_PKG_VERSION"));
        true
    }

    /// There is a configuration of `size` bytes; whether it is taken.
    pub(super) fn on_configure(&self, size: usize) -> bool {
        follow_log_level();
        match self.configure(size) {
            Ok(plugin) => {
                let plugin = Rc::new(plugin);
                plugin.start();
                self.plugin.replace(Some(plugin));
                true
            }
            Err(message) => {
                error!("configuration refused: {message}");
                false
            }
        }
    }

    /// Time has passed.
    pub(super) fn on_tick(&self) {
        follow_log_level();
        if let Some(plugin) = self.plugin() {
            plugin.on_tick();
        }
    }

    /// The answer to `call` is there, with a body of `body` bytes.
    pub(super) fn on_http_call_response(&self, call: u32, body: usize) {
        if let Some(plugin) = self.plugin() {
            plugin.on_call_response(call, body);
        }
    }

    /// The configuration goes out of force.
    pub(super) fn on_done(&self) {
        if let Some(plugin) = self.plugin() {
            plugin.stop();
        }
    }
}

/// Logs at the level that Envoy is set to, which its admin can change while it runs.
fn follow_log_level() {
    if let Ok(level) = hostcalls::get_log_level() {
        let level = if level == LogLevel::Critical {
            LogLevel::Error
        } else {
            level
        };
        proxy_wasm::set_log_level(level);
    }
}
