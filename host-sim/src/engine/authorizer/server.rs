//! An authorizer that listens.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Asked, Authorizer};
use crate::envoy::server::{Answer, Server};

/// What authorizers are asked, as it comes.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<Asked>>>);

impl Recorder {
    /// What was asked since the last time.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, asked: Asked) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(asked);
    }
}

impl Authorizer {
    /// Listens on a free loopback port, gives everyone `answer`, and records what it is asked. One
    /// that speaks gRPC takes and gives bare messages, for Envoy's bridge.
    ///
    /// # Errors
    /// The system's, when no port can be had.
    pub fn listen(self, answer: Answer, recorder: &Recorder) -> io::Result<Server> {
        let recorder = recorder.clone();
        Server::start(move |request| {
            let pseudo = [
                (":method".to_owned(), request.method.clone().into_bytes()),
                (":path".to_owned(), request.target.clone().into_bytes()),
            ];
            let headers = pseudo.into_iter().chain(request.headers.iter().cloned());
            recorder.add(self.asked(headers, &request.body));
            answer.clone()
        })
    }
}
