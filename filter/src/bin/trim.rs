//! Leaves a module those exports alone that Envoy is to call.
//!
//! The SDK exports every callback of the ABI, and Envoy calls each one that a module exports. The
//! filter has callbacks of its own, `palisade_on_*`, which get the names of the SDK's; the others go.
//! Usage: `trim <in.wasm> <out.wasm>`.
//! Source: WebAssembly core specification, binary format, export section.

use std::process::ExitCode;

/// What the exports of the filter's own callbacks begin with, and what they are to begin with.
const OWN: &str = "palisade_on_";
const CALLBACK: &str = "proxy_on_";

/// The SDK's callback that stays: how the host gets memory.
const ALLOCATE: &str = "proxy_on_memory_allocate";

/// What a program has and a plugin does not need.
const IDLE: [&str; 3] = ["_start", "__main_void", INITIALIZE];

/// What the host calls first: the filter's own, in place of one that refuses to run untrimmed.
const OWN_INITIALIZE: &str = "palisade_initialize";
const INITIALIZE: &str = "_initialize";

const PREAMBLE: usize = 8;
const EXPORT_SECTION: u8 = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else {
        eprintln!("usage: trim <in.wasm> <out.wasm>");
        return ExitCode::from(2);
    };
    match run(from, to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: `{from}`: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(from: &str, to: &str) -> Result<(), String> {
    let module = std::fs::read(from).map_err(|error| error.to_string())?;
    let trimmed = trim(&module).ok_or("not a WebAssembly module of the filter")?;
    std::fs::write(to, trimmed).map_err(|error| format!("cannot write `{to}`: {error}"))
}

/// The module with the exports that Envoy is to call; `None` when it is no module, or has none of
/// the filter's own callbacks: Envoy would load it and let every request pass.
fn trim(module: &[u8]) -> Option<Vec<u8>> {
    let (preamble, mut rest) = module.split_at_checked(PREAMBLE)?;
    if !preamble.starts_with(b"\0asm") {
        return None;
    }
    let mut out = preamble.to_vec();
    let mut exports = None;
    while let Some((id, after)) = rest.split_first() {
        let (len, after) = read_int(after)?;
        let (content, after) = after.split_at_checked(len)?;
        let content = match *id {
            EXPORT_SECTION => exports.insert(trim_exports(content)?).clone(),
            _ => content.to_vec(),
        };
        out.push(*id);
        out.extend(int(content.len()));
        out.extend(content);
        rest = after;
    }
    exports.map(|_| out)
}

fn trim_exports(section: &[u8]) -> Option<Vec<u8>> {
    let (count, mut rest) = read_int(section)?;
    let (mut kept, mut has_own): (Vec<Vec<u8>>, bool) = (Vec::new(), false);
    for _ in 0..count {
        let (len, after) = read_int(rest)?;
        let (name, entry) = after.split_at_checked(len)?;
        let (_kind, after) = entry.split_first()?;
        let (_index, after) = read_int(after)?;
        rest = after;
        let name = std::str::from_utf8(name).ok()?;
        has_own |= name.starts_with(OWN);
        if let Some(name) = new_name(name) {
            let entry = entry.get(..entry.len().checked_sub(after.len())?)?;
            kept.push([&int(name.len()), name.as_bytes(), entry].concat());
        }
    }
    has_own.then(|| [int(kept.len()), kept.concat()].concat())
}

/// What an export is to be called; `None` for those that go.
fn new_name(name: &str) -> Option<String> {
    if let Some(event) = name.strip_prefix(OWN) {
        return Some(format!("{CALLBACK}{event}"));
    }
    if name == OWN_INITIALIZE {
        return Some(INITIALIZE.to_owned());
    }
    let goes = IDLE.contains(&name) || (name.starts_with(CALLBACK) && name != ALLOCATE);
    (!goes).then(|| name.to_owned())
}

/// An unsigned integer in LEB128.
fn read_int(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let (digits, rest) = bytes.split_at_checked(end + 1)?;
    let value = digits.iter().rev().try_fold(0_usize, |value, digit| {
        value
            .checked_mul(0x80)?
            .checked_add(usize::from(digit & 0x7f))
    })?;
    Some((value, rest))
}

fn int(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let digit = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(digit);
            return bytes;
        }
        bytes.push(digit | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_callbacks_take_the_place_of_the_sdks() {
        let export = |name: &str, index: u8| {
            let mut entry = int(name.len());
            entry.extend(name.as_bytes());
            entry.extend([0, index]);
            entry
        };
        let module = |exports: &[Vec<u8>]| {
            let section = [int(exports.len()), exports.concat()].concat();
            let mut module = b"\0asm\x01\0\0\0\x01\x01\0".to_vec();
            module.push(EXPORT_SECTION);
            module.extend(int(section.len()));
            module.extend(section);
            module
        };
        let long = "x".repeat(200);
        let all = [
            export("proxy_on_request_headers", 3),
            export("proxy_on_request_body", 4),
            export(&long, 5),
            export("palisade_on_request_headers", 6),
            export("proxy_on_memory_allocate", 7),
            export("_start", 8),
            export("_initialize", 9),
            export("palisade_initialize", 10),
        ];
        let kept = [
            export(&long, 5),
            export("proxy_on_request_headers", 6),
            export("proxy_on_memory_allocate", 7),
            export("_initialize", 10),
        ];
        assert_eq!(trim(&module(&all)), Some(module(&kept)));
        assert_eq!(trim(&module(&all[..3])), None);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        for bytes in [
            b"".as_slice(),
            b"text, not wasm",
            b"\0asm\x01\0\0\0\x07\x05\x01",
        ] {
            assert_eq!(trim(bytes), None, "{bytes:?}");
        }
    }
}
