//! The payments mesh in Docker Compose: `compose images`, `up`, `down`, `test`.

use std::process::ExitCode;

use palisade_tests::Error;
use palisade_tests::compose::Mesh;

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    match run(&command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str) -> Result<bool, Error> {
    match command {
        "images" => {
            palisade_tests::compose::images()?;
            Ok(true)
        }
        "up" => {
            Mesh::up()?.leave();
            Ok(true)
        }
        "down" => {
            drop(Mesh::running()?);
            Ok(true)
        }
        "test" => Mesh::up()?.test(),
        _ => Err("usage: compose images | up | down | test".into()),
    }
}
