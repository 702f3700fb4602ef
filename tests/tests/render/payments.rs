//! The payments mesh of `tests/compose` without Docker: each workload has a loopback address.

use std::fs;

use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::server::{Answer, Server};
use host_sim::envoy::until;
use host_sim::envoy::upstream::echo_at;
use palisade_tests::compose::{CALLS, Call, HOST, Tokens};
use palisade_tests::{Error, repository};
use std::time::Duration;

use palisade_tests::stage::{Stage, outcome};

/// Name, last number of the address, and service account of each workload.
const WORKLOADS: [(&str, u8, &str); 4] = [
    (
        "production/payment-service",
        1,
        "production/payment-service",
    ),
    ("production/order-service", 2, "production/order-service"),
    (
        "production/billing-service",
        3,
        "production/billing-service",
    ),
    ("staging/intruder", 4, "staging/order-service"),
];

const READY: Duration = Duration::from_secs(20);

/// An address of this test run: others may run the same test on this machine.
fn ip(last: u8) -> [u8; 4] {
    let [.., high, low] = std::process::id().to_be_bytes();
    [127, high.max(1), low, last]
}

fn address(last: u8, port: u16) -> std::net::SocketAddr {
    (ip(last), port).into()
}

#[test]
fn every_call_of_the_compose_mesh() -> Result<(), Error> {
    let keys =
        serde_json::from_slice(&fs::read(repository().join("tests/corpus/keys/jwks.json"))?)?;
    let issuer = Server::start(move |_| Answer::json(200, &keys))?;
    let _applications = [echo_at(address(1, 18080))?, echo_at(address(1, 19090))?];
    let stage = Stage::new(&objects(&issuer)?)?;
    for (workload, _, account) in WORKLOADS {
        stage.certify(workload, account)?;
    }
    stage.render()?;
    let _envoys = WORKLOADS
        .iter()
        .map(|(workload, _, _)| stage.start(workload))
        .collect::<Result<Vec<_>, Error>>()?;
    let tokens = Tokens::mint()?;
    let first = CALLS.first().ok_or("no calls")?;
    until("the first answer", READY, || {
        Ok((got(first, &tokens)? == first.expected).then_some(()))
    })?;
    for call in CALLS {
        let what = format!("{} {} {}", call.caller, call.method, call.path);
        assert_eq!(got(call, &tokens)?, call.expected, "{what} {}", call.token);
    }
    Ok(())
}

fn got(call: &Call, tokens: &Tokens) -> Result<String, host_sim::envoy::EnvoyError> {
    let named = |(name, _, _): &&(&str, u8, &str)| name.ends_with(call.caller);
    let last = WORKLOADS.iter().find(named).map_or(0, |(_, last, _)| *last);
    let to = match call.proxied {
        true => address(last, 15001),
        false => address(1, call.port),
    };
    let mut request = Request::new(call.method, call.path).header("host", HOST);
    let token = tokens.get(call.token);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    Ok(outcome(&Client::plain(to), &request))
}

/// The objects of the Compose mesh, with loopback addresses for names.
fn objects(issuer: &Server) -> Result<String, Error> {
    let mut all = Vec::new();
    for file in [
        "envoy-configs/payments/policies.yaml",
        "envoy-configs/payments/services.yaml",
        "envoy-configs/payments/workloads.yaml",
        "tests/compose/objects/tokens.yaml",
    ] {
        all.push(fs::read_to_string(repository().join(file))?);
    }
    let mut text = all.join("\n---\n");
    for (workload, last, _) in WORKLOADS {
        let (namespace, name) = workload.split_once('/').ok_or("namespace/name")?;
        let ip = std::net::IpAddr::from(ip(last));
        let own = format!("palisade.dev/admin: '127.0.0.1:0', palisade.dev/outbound: '{ip}:15001'");
        text = text
            .replace(&format!("address: {name}"), &format!("address: {ip}"))
            .replace(
                &format!("metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{address"),
                &format!(
                    "metadata: {{name: {name}, namespace: {namespace}, annotations: {{{own}}}}}\nspec: {{address"
                ),
            );
        if last == 1 {
            text = text
                .replace(
                    "annotations: {palisade.dev/application",
                    &format!("annotations: {{{own}, palisade.dev/application"),
                )
                .replace("127.0.0.1:18080", &format!("{ip}:18080"))
                .replace("127.0.0.1:19090", &format!("{ip}:19090"));
        }
    }
    Ok(text.replace("issuer:8000", &issuer.address().to_string()))
}
