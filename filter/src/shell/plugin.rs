//! One configuration in force in one VM.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use log::debug;
use proxy_wasm::hostcalls;

use super::consulting::{Consulted, Consulting, End};
use super::counters::Counters;
use super::fetch::Fetcher;
use super::request::{HostAttributes, now};
use super::{abi, report, respond};
use crate::attributes::Protocol;
use crate::authn::{KeySetId, KeyStore};
use crate::config::{Config, ConfigError, Reported};
use crate::crypto::{Crypto, Host};
use crate::decision::{Decision, Outcome};
use crate::engine::{Detail, Engine, Judgement};
use crate::policy::Needs;

/// How often to look while a request waits for keys that another VM fetches.
const IMPATIENT: Duration = Duration::from_millis(50);

/// The shortest period that the host takes.
const AT_ONCE: Duration = Duration::from_millis(1);

/// How often key sets are looked after otherwise, and the log level is read again.
const TICK: Duration = Duration::from_secs(1);

/// The engine with what it needs from the host.
pub(super) struct Plugin {
    root_id: u32,
    protocol: Protocol,
    reported: Reported,
    engine: Engine,
    keys: RefCell<KeyStore>,
    fetcher: Fetcher,
    waiting: RefCell<BTreeMap<u32, Waiting>>,
    counters: Rc<Counters>,
}

/// Envoy's own cryptography.
enum EnvoyHost {}

/// A request that waits for keys.
struct Waiting {
    key_set: KeySetId,
    /// Who was asked about it before.
    authorizers: Vec<String>,
}

/// Where a stream stands.
pub(super) enum Progress {
    /// It goes on.
    Go,
    /// It was answered or closed.
    Over,
    /// It waits for keys or an authorizer.
    Wait,
}

impl Plugin {
    /// Compiles `config` for the root context `root_id`.
    pub(super) fn new(root_id: u32, config: &Config) -> Result<Self, ConfigError> {
        let engine = Engine::compile(config, Crypto::detect::<EnvoyHost>())?;
        let counters = Rc::new(Counters::define());
        let sources = engine.key_sources();
        Ok(Self {
            root_id,
            protocol: config.protocol,
            reported: config.filter_state,
            keys: RefCell::new(KeyStore::new(sources)),
            fetcher: Fetcher::new(sources, config.jwks_clusters.clone(), Rc::clone(&counters)),
            engine,
            waiting: RefCell::default(),
            counters,
        })
    }

    /// Whether it judges requests or connections.
    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether it matters who the peer is: to a decision, or to an external authorizer.
    pub(super) fn needs_peer(&self) -> bool {
        self.engine.needs().contains(Needs::PEER) || self.engine.has_authorizers()
    }

    /// Comes into force. Keys are fetched from the first tick on: the VM that only tries a
    /// configuration out is gone by then.
    pub(super) fn start(&self) {
        self.fetcher.prepare();
        set_tick(if self.engine.key_sources().is_empty() {
            TICK
        } else {
            IMPATIENT
        });
    }

    /// Judges the stream of the context in hand, after its external authorizers.
    pub(super) fn judge(&self, context_id: u32, consulting: &mut Consulting) -> Progress {
        let attributes = HostAttributes::new(self.protocol);
        match consulting.go_on(&self.engine, &attributes) {
            Consulted::Complete => self.decide(context_id, &attributes, consulting.authorizers()),
            Consulted::Waiting => Progress::Wait,
            Consulted::Ended(end) => self.end(end),
        }
    }

    /// Goes on judging: an authorizer answered `call` with a body of `size` bytes. An answer that
    /// nobody awaits changes nothing.
    pub(super) fn on_answer(
        &self,
        context_id: u32,
        consulting: &mut Consulting,
        call: u32,
        size: usize,
    ) -> Progress {
        if consulting.call() != Some(call) {
            return Progress::Wait;
        }
        let attributes = HostAttributes::new(self.protocol);
        match consulting.on_answer(&self.engine, &attributes, call, size) {
            Some(end) => self.end(end),
            // The authorizer may have changed the headers: they are read again.
            None => self.judge(context_id, consulting),
        }
    }

    /// Forgets a request that is gone.
    pub(super) fn forget(&self, context_id: u32) {
        self.waiting.borrow_mut().remove(&context_id);
    }

    /// Goes out of force: nothing will tell the requests that still wait.
    pub(super) fn stop(&self) {
        for (context_id, _) in self.waiting.take() {
            in_context(context_id, || respond::reply(&respond::out_of_force()));
        }
    }

    /// Time has passed.
    pub(super) fn on_tick(&self) {
        self.look_after_keys();
        self.counters.tell(self.engine.token_cache());
    }

    /// A key set fetch came back; `body` is the length of its body.
    pub(super) fn on_call_response(&self, call: u32, body: usize) {
        let settled = self
            .fetcher
            .on_response(call, body, &mut self.keys.borrow_mut(), now());
        self.resume(settled.as_slice());
        self.look_after_keys();
    }

    fn decide(
        &self,
        context_id: u32,
        attributes: &HostAttributes,
        authorizers: &[String],
    ) -> Progress {
        let detail = if report::in_full() {
            Detail::Full
        } else {
            Detail::Brief
        };
        let judgement = self.engine.judge(attributes, &self.keys.borrow(), detail);
        match judgement {
            Judgement::Decided(mut decision) => {
                decision.evidence.authorizers = authorizers.to_vec();
                self.carry_out(&decision)
            }
            Judgement::Waiting(key_set) => {
                debug!("request {context_id} waits for keys");
                let authorizers = authorizers.to_vec();
                let waiting = Waiting {
                    key_set,
                    authorizers,
                };
                self.waiting.borrow_mut().insert(context_id, waiting);
                self.keys.borrow_mut().want(key_set, now());
                // The root fetches, on its next tick: the SDK gives an answer to the context in
                // whose callback the call was made, and this one may be gone by then.
                set_tick(AT_ONCE);
                Progress::Wait
            }
        }
    }

    fn end(&self, end: End) -> Progress {
        match end {
            End::Denied(decision) => self.carry_out(&decision),
            End::Unchangeable => {
                respond::reply(&respond::cannot_change());
                Progress::Over
            }
        }
    }

    fn carry_out(&self, decision: &Decision) -> Progress {
        report::report(&decision.evidence, self.reported, &self.counters);
        match (&decision.outcome, self.protocol) {
            (Outcome::Allow(changes), _) => match respond::apply(changes) {
                Ok(()) => Progress::Go,
                Err(_) => {
                    respond::reply(&respond::cannot_change());
                    Progress::Over
                }
            },
            (Outcome::Deny(reply), Protocol::Http) => {
                respond::reply(reply);
                Progress::Over
            }
            (Outcome::Deny(_), Protocol::Tcp) => {
                respond::close();
                Progress::Over
            }
        }
    }

    /// Fetches what is due and lets the requests go on that need wait no more.
    fn look_after_keys(&self) {
        if self.engine.key_sources().is_empty() {
            return;
        }
        let settled = self.fetcher.run(&mut self.keys.borrow_mut(), now());
        self.resume(&settled);
        set_tick(if self.waiting.borrow().is_empty() {
            TICK
        } else {
            IMPATIENT
        });
    }

    /// Judges the requests again that waited for these key sets.
    fn resume(&self, settled: &[KeySetId]) {
        let ready: Vec<u32> = {
            let waiting = self.waiting.borrow();
            let ready = waiting
                .iter()
                .filter(|(_, waiting)| settled.contains(&waiting.key_set));
            ready.map(|(context_id, _)| *context_id).collect()
        };
        for context_id in ready {
            let Some(waiting) = self.waiting.borrow_mut().remove(&context_id) else {
                continue;
            };
            in_context(context_id, || {
                let attributes = HostAttributes::new(self.protocol);
                let progress = self.decide(context_id, &attributes, &waiting.authorizers);
                if let Progress::Go = progress {
                    // A stream that is gone needs no resuming.
                    let _ = hostcalls::resume_http_request();
                }
            });
            let _ = hostcalls::set_effective_context(self.root_id);
        }
    }
}

impl Host for EnvoyHost {
    fn verify_signature(arguments: &[u8]) -> Option<Vec<u8>> {
        abi::call_foreign_function("verify_signature", arguments)
    }
}

/// Does something for another context than the one in hand.
fn in_context(context_id: u32, action: impl FnOnce()) {
    if hostcalls::set_effective_context(context_id).is_ok() {
        action();
    }
}

fn set_tick(period: Duration) {
    if hostcalls::set_tick_period(period).is_err() {
        debug!("the host has no timer: keys are fetched on demand only");
    }
}
