//! The finished module.

mod support;

use wasmparser::{KnownCustom, Parser, Payload};

#[test]
fn it_tells_v8_which_way_its_branches_go() {
    let module = std::fs::read(support::wasm()).expect("build the filter with `make wasm`");
    let mut hints = 0;
    for payload in Parser::new(0).parse_all(&module) {
        match payload.unwrap() {
            Payload::CustomSection(section) => {
                if let KnownCustom::BranchHints(functions) = section.as_known() {
                    for function in functions {
                        hints += function.unwrap().hints.count();
                    }
                }
            }
            // Hints that come later are not read.
            Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    assert!(hints > 0);
}
