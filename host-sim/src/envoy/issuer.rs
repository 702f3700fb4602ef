//! A token issuer: it serves its key set and its OpenID configuration, as well or as badly as a test wants.
//! Source: OpenID Connect Discovery 1.0, section 4; RFC 7517, section 5.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use super::server::{Answer, Received, Server};

/// Where the OpenID configuration is.
pub const DISCOVERY: &str = "/.well-known/openid-configuration";

/// How the issuer answers, while it is up.
#[derive(Clone, Debug, PartialEq)]
pub enum Behaviour {
    /// As it should.
    Serve,
    /// With this status and an empty body.
    Status(u16),
    /// 200 with these bytes.
    Body(Vec<u8>),
    /// As it should, but only after this long.
    Slow(Duration),
}

/// A running issuer on a loopback port. Dropping it stops it.
#[derive(Debug)]
pub struct Issuer {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    asked: Condvar,
}

#[derive(Debug)]
struct State {
    issuer: String,
    jwks_uri: String,
    jwks: Value,
    behaviour: Behaviour,
    requests: Vec<String>,
}

// === impl Issuer ===

impl Issuer {
    /// An issuer on a free port whose OpenID configuration says these two, and that serves `jwks`
    /// on every other path.
    ///
    /// # Errors
    /// The system's, when no port can be had.
    pub fn start(issuer: &str, jwks_uri: &str, jwks: Value) -> io::Result<Self> {
        Self::start_at(([127, 0, 0, 1], 0).into(), issuer, jwks_uri, jwks)
    }

    /// The same on a fixed address.
    ///
    /// # Errors
    /// The system's, when the address cannot be had.
    pub fn start_at(
        address: SocketAddr,
        issuer: &str,
        jwks_uri: &str,
        jwks: Value,
    ) -> io::Result<Self> {
        let state = State {
            issuer: issuer.to_owned(),
            jwks_uri: jwks_uri.to_owned(),
            jwks,
            behaviour: Behaviour::Serve,
            requests: Vec::new(),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            asked: Condvar::new(),
        });
        let server = {
            let shared = Arc::clone(&shared);
            Server::start_at(address, move |request| shared.answer(request))?
        };
        Ok(Self { server, shared })
    }

    /// Where it listens, or would.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Goes away: connections are refused and closed.
    pub fn down(&mut self) {
        self.server.down();
    }

    /// Comes back, on the same port.
    ///
    /// # Errors
    /// The system's, when the port has been taken meanwhile.
    pub fn up(&mut self) -> io::Result<()> {
        self.server.up()
    }

    /// Serves another key set from now on.
    pub fn rotate(&self, jwks: Value) {
        self.shared.lock().jwks = jwks;
    }

    /// Behaves differently from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.lock().behaviour = behaviour;
    }

    /// The paths that were asked for so far, in order.
    pub fn requests(&self) -> Vec<String> {
        self.shared.lock().requests.clone()
    }

    /// Waits until at least `count` requests have come, at most for `limit`; says whether they have.
    pub fn wait_for_requests(&self, count: usize, limit: Duration) -> bool {
        let waiting = self
            .shared
            .asked
            .wait_timeout_while(self.shared.lock(), limit, |state| {
                state.requests.len() < count
            });
        waiting
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .requests
            .len()
            >= count
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Received) -> Answer {
        let (behaviour, answer) = {
            let mut state = self.lock();
            state.requests.push(request.target.clone());
            (state.behaviour.clone(), state.document(&request.target))
        };
        self.asked.notify_all();
        match behaviour {
            Behaviour::Serve => answer,
            Behaviour::Status(status) => Answer::empty(status),
            Behaviour::Body(body) => Answer { body, ..answer },
            Behaviour::Slow(delay) => {
                std::thread::sleep(delay);
                answer
            }
        }
    }
}

impl State {
    fn document(&self, target: &str) -> Answer {
        if target == DISCOVERY {
            return Answer::json(
                200,
                &json!({"issuer": self.issuer, "jwks_uri": self.jwks_uri}),
            );
        }
        Answer::json(200, &self.jwks)
    }
}
