//! The driver of the demo: `demo run`, `demo up`, `demo serve`, `demo certs`.

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use palisade_tests::{Error, demo, repository};
use signal_hook::{consts::TERM_SIGNALS, flag};

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let done = match command.as_str() {
        "run" => run(),
        "up" => demo::up().map(|()| true),
        "serve" => demo::serve().map(|()| true),
        "certs" => certs().map(|()| true),
        _ => Err("usage: demo run | up | serve | certs".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Error> {
    // A signal only asks to stop, so that everything is still cleaned up.
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in TERM_SIGNALS {
        flag::register(*signal, Arc::clone(&interrupted))?;
    }
    demo::run(&interrupted)
}

fn certs() -> Result<(), Error> {
    let folder = repository().join(demo::FOLDER);
    demo::Credentials::new()?.write(&folder)?;
    println!("certificates and tokens are in {}", demo::FOLDER);
    Ok(())
}
