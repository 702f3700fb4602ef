//! The application of the Compose mesh: it answers with what it got, or calls another.
//!
//! `app serve ADDRESS...` listens there; `app issuer ADDRESS` publishes the keys of the corpus there;
//! `app call METHOD URL HOST TOKEN` prints the status of the answer, or `refused` where there is none.

use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;

use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::server::{Answer, Server};
use host_sim::envoy::upstream::echo_at;
use palisade_tests::Error;

const KEYS: &str = include_str!("../../corpus/keys/jwks.json");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["serve", addresses @ ..] => serve(addresses),
        ["issuer", address] => issuer(address),
        ["call", method, url, host, token] => call(method, url, host, token),
        _ => {
            Err("usage: app serve ADDRESS... | issuer ADDRESS | call METHOD URL HOST TOKEN".into())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(addresses: &[&str]) -> Result<(), Error> {
    let servers = addresses
        .iter()
        .map(|address| Ok(echo_at(address.parse()?)?))
        .collect::<Result<Vec<_>, Error>>()?;
    // An application that only calls others has nothing to listen on, and stays all the same.
    println!("{} ports", servers.len());
    wait()
}

fn issuer(address: &str) -> Result<(), Error> {
    let keys = serde_json::from_str(KEYS)?;
    let answer = Answer::json(200, &keys);
    let _server = Server::start_at(address.parse()?, move |_| answer.clone())?;
    wait()
}

/// Waits for the end.
fn wait() -> Result<(), Error> {
    let mut signals = signal_hook::iterator::Signals::new([
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGINT,
    ])?;
    signals.forever().next();
    Ok(())
}

fn call(method: &str, url: &str, host: &str, token: &str) -> Result<(), Error> {
    let rest = url.strip_prefix("http://").ok_or("not an http:// URL")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let address: SocketAddr = authority
        .to_socket_addrs()?
        .next()
        .ok_or("the host has no address")?;
    let mut request = Request::new(method, path).header("host", host);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    match Client::plain(address).send(&request) {
        Ok(answer) => println!("{}", answer.status),
        Err(_) => println!("refused"),
    }
    Ok(())
}
