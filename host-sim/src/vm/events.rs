//! Time passing, answers arriving, requests and connections going through.

use std::time::Duration;

use super::error::HostError;
use super::host::Host;
use super::instance::{Trap, Vm};
use super::process::PendingCall;
use super::properties::Properties;
use super::request::{Header, HttpRequest};
use super::state::Traps;
use super::stream::{Exchange, Outcome, Reply, Stream};

const CONTINUE: u32 = 0;

const NEW_CONNECTION: &str = "proxy_on_new_connection";

/// A stream that waits longer than this, in simulated time, is stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is due next.
enum Event {
    Answer(PendingCall),
    Tick { vm: usize, root: u32 },
}

/// A request that was begun: worker and context, or what became of it already.
#[derive(Debug)]
pub struct Begun {
    vm: usize,
    context: u32,
    first_log: usize,
    fuel: u64,
    trap: Option<String>,
}

impl Host {
    /// Sends a request through worker `worker` (from 0) and lets time pass until it is decided.
    ///
    /// # Errors
    /// When the simulator itself fails; a trap of the plugin is an [`Outcome`].
    pub fn http(&mut self, worker: usize, request: HttpRequest) -> Result<Exchange, HostError> {
        let begun = self.begin_http(worker, request)?;
        self.finish_http(begun)
    }

    /// Hands a request to worker `worker` and lets no time pass: it may be waiting afterwards.
    ///
    /// # Errors
    /// As [`Host::http`].
    pub fn begin_http(&mut self, worker: usize, request: HttpRequest) -> Result<Begun, HostError> {
        let vm = worker + 1;
        let first_log = self.process().logs.len();
        let mut begun = Begun {
            vm,
            context: 0,
            first_log,
            fuel: 0,
            trap: None,
        };
        if self.vms[vm].is_none() {
            match self.traps() {
                Traps::Reload => self.restart(vm)?,
                Traps::Closed => {
                    begun.trap = Some("the worker's VM is lost".to_owned());
                    return Ok(begun);
                }
                Traps::Open => return Ok(begun),
            }
        }
        let stream = Stream {
            headers: request.headers,
            properties: request.properties,
            ..Stream::default()
        };
        if let Some(vm) = &mut self.vms[vm] {
            match open(vm, stream, "proxy_on_request_headers") {
                Ok((context, fuel)) => (begun.context, begun.fuel) = (context, fuel),
                Err(Trap(trap)) => begun.trap = Some(trap),
            }
        }
        if begun.trap.is_some() {
            self.lose(begun.vm);
        }
        Ok(begun)
    }

    /// Lets time pass until a request is decided, and ends it.
    ///
    /// # Errors
    /// As [`Host::http`].
    pub fn finish_http(&mut self, begun: Begun) -> Result<Exchange, HostError> {
        Ok(self.finish(begun))
    }

    /// Ends a request before it is decided, as a client does that goes away.
    pub fn abandon(&mut self, begun: Begun) {
        self.conclude(begun);
    }

    /// Whether a request is still undecided.
    pub fn is_waiting(&mut self, begun: &Begun) -> bool {
        self.vms[begun.vm]
            .as_mut()
            .and_then(|vm| vm.state().streams.get(&begun.context))
            .is_some_and(|stream| !stream.resumed && !stream.closed && stream.reply.is_none())
    }

    /// Opens a TCP connection through worker `worker`.
    ///
    /// # Errors
    /// As [`Host::http`].
    pub fn tcp(&mut self, worker: usize, properties: Properties) -> Result<Exchange, HostError> {
        let (number, first_log) = (worker + 1, self.process().logs.len());
        if self.vms[number].is_none() {
            self.restart(number)?;
        }
        let mut begun = Begun {
            vm: number,
            context: 0,
            first_log,
            fuel: 0,
            trap: None,
        };
        if let Some(vm) = &mut self.vms[number] {
            match open_tcp(vm, properties) {
                Ok((context, fuel)) => (begun.context, begun.fuel) = (context, fuel),
                Err(Trap(trap)) => begun.trap = Some(trap),
            }
        }
        if begun.trap.is_some() {
            self.lose(number);
        }
        Ok(self.finish(begun))
    }

    /// Lets `time` pass: timers fire and answers arrive in their order.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now() + time;
        while self.step(end) {}
        self.process().now = end;
    }

    /// Takes the next event until `end`; `false` when there is none.
    fn step(&mut self, end: Duration) -> bool {
        let Some((due, event)) = self.next_event().filter(|(due, _)| *due <= end) else {
            return false;
        };
        {
            let mut process = self.process();
            process.now = process.now.max(due);
        }
        let (number, result) = match event {
            Event::Answer(call) => (call.vm, self.answer(call)),
            Event::Tick { vm, root } => (vm, self.tick(vm, root)),
        };
        if result.is_err() {
            self.lose(number);
        }
        true
    }

    fn next_event(&mut self) -> Option<(Duration, Event)> {
        let answer = {
            let process = self.process();
            process.pending.iter().min_by_key(|call| call.due).cloned()
        };
        let tick = self
            .vms
            .iter_mut()
            .enumerate()
            .filter_map(|(number, vm)| Some((number, vm.as_mut()?)))
            .flat_map(|(vm, instance)| {
                let ticks = &instance.state().ticks;
                ticks
                    .iter()
                    .map(move |(root, tick)| (tick.due, vm, *root))
                    .collect::<Vec<_>>()
            })
            .min();
        match (answer, tick) {
            (Some(call), Some((due, _, _))) if call.due <= due => {
                Some((call.due, Event::Answer(call)))
            }
            (Some(call), None) => Some((call.due, Event::Answer(call))),
            (_, Some((due, vm, root))) => Some((due, Event::Tick { vm, root })),
            (None, None) => None,
        }
    }

    fn answer(&mut self, call: PendingCall) -> Result<(), Trap> {
        self.process()
            .pending
            .retain(|pending| pending.token != call.token);
        let Some(vm) = &mut self.vms[call.vm] else {
            return Ok(());
        };
        let size = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let PendingCall {
            root,
            token,
            answer,
            ..
        } = call;
        let [headers, body, trailers] = [
            answer.headers.len(),
            answer.body.len(),
            answer.trailers.len(),
        ]
        .map(size);
        vm.state().call_answer = Some(answer);
        let arguments = (root, token, headers, body, trailers);
        let name = "proxy_on_http_call_response";
        vm.call_for::<_, ()>(root, name, arguments)?;
        vm.state().call_answer = None;
        Ok(())
    }

    fn tick(&mut self, number: usize, root: u32) -> Result<(), Trap> {
        let now = self.now();
        let Some(vm) = &mut self.vms[number] else {
            return Ok(());
        };
        if let Some(tick) = vm.state().ticks.get_mut(&root) {
            tick.due = now + tick.period;
        }
        vm.call_for::<_, ()>(root, "proxy_on_tick", root)?;
        Ok(())
    }

    fn finish(&mut self, begun: Begun) -> Exchange {
        let deadline = self.now() + PATIENCE;
        while begun.trap.is_none() && self.is_waiting(&begun) && self.now() < deadline {
            if !self.step(deadline) {
                break;
            }
        }
        self.conclude(begun)
    }

    /// Ends a stream and says what became of it.
    fn conclude(&mut self, begun: Begun) -> Exchange {
        let mut exchange = Exchange {
            outcome: Outcome::Trapped(begun.trap.clone().unwrap_or_default()),
            response_headers: Vec::new(),
            filter_state: std::collections::BTreeMap::new(),
            logs: Vec::new(),
            host_calls: std::collections::BTreeMap::new(),
            fuel: begun.fuel,
        };
        if let (None, Some(vm)) = (&begun.trap, &mut self.vms[begun.vm]) {
            match close(vm, begun.context) {
                Ok(stream) => {
                    exchange.host_calls = std::mem::take(&mut vm.state().host_calls);
                    exchange.filter_state = stream.filter_state.clone();
                    exchange.response_headers = without_pseudo(&stream.response);
                    exchange.outcome = outcome(stream);
                }
                Err(Trap(trap)) => {
                    exchange.outcome = Outcome::Trapped(trap);
                    self.lose(begun.vm);
                }
            }
        }
        exchange.logs = self.process().logs[begun.first_log..].to_vec();
        exchange
    }
}

/// Creates a context for `stream` and calls its first callback.
fn open(vm: &mut Vm, stream: Stream, callback: &str) -> Result<(u32, u64), Trap> {
    vm.state().host_calls.clear();
    let context = vm.create_context()?;
    let headers = u32::try_from(stream.headers.len()).unwrap_or(u32::MAX);
    vm.state().streams.insert(context, stream);
    let action = match callback {
        NEW_CONNECTION => vm.call_for::<_, u32>(context, callback, context)?,
        _ => vm.call_for::<_, u32>(context, callback, (context, headers, 1_u32))?,
    };
    let fuel = vm.fuel_used();
    if action.is_none_or(|action| action == CONTINUE)
        && let Some(stream) = vm.state().streams.get_mut(&context)
    {
        stream.resumed = true;
    }
    Ok((context, fuel))
}

/// Opens a connection and lets the first data arrive, which is after the TLS handshake.
fn open_tcp(vm: &mut Vm, properties: Properties) -> Result<(u32, u64), Trap> {
    let early = Stream {
        properties: properties.before_handshake(),
        ..Stream::default()
    };
    let (context, fuel) = open(vm, early, NEW_CONNECTION)?;
    let Some(stream) = vm.state().streams.get_mut(&context) else {
        return Ok((context, fuel));
    };
    if stream.closed {
        return Ok((context, fuel));
    }
    stream.properties = properties;
    stream.resumed = false;
    let (name, some) = ("proxy_on_downstream_data", 1_u32);
    let action = vm.call_for::<_, u32>(context, name, (context, some, 0_u32))?;
    let fuel = fuel + vm.fuel_used();
    if action.is_none_or(|action| action == CONTINUE)
        && let Some(stream) = vm.state().streams.get_mut(&context)
    {
        stream.resumed = true;
    }
    Ok((context, fuel))
}

/// Runs the callbacks of the response and of the end.
fn close(vm: &mut Vm, context: u32) -> Result<Stream, Trap> {
    let Some(stream) = vm.state().streams.get_mut(&context) else {
        return Ok(Stream::default());
    };
    let status = stream.reply.as_ref().map_or(200, |reply| reply.status);
    let own = stream
        .reply
        .as_ref()
        .map(|reply| reply.headers.clone())
        .unwrap_or_default();
    stream.in_response = true;
    stream.response = vec![(b":status".to_vec(), status.to_string().into_bytes())];
    stream.response.extend(own);
    let headers = u32::try_from(stream.response.len()).unwrap_or(u32::MAX);
    let is_http = !stream.headers.is_empty();
    if is_http {
        let name = "proxy_on_response_headers";
        vm.call_for::<_, u32>(context, name, (context, headers, 1_u32))?;
    }
    vm.call_for::<_, u32>(context, "proxy_on_done", context)?;
    vm.call_for::<_, ()>(context, "proxy_on_log", context)?;
    let stream = vm.state().streams.remove(&context).unwrap_or_default();
    vm.call_for::<_, ()>(context, "proxy_on_delete", context)?;
    Ok(stream)
}

fn outcome(stream: Stream) -> Outcome {
    match stream.reply {
        Some(reply) => Outcome::Replied(Reply {
            headers: without_pseudo(&stream.response),
            ..reply
        }),
        None if stream.closed => Outcome::Closed,
        None if stream.resumed => Outcome::Forwarded {
            headers: stream.headers,
        },
        None => Outcome::Stuck,
    }
}

fn without_pseudo(headers: &[Header]) -> Vec<Header> {
    headers
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
        .cloned()
        .collect()
}
