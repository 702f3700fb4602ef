//! The plugin's root: configuration, ticks, answers to key set fetches.

use std::rc::Rc;

use log::{error, info};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext, StreamContext};
use proxy_wasm::types::{BufferType, ContextType, LogLevel};

use super::http::Http;
use super::plugin::Plugin;
use super::tcp::Tcp;
use crate::attributes::Protocol;
use crate::config::Config;

/// The root context of one plugin configuration.
pub(super) struct Root {
    context_id: u32,
    plugin: Option<Rc<Plugin>>,
}

impl Root {
    /// A root without a configuration yet.
    pub(super) fn new(context_id: u32) -> Self {
        Self {
            context_id,
            plugin: None,
        }
    }

    fn configure(&self, size: usize) -> Result<Plugin, String> {
        let text = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size)
            .map_err(|status| format!("the host gave no configuration: {status:?}"))?
            .unwrap_or_default();
        let config = Config::parse(&text).map_err(|error| error.to_string())?;
        Plugin::new(self.context_id, &config).map_err(|error| error.to_string())
    }
}

impl Context for Root {
    fn on_done(&mut self) -> bool {
        if let Some(plugin) = &self.plugin {
            plugin.stop();
        }
        true
    }

    fn on_http_call_response(&mut self, call: u32, _headers: usize, body: usize, _trailers: usize) {
        if let Some(plugin) = &self.plugin {
            plugin.on_call_response(call, body);
        }
    }
}

impl RootContext for Root {
    fn on_vm_start(&mut self, _size: usize) -> bool {
        follow_log_level();
        info!("palisade {} starts", env!("CARGO_PKG_VERSION"));
        true
    }

    fn on_configure(&mut self, size: usize) -> bool {
        follow_log_level();
        match self.configure(size) {
            Ok(plugin) => {
                let plugin = Rc::new(plugin);
                plugin.start();
                self.plugin = Some(plugin);
                true
            }
            Err(message) => {
                error!("configuration refused: {message}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        follow_log_level();
        if let Some(plugin) = &self.plugin {
            plugin.on_tick();
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http::new(context_id, self.plugin.clone())))
    }

    fn create_stream_context(&self, context_id: u32) -> Option<Box<dyn StreamContext>> {
        Some(Box::new(Tcp::new(context_id, self.plugin.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(match self.plugin.as_ref().map(|plugin| plugin.protocol()) {
            Some(Protocol::Tcp) => ContextType::StreamContext,
            Some(Protocol::Http) | None => ContextType::HttpContext,
        })
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
