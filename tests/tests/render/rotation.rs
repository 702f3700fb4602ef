//! Certificates, roots and policies change under load, and no request fails.
//!
//! Every request makes a TLS connection of its own between the proxies. `SECONDS=30` makes each
//! step that long (`make rotation`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use host_sim::ca::{Ca, Rotation, install};
use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::upstream::echo;
use host_sim::envoy::{Envoy, until};
use palisade_tests::Error;
use tempfile::TempDir;

use super::naming::objects;
use palisade_tests::stage::{Stage, free_port, local, spiffe};

const WAIT: Duration = Duration::from_secs(20);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const CALLERS: usize = 4;
const WORKLOADS: [&str; 2] = ["foo/server", "foo/client"];

/// What happens, in order.
#[derive(Clone, Copy, Debug)]
enum Step {
    Nothing,
    NewCertificates,
    Root(Rotation),
    NewPolicy,
}

const STEPS: [Step; 7] = [
    Step::Nothing,
    Step::NewCertificates,
    Step::NewCertificates,
    Step::Root(Rotation::Trust),
    Step::Root(Rotation::Issue),
    Step::Root(Rotation::Forget),
    Step::NewPolicy,
];

#[derive(Default)]
struct Counts {
    stop: AtomicBool,
    good: AtomicU64,
    failed: AtomicU64,
}

#[test]
fn nothing_fails_while_certificates_roots_and_policies_change() -> Result<(), Error> {
    let seconds: f64 = match std::env::var("SECONDS") {
        Ok(text) => text.parse()?,
        Err(_) => 0.5,
    };
    let application = echo()?;
    let (port, outbound) = (free_port()?, free_port()?);
    let one_request = "{mode: ISTIO_MUTUAL}, connectionPool: {http: {maxRequestsPerConnection: 1}}";
    let stage = Stage::new(&objects(
        port,
        outbound,
        application.address().port(),
        one_request,
    ))?;
    let authority = TempDir::new()?;
    let ca = Ca::init(authority.path(), "cluster.local")?;
    stage.render()?;
    certify(&stage, &ca)?;
    let envoys = [stage.start(WORKLOADS[0])?, stage.start(WORKLOADS[1])?];
    let counts = Counts::default();
    thread::scope(|scope| -> Result<(), Error> {
        for _ in 0..CALLERS {
            scope.spawn(|| call(local(outbound), &counts));
        }
        let steps = run(&stage, &ca, &envoys, local(outbound), &counts, seconds);
        counts.stop.store(true, Ordering::SeqCst);
        steps
    })?;
    let (good, failed) = (
        counts.good.load(Ordering::SeqCst),
        counts.failed.load(Ordering::SeqCst),
    );
    println!("{good} requests answered, {failed} failed");
    assert_eq!(failed, 0);
    assert!(good > 0);
    Ok(())
}

fn run(
    stage: &Stage,
    ca: &Ca,
    envoys: &[Envoy],
    outbound: std::net::SocketAddr,
    counts: &Counts,
    seconds: f64,
) -> Result<(), Error> {
    for step in STEPS {
        let (start, before) = (Instant::now(), counts.good.load(Ordering::SeqCst));
        let loaded = certificates(envoys)?;
        match step {
            Step::Nothing => {}
            Step::NewCertificates => certify(stage, ca)?,
            Step::Root(rotation) => {
                ca.rotate(rotation)?;
                certify(stage, ca)?;
            }
            Step::NewPolicy => {
                stage.write("deny.yaml", DENY)?;
                stage.render()?;
            }
        }
        match step {
            Step::Nothing => {}
            Step::NewPolicy => until("the policy", WAIT, || {
                let request = Request::get("/admin").header("host", "server.foo");
                let answer = Client::plain(outbound).send(&request);
                Ok(answer
                    .is_ok_and(|answer| answer.status == 403)
                    .then_some(()))
            })?,
            _ => until("the certificates", WAIT, || {
                let now = certificates(envoys).unwrap_or_default();
                let all = now.iter().zip(&loaded).all(|(now, before)| now != before);
                Ok((now.len() == envoys.len() && all).then_some(()))
            })?,
        }
        let in_force = start.elapsed();
        // The load goes on for a while under what is new.
        let limit = WAIT + Duration::from_secs_f64(seconds);
        until("requests", limit, || {
            let long = start.elapsed().as_secs_f64() >= seconds;
            let enough = counts.good.load(Ordering::SeqCst) >= before + 20;
            Ok((long && enough).then_some(()))
        })?;
        let requests = counts.good.load(Ordering::SeqCst) - before;
        let rate = requests as f64 / start.elapsed().as_secs_f64();
        println!("{step:?}: in force after {in_force:.1?}, {requests} requests, {rate:.0}/s");
    }
    Ok(())
}

/// Gives both workloads new certificates.
fn certify(stage: &Stage, ca: &Ca) -> Result<(), Error> {
    for workload in WORKLOADS {
        let issued = ca.issue(&spiffe(workload), DAY)?;
        install(&stage.folder(workload).join("certs"), &issued)?;
    }
    Ok(())
}

/// What each Envoy says of its certificates.
fn certificates(envoys: &[Envoy]) -> Result<Vec<String>, Error> {
    envoys
        .iter()
        .map(|envoy| Ok(envoy.admin().get("/certs")?))
        .collect()
}

/// Calls until it is told to stop.
fn call(outbound: std::net::SocketAddr, counts: &Counts) {
    let request = Request::get("/").header("host", "server.foo");
    let client = Client::plain(outbound);
    let mut connection = client.connect().ok();
    while !counts.stop.load(Ordering::SeqCst) {
        let answer = connection
            .as_mut()
            .and_then(|open| open.send(&request).ok());
        match answer {
            Some(answer) if answer.status == 200 => {
                counts.good.fetch_add(1, Ordering::SeqCst);
            }
            _ => {
                counts.failed.fetch_add(1, Ordering::SeqCst);
                connection = client.connect().ok();
            }
        }
    }
}

const DENY: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: admin, namespace: foo}
spec: {action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}
";
