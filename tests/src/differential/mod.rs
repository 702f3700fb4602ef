//! The differential test: random policies and requests, Envoy's own `jwt_authn` and `rbac` filters
//! against ours, in one Envoy, on sibling listeners.

pub mod generate;
mod pair;
pub mod shrink;

use fastrand::Rng;
use serde_json::Value;

use crate::Error;
use crate::tokens::{self, SigningKey};
use generate::Request;
use pair::{Keys, Pairs};

/// How often a set of policies is asked.
const REQUESTS: usize = 40;

/// How many sets of policies one Envoy serves.
const SETS: usize = 40;

/// A request on which the two do not agree.
#[derive(Debug)]
pub struct Disagreement {
    /// The policies, made as small as they still disagree.
    pub resources: Vec<Value>,
    /// The request.
    pub request: Request,
    /// What Envoy's own filters answer: status and body.
    pub native: String,
    /// What ours answers.
    pub ours: String,
}

/// Compares at least `pairs` answers, beginning with `seed`; how many, and where they disagree.
///
/// # Errors
/// When Envoy cannot be run.
pub fn run(seed: u64, pairs: usize) -> Result<(usize, Vec<Disagreement>), Error> {
    let keys = Keys {
        good: SigningKey::generate("k1")?,
        forger: SigningKey::generate("k1")?,
    };
    let jwks = tokens::jwks([&keys.good]).to_string();
    let mut rng = Rng::with_seed(seed);
    let (mut compared, mut found) = (0, Vec::new());
    while compared < pairs {
        let sets: Vec<Vec<Value>> = (0..SETS)
            .map(|_| generate::resources(&mut rng, &jwks))
            .collect();
        let mut envoy = Pairs::start(&sets)?;
        for (index, resources) in sets.iter().enumerate() {
            for _ in 0..REQUESTS.min(pairs.div_ceil(SETS)) {
                let request = generate::request(&mut rng);
                let (native, ours) = envoy.ask(index, &request, &keys)?;
                compared += 1;
                if native != ours {
                    let resources = resources.clone();
                    found.push(Disagreement {
                        resources,
                        request,
                        native,
                        ours,
                    });
                }
            }
        }
    }
    found.truncate(MAX_SHOWN);
    for disagreement in &mut found {
        minimize(disagreement, &keys)?;
    }
    Ok((compared, found))
}

/// More disagreements than this tell nothing new.
const MAX_SHOWN: usize = 5;

/// Takes away what is not needed for the disagreement.
fn minimize(disagreement: &mut Disagreement, keys: &Keys) -> Result<(), Error> {
    loop {
        let whole = Value::Array(disagreement.resources.clone());
        let candidates: Vec<Vec<Value>> = shrink::smaller(&whole)
            .into_iter()
            .filter_map(|value| value.as_array().cloned())
            .filter(|resources| pair::is_valid(resources))
            .take(SETS)
            .collect();
        if candidates.is_empty() {
            return Ok(());
        }
        let mut envoy = Pairs::start(&candidates)?;
        let mut smaller = None;
        for (index, resources) in candidates.into_iter().enumerate() {
            let (native, ours) = envoy.ask(index, &disagreement.request, keys)?;
            if native != ours {
                smaller = Some((resources, native, ours));
                break;
            }
        }
        match smaller {
            Some((resources, native, ours)) => {
                (
                    disagreement.resources,
                    disagreement.native,
                    disagreement.ours,
                ) = (resources, native, ours);
            }
            None => return Ok(()),
        }
    }
}
