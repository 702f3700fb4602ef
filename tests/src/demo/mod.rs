//! The example of `envoy-configs/httpbin.yaml`: its certificates and tokens, its requests with what
//! has to become of them, and the commands of the demo.

mod credentials;
mod outcome;
mod run;
mod scenario;
mod serve;
mod stage;
mod table;

pub use self::{
    credentials::{Credentials, ISSUER, JWKS_URI},
    outcome::Outcome,
    run::{report, run},
    scenario::{Caller, Row, Token, rows},
    serve::{serve, up},
    stage::{Ports, Stage},
    table::aligned,
};

/// Where the demo keeps its files, below the top of the checkout.
pub const FOLDER: &str = "target/demo";
