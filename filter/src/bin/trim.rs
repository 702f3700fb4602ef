//! Takes from a module the exports that would make Envoy call it for nothing.
//!
//! The SDK exports every callback of the ABI, and Envoy calls each one that a module exports: a
//! request with a body and trailers costs it six calls into the virtual machine of which the filter
//! answers four with "go on". Usage: `trim <in.wasm> <out.wasm>`.
//! Source: WebAssembly core specification, binary format, export section.

use std::process::ExitCode;

/// Callbacks that the filter does not use. `proxy_on_response_headers` is not among them:
/// authorizers may add headers to responses.
const IDLE: [&str; 16] = [
    "proxy_on_downstream_connection_close",
    "proxy_on_foreign_function",
    "proxy_on_grpc_close",
    "proxy_on_grpc_receive",
    "proxy_on_grpc_receive_initial_metadata",
    "proxy_on_grpc_receive_trailing_metadata",
    "proxy_on_log",
    "proxy_on_queue_ready",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_upstream_connection_close",
    "proxy_on_upstream_data",
    "_start",
    "__main_void",
];

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
    let trimmed = trim(&module).ok_or("not a WebAssembly module")?;
    std::fs::write(to, trimmed).map_err(|error| format!("cannot write `{to}`: {error}"))
}

/// The module without the idle exports; `None` when it is no module.
fn trim(module: &[u8]) -> Option<Vec<u8>> {
    let (preamble, mut rest) = module.split_at_checked(PREAMBLE)?;
    if !preamble.starts_with(b"\0asm") {
        return None;
    }
    let mut out = preamble.to_vec();
    while let Some((id, after)) = rest.split_first() {
        let (len, after) = read_int(after)?;
        let (content, after) = after.split_at_checked(len)?;
        let content = match *id {
            EXPORT_SECTION => trim_exports(content)?,
            _ => content.to_vec(),
        };
        out.push(*id);
        out.extend(int(content.len()));
        out.extend(content);
        rest = after;
    }
    Some(out)
}

fn trim_exports(section: &[u8]) -> Option<Vec<u8>> {
    let (count, mut rest) = read_int(section)?;
    let mut kept: Vec<&[u8]> = Vec::new();
    for _ in 0..count {
        let entry = rest;
        let (len, after) = read_int(rest)?;
        let (name, after) = after.split_at_checked(len)?;
        let (_kind, after) = after.split_first()?;
        let (_index, after) = read_int(after)?;
        rest = after;
        if !IDLE.iter().any(|idle| idle.as_bytes() == name) {
            let len = entry.len().checked_sub(after.len())?;
            kept.push(entry.get(..len)?);
        }
    }
    Some([int(kept.len()), kept.concat()].concat())
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
    fn only_idle_exports_go() {
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
        let kept = [export("proxy_on_request_headers", 3), export(&long, 5)];
        let all = [
            kept[0].clone(),
            export("proxy_on_request_body", 4),
            kept[1].clone(),
        ];
        assert_eq!(trim(&module(&all)), Some(module(&kept)));
        assert_eq!(trim(&module(&kept)), Some(module(&kept)));
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
