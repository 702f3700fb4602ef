//! The section with the hints.
//! Source: WebAssembly branch hinting proposal, "Binary Format".

use wasm_encoder::{BranchHint, BranchHints, Module, RawSection, SectionId};
use wasmparser::{FunctionBody, Parser, Payload, TypeRef};

use super::probes::is_branch;
use super::{Branch, Error};

/// `module` as it is, and a section with hints for those `branches` that went one way only. It has
/// to stand before the code.
pub fn insert(module: &[u8], branches: &[Branch]) -> Result<Vec<u8>, Error> {
    let hints = hints(module, branches)?;
    let mut with = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let Some((id, range)) = payload?.as_section() else {
            continue;
        };
        if id == u8::from(SectionId::Code) {
            with.section(&hints);
        }
        let data = module.get(range).ok_or("a section beyond the end")?;
        with.section(&RawSection { id, data });
    }
    Ok(with.finish())
}

fn hints(module: &[u8], branches: &[Branch]) -> Result<BranchHints, Error> {
    let mut hints = BranchHints::new();
    let mut branches = branches.iter();
    let mut function = 0;
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    function += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let of_function = of_function(&body, &mut branches)?;
                if !of_function.is_empty() {
                    hints.function_hints(function, of_function);
                }
                function += 1;
            }
            _ => {}
        }
    }
    Ok(hints)
}

/// The hints of one function, whose `branches` come next.
fn of_function<'b>(
    body: &FunctionBody<'_>,
    branches: &mut impl Iterator<Item = &'b Branch>,
) -> Result<Vec<BranchHint>, Error> {
    let mut hints = Vec::new();
    for operator in body.get_operators_reader()?.into_iter_with_offsets() {
        let (operator, offset) = operator?;
        if !is_branch(&operator) {
            continue;
        }
        let branch = branches.next().copied().unwrap_or_default();
        if branch.taken != branch.passed {
            hints.push(BranchHint {
                branch_func_offset: u32::try_from(offset - body.range().start)?,
                branch_hint_value: u32::from(branch.taken),
            });
        }
    }
    Ok(hints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes;
    use std::collections::BTreeMap;
    use wasmparser::{KnownCustom, Operator};
    use wasmtime::{Engine, Instance, Store};

    /// Branches that are taken for 1, for anything but 1, for either, and never reached.
    const MODULE: &str = r#"(module
        (memory 1)
        (func (if (i32.const 1) (then)))
        (func (export "f") (param i32) (result i32) (local i64)
            (if (i32.eq (local.get 0) (i32.const 1)) (then (return (i32.const 7))))
            (block (br_if 0 (i32.const 3)) unreachable)
            (block (br_if 0 (i32.eq (local.get 0) (i32.const 5))))
            (i32.add (local.get 0) (i32.const 1))))"#;

    fn run(module: &[u8], arguments: &[i32]) -> (Vec<i32>, Vec<Branch>) {
        let engine = Engine::default();
        let module = wasmtime::Module::new(&engine, module).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let function = instance.get_typed_func::<i32, i32>(&mut store, "f");
        let function = function.unwrap();
        let results = arguments
            .iter()
            .map(|argument| function.call(&mut store, *argument).unwrap())
            .collect();
        let memory = instance.get_memory(&mut store, probes::MEMORY);
        let branches = memory.map(|memory| probes::read(memory.data(&store)));
        (results, branches.unwrap_or_default())
    }

    /// The hints by function and number of the operator; every one must be about a branch.
    fn read(module: &[u8]) -> BTreeMap<(u32, usize), bool> {
        let (mut hints, mut at) = (Vec::new(), BTreeMap::new());
        let mut function = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload.unwrap() {
                Payload::CustomSection(section) => {
                    let KnownCustom::BranchHints(functions) = section.as_known() else {
                        panic!("{}", section.name());
                    };
                    for found in functions {
                        let found = found.unwrap();
                        for hint in found.hints {
                            let hint = hint.unwrap();
                            hints.push((found.func, hint.func_offset, hint.taken));
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let operators = body.get_operators_reader().unwrap();
                    for (number, found) in operators.into_iter_with_offsets().enumerate() {
                        let (operator, offset) = found.unwrap();
                        if matches!(operator, Operator::If { .. } | Operator::BrIf { .. }) {
                            let offset = u32::try_from(offset - body.range().start).unwrap();
                            at.insert((function, offset), number);
                        }
                    }
                    function += 1;
                }
                _ => {}
            }
        }
        let hints = hints.into_iter();
        hints
            .map(|(function, offset, taken)| ((function, at[&(function, offset)]), taken))
            .collect()
    }

    #[test]
    fn what_always_goes_one_way_is_hinted_and_nothing_else_changes() {
        let module = wat::parse_str(MODULE).unwrap();
        let probed = probes::insert(&module).unwrap();
        let rows = [
            (vec![1], vec![(3, true)]),
            (vec![2], vec![(3, false), (9, true), (16, false)]),
            (vec![2, 5], vec![(3, false), (9, true)]),
            (vec![1, 2, 5], vec![(9, true)]),
        ];
        for (arguments, expected) in rows {
            let (results, branches) = run(&probed, &arguments);
            let hinted = insert(&module, &branches).unwrap();
            assert_eq!(results, run(&hinted, &arguments).0, "{arguments:?}");
            assert_eq!(results, run(&module, &arguments).0, "{arguments:?}");
            let expected = expected.into_iter().map(|(at, taken)| ((1, at), taken));
            assert_eq!(read(&hinted), expected.collect(), "{arguments:?}");
            let without = hinted.len() - hints_len(&hinted);
            assert_eq!(without, module.len(), "{arguments:?}");
        }
    }

    /// How long the section with the hints is, with its header of an id and a size.
    fn hints_len(module: &[u8]) -> usize {
        let payloads = Parser::new(0).parse_all(module).map(Result::unwrap);
        let ranges = payloads.filter_map(|payload| payload.as_section());
        let custom = |(id, _): &(u8, _)| *id == u8::from(SectionId::Custom);
        let (_, range) = ranges.into_iter().find(custom).unwrap();
        range.len() + 2
    }
}
