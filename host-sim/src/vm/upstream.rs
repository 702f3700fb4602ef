//! The clusters that a plugin can call, scripted.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::request::{Header, first};

/// The clusters of the simulated Envoy, by name.
#[derive(Clone, Debug, Default)]
pub struct Upstreams {
    clusters: BTreeMap<String, Upstream>,
    calls: Vec<Call>,
}

/// How a cluster answers.
#[derive(Clone)]
pub enum Upstream {
    /// With this answer, after a while.
    Reply {
        /// Headers with `:status`.
        headers: Vec<Header>,
        /// The body.
        body: Vec<u8>,
        /// Trailers.
        trailers: Vec<Header>,
        /// How long it takes.
        delay: Duration,
    },
    /// No connection: Envoy answers 503 itself.
    Unreachable,
    /// The connection breaks: an answer without headers.
    Reset,
    /// Never; the call's time-out ends it.
    Silent,
    /// As the function says.
    Script(Rc<dyn Fn(&Call) -> Upstream>),
}

/// What a plugin gets for a call.
#[derive(Clone, Debug, Default)]
pub(super) struct CallAnswer {
    pub(super) headers: Vec<Header>,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Vec<Header>,
}

/// A call that a plugin made.
#[derive(Clone, Debug)]
pub struct Call {
    /// The cluster that it went to.
    pub cluster: String,
    /// Its headers with pseudo headers.
    pub headers: Vec<Header>,
    /// Its body.
    pub body: Vec<u8>,
    /// The VM that made it: 0 is the main thread, then the workers.
    pub vm: usize,
    /// How long the plugin would wait.
    pub timeout: Duration,
}

impl Upstreams {
    /// Sets how `cluster` answers from now on.
    pub fn set(&mut self, cluster: &str, upstream: Upstream) {
        self.clusters.insert(cluster.to_owned(), upstream);
    }

    /// Every call so far.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Takes a call; `None` when there is no such cluster.
    pub(super) fn take(&mut self, call: Call) -> Option<Upstream> {
        let upstream = self.clusters.get(&call.cluster)?.clone();
        self.calls.push(call);
        Some(upstream)
    }
}

impl Upstream {
    /// Answers at once with `status` and `body`.
    pub fn reply(status: u16, body: &[u8]) -> Self {
        Self::Reply {
            headers: vec![(b":status".to_vec(), status.to_string().into_bytes())],
            body: body.to_vec(),
            trailers: Vec::new(),
            delay: Duration::ZERO,
        }
    }

    /// Answers so, but only after `delay`.
    #[must_use]
    pub fn after(mut self, time: Duration) -> Self {
        if let Self::Reply { delay, .. } = &mut self {
            *delay = time;
        }
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name.to_ascii_lowercase().into(), value.into()));
        }
        self
    }

    /// Adds a trailer to the answer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply { trailers, .. } = &mut self {
            trailers.push((name.to_ascii_lowercase().into(), value.into()));
        }
        self
    }

    /// The answer to `call`, and when it comes.
    pub(super) fn answer(&self, call: &Call) -> (CallAnswer, Duration) {
        let own = |status: &str, body: &str| CallAnswer {
            headers: vec![(b":status".to_vec(), status.into())],
            body: body.into(),
            trailers: Vec::new(),
        };
        match self {
            Self::Reply {
                headers,
                body,
                trailers,
                delay,
            } if *delay < call.timeout => {
                let answer = CallAnswer {
                    headers: headers.clone(),
                    body: body.clone(),
                    trailers: trailers.clone(),
                };
                (answer, *delay)
            }
            Self::Reply { .. } | Self::Silent => {
                (own("504", "upstream request timeout"), call.timeout)
            }
            Self::Unreachable => (own("503", "no healthy upstream"), Duration::ZERO),
            Self::Reset => (CallAnswer::default(), Duration::ZERO),
            Self::Script(script) => script(call).answer(call),
        }
    }
}

impl Call {
    /// The first value of the header `name`.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        first(&self.headers, name.as_bytes())
    }

    /// The `:path`.
    pub fn path(&self) -> String {
        String::from_utf8_lossy(self.header(":path").unwrap_or_default()).into_owned()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reply { .. } => "Reply",
            Self::Unreachable => "Unreachable",
            Self::Reset => "Reset",
            Self::Silent => "Silent",
            Self::Script(_) => "Script",
        })
    }
}
