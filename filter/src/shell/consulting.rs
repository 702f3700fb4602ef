//! Asking external authorizers about one stream, one after the other.

use log::debug;

use super::request::HostAttributes;
use super::{abi, respond};
use crate::decision::Decision;
use crate::engine::Engine;
use crate::ext_authz::{Answer, Answered, Check, Consultation};

/// A larger answer is none.
const MAX_BODY: usize = 1 << 20;

/// What has been asked about a stream so far.
#[derive(Default)]
pub(super) struct Consulting {
    /// How many authorizers are done with.
    asked: usize,
    /// The call that is under way.
    pending: Option<(u32, Box<Check>)>,
    /// Somebody did not agree: nothing makes that good again.
    over: bool,
    authorizers: Vec<String>,
    response_headers: Vec<(String, Vec<u8>)>,
}

/// Where the authorizers stand.
pub(super) enum Consulted {
    /// They agree.
    Complete,
    /// One is being asked, or the stream has ended.
    Waiting,
    /// The stream ends.
    Ended(End),
}

/// Why a stream ends.
pub(super) enum End {
    /// An authorizer does not agree.
    Denied(Box<Decision>),
    /// The host does not take the changes that one wants.
    Unchangeable,
}

impl Consulting {
    /// Asks the next authorizer about the stream behind `attributes`.
    pub(super) fn go_on(&mut self, engine: &Engine, attributes: &HostAttributes) -> Consulted {
        while self.pending.is_none() && !self.over {
            match engine.consult(attributes, self.asked) {
                Consultation::Complete => return Consulted::Complete,
                Consultation::Denied(decision) => {
                    let answered = Answered::Denied(decision);
                    return self
                        .settle(answered)
                        .map_or(Consulted::Waiting, Consulted::Ended);
                }
                Consultation::Ask(check) => {
                    self.asked = check.authorizer.saturating_add(1);
                    self.authorizers.push(check.provider.clone());
                    let Check {
                        cluster,
                        headers,
                        body,
                        timeout,
                        ..
                    } = &*check;
                    let pairs = headers.iter().map(|(name, value)| (name, value));
                    match abi::http_call(cluster, pairs, body, *timeout) {
                        Ok(call) => self.pending = Some((call, check)),
                        Err(status) => {
                            debug!("cluster `{}` takes no call: {status:?}", check.cluster);
                            let answered = engine.answered(&check, &Answer::default(), attributes);
                            if let Some(end) = self.settle(answered) {
                                return Consulted::Ended(end);
                            }
                        }
                    }
                }
            }
        }
        Consulted::Waiting
    }

    /// The answer to `call` is there, with a body of `size` bytes; says how the stream ends, or
    /// nothing when it goes on.
    pub(super) fn on_answer(
        &mut self,
        engine: &Engine,
        attributes: &HostAttributes,
        call: u32,
        size: usize,
    ) -> Option<End> {
        let (_, check) = self.pending.take_if(|(pending, _)| *pending == call)?;
        let answer = abi::answer(size, MAX_BODY).unwrap_or_default();
        self.settle(engine.answered(&check, &answer, attributes))
    }

    /// The call that is under way.
    pub(super) fn call(&self) -> Option<u32> {
        self.pending.as_ref().map(|(call, _)| *call)
    }

    /// Who was asked, in order.
    pub(super) fn authorizers(&self) -> &[String] {
        &self.authorizers
    }

    /// Whether the authorizers add anything to the application's response.
    pub(super) fn has_response_headers(&self) -> bool {
        !self.response_headers.is_empty()
    }

    /// What the authorizers add to the application's response.
    pub(super) fn take_response_headers(&mut self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut self.response_headers)
    }

    fn settle(&mut self, answered: Answered) -> Option<End> {
        let end = match answered {
            Answered::Denied(mut decision) => {
                decision.evidence.authorizers.clone_from(&self.authorizers);
                Some(End::Denied(decision))
            }
            Answered::Granted(grant) => {
                self.response_headers.extend(grant.response_headers);
                respond::apply(&grant.changes)
                    .is_err()
                    .then_some(End::Unchangeable)
            }
        };
        self.over = end.is_some();
        end
    }
}
