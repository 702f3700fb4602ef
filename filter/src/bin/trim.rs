//! Leaves a module those exports alone that Envoy is to call, and what they need.
//!
//! The SDK exports every callback of the ABI, and Envoy calls each one that a module exports. The
//! filter has callbacks of its own, `palisade_on_*`, which get the names of the SDK's; the others go,
//! with the code that nothing else uses.
//! Usage: `trim <in.wasm> <out.wasm>`.

use std::process::ExitCode;

use walrus::Module;

/// What the exports of the filter's own callbacks begin with, and what they are to begin with.
const OWN: &str = "palisade_on_";
const CALLBACK: &str = "proxy_on_";

/// What a program has and a plugin does not need.
const IDLE: [&str; 3] = ["_start", "__main_void", INITIALIZE];

/// What the host calls first: the filter's own, in place of one that refuses to run untrimmed.
const OWN_INITIALIZE: &str = "palisade_initialize";
const INITIALIZE: &str = "_initialize";

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
    let mut module = Module::from_buffer(module).ok()?;
    let exports = module.exports.iter();
    let exports: Vec<_> = exports
        .map(|export| (export.id(), export.name.clone()))
        .collect();
    if !exports.iter().any(|(_, name)| name.starts_with(OWN)) {
        return None;
    }
    for (id, name) in exports {
        match new_name(&name) {
            Some(name) => module.exports.get_mut(id).name = name,
            None => module.exports.delete(id),
        }
    }
    walrus::passes::gc::run(&mut module);
    Some(module.emit_wasm())
}

/// What an export is to be called; `None` for those that go.
fn new_name(name: &str) -> Option<String> {
    if let Some(event) = name.strip_prefix(OWN) {
        return Some(format!("{CALLBACK}{event}"));
    }
    if name == OWN_INITIALIZE {
        return Some(INITIALIZE.to_owned());
    }
    let goes = IDLE.contains(&name) || name.starts_with(CALLBACK);
    (!goes).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use walrus::ir::{Const, Instr, Value};
    use walrus::{ExportItem, FunctionBuilder, ValType};

    /// A module that exports functions of these names, each of which returns its number.
    fn module(exports: &[(&str, i32)]) -> Vec<u8> {
        let mut module = Module::default();
        for (name, number) in exports {
            let mut function = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
            function.func_body().i32_const(*number);
            let function = function.finish(Vec::new(), &mut module.funcs);
            module.exports.add(name, function);
        }
        module.emit_wasm()
    }

    /// The exports of a module made of them, and how many functions there are.
    fn read(module: &[u8]) -> (BTreeMap<String, i32>, usize) {
        let module = Module::from_buffer(module).unwrap();
        let exports = module.exports.iter().map(|export| {
            let ExportItem::Function(id) = export.item else {
                panic!("{export:?}");
            };
            let function = module.funcs.get(id).kind.unwrap_local();
            let instructions = &function.block(function.entry_block()).instrs;
            let Some((
                Instr::Const(Const {
                    value: Value::I32(number),
                }),
                _,
            )) = instructions.first()
            else {
                panic!("{instructions:?}");
            };
            (export.name.clone(), *number)
        });
        (exports.collect(), module.funcs.iter().count())
    }

    #[test]
    fn own_callbacks_take_the_place_of_the_sdks() {
        let all = [
            ("proxy_on_request_headers", 3),
            ("proxy_on_request_body", 4),
            ("other", 5),
            ("palisade_on_request_headers", 6),
            ("proxy_on_memory_allocate", 7),
            ("palisade_on_memory_allocate", 8),
            ("_start", 9),
            ("_initialize", 10),
            ("palisade_initialize", 11),
        ];
        let kept = [
            ("other", 5),
            ("proxy_on_request_headers", 6),
            ("proxy_on_memory_allocate", 8),
            ("_initialize", 11),
        ];
        let trimmed = trim(&module(&all)).unwrap();
        assert_eq!(read(&trimmed), read(&module(&kept)));
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
