//! A module that remembers which way its branches went.

use std::collections::VecDeque;
use std::convert::Infallible;

use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, Instruction, MemArg, MemorySection,
    MemoryType, Module, ValType,
};
use wasmparser::{
    ExportSectionReader, FunctionBody, MemorySectionReader, Operator, Parser, Payload,
};

use super::{Branch, Error};

/// The export with what was observed: for each branch, in the order of the code, one byte that is
/// not 0 when it was taken, and one when it was not.
pub const MEMORY: &str = "branches";

/// The module's own memory is number 0.
const INDEX: u32 = 1;

const PAGE: usize = 65536;

/// A copy of `module` with a probe before each branch, and the exported memory [`MEMORY`].
pub fn insert(module: &[u8]) -> Result<Vec<u8>, Error> {
    let mut probes = Probes {
        parameters: parameters(module)?,
        branches: 0,
        // A branch takes two bytes itself, or more.
        pages: module.len().div_ceil(PAGE) as u64,
    };
    let mut with = Module::new();
    probes.parse_core_module(&mut with, Parser::new(0), module)?;
    Ok(with.finish())
}

/// What the probes left in memory.
pub fn read(memory: &[u8]) -> Vec<Branch> {
    let (branches, _) = memory.as_chunks();
    let read = |[taken, passed]: &[u8; 2]| Branch {
        taken: *taken != 0,
        passed: *passed != 0,
    };
    branches.iter().map(read).collect()
}

/// Whether this is a branch that a hint can be about.
pub fn is_branch(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::If { .. } | Operator::BrIf { .. })
}

/// How many parameters each function of the module has.
fn parameters(module: &[u8]) -> Result<VecDeque<u32>, Error> {
    let (mut types, mut functions) = (Vec::new(), VecDeque::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                for function in section.into_iter_err_on_gc_types() {
                    types.push(u32::try_from(function?.params().len())?);
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    let parameters = types.get(index? as usize);
                    functions.push_back(*parameters.ok_or("a function without a type")?);
                }
            }
            _ => {}
        }
    }
    Ok(functions)
}

struct Probes {
    /// Of the functions that are still to come.
    parameters: VecDeque<u32>,
    /// So many have a probe.
    branches: i32,
    /// The size of the memory.
    pages: u64,
}

impl Probes {
    /// Leaves the condition on the stack, and which way it will go in memory; `local` is free.
    fn write(&mut self, function: &mut Function, local: u32) {
        function
            .instructions()
            .local_tee(local)
            .local_get(local)
            .i32_eqz()
            .i32_const(2 * self.branches)
            .i32_add()
            .i32_const(1)
            .i32_store8(MemArg {
                offset: 0,
                align: 0,
                memory_index: INDEX,
            });
        self.branches += 1;
    }
}

impl Reencode for Probes {
    type Error = Infallible;

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error> {
        let mut local = self.parameters.pop_front().unwrap_or_default();
        let mut locals = Vec::new();
        for declared in body.get_locals_reader()? {
            let (count, of) = declared?;
            locals.push((count, self.val_type(of)?));
            local += count;
        }
        locals.push((1, ValType::I32));
        let mut function = Function::new(locals);
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            if is_branch(&operator) {
                self.write(&mut function, local);
            }
            let instruction: Instruction<'_> = self.instruction(operator)?;
            function.instruction(&instruction);
        }
        code.function(&function);
        Ok(())
    }

    fn parse_memory_section(
        &mut self,
        memories: &mut MemorySection,
        section: MemorySectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_memory_section(self, memories, section)?;
        memories.memory(MemoryType {
            minimum: self.pages,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_export_section(self, exports, section)?;
        exports.export(MEMORY, ExportKind::Memory, INDEX);
        Ok(())
    }
}
