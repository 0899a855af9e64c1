//! How much stack a BPF object's call chains take, read from its instructions.
//!
//! What is counted is how deep an instruction reaches below `r10`, the frame's end, be it by a load or store or as a
//! pointer. The verifier counts what it has seen reached, which may be less, and never more.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionKind, SymbolKind,
};

use super::Elf;

/// What a chain of calls may take in bytes (the kernel's `MAX_BPF_STACK`).
const LIMIT: u64 = 512;
/// Every frame counts as a multiple of this in bytes: in the kernel's `check_max_stack_depth`; since Linux 6.8
/// 16 bytes if the program is compiled (commit 1a1ad782dcbb).
const ROUNDING: u64 = 32;
/// Functions in a chain (the kernel's `MAX_CALL_FRAMES`).
const CALLS_MAX: usize = 8;
/// Length of an instruction in bytes.
const INSTRUCTION: usize = 8;

/// Opcodes (RFC 9669), and the frame pointer's number.
const CALL: u8 = 0x85;
const MOV: u8 = 0xbf;
const ADD: u8 = 0x07;
/// Classes: the lowest three bits of an opcode.
const LDX: u8 = 1;
const ST: u8 = 2;
const STX: u8 = 3;
const R10: u8 = 10;
/// The source register of a call that leads to a function of the program itself.
const PSEUDO_CALL: u8 = 1;

/// Where code begins: its section, and its offset there.
type Address = (usize, u64);

struct Function {
    name: String,
    frame: u64,
    callees: Vec<Address>,
}

/// The deepest chain's bytes, as the verifier counts them.
///
/// # Errors
/// If it is deeper than the oldest kernels allow; names the chain.
pub(super) fn deepest(elf: &Elf<'_>) -> Result<u64> {
    let functions = functions(elf)?;
    let mut deepest = 0;
    for (address, function) in &functions {
        let mut chain = Vec::new();
        let depth = depth(&functions, *address, &mut chain)?;
        ensure!(
            depth <= LIMIT,
            "the calls from {} take {depth} bytes of stack, {LIMIT} are there: \
             put what is large into a map. {}",
            function.name,
            chain.join(", ")
        );
        deepest = deepest.max(depth);
    }
    Ok(deepest)
}

/// What a function and the deepest of its callees take; `chain` gets them with their frames.
fn depth(
    functions: &BTreeMap<Address, Function>,
    address: Address,
    chain: &mut Vec<String>,
) -> Result<u64> {
    let Some(function) = functions.get(&address) else {
        return Ok(0);
    };
    ensure!(
        chain.len() < CALLS_MAX,
        "more than {CALLS_MAX} functions call each other: {}",
        chain.join(", ")
    );
    chain.push(format!("{}: {}", function.name, function.frame));
    let (mut deepest, mut below) = (0, Vec::new());
    for callee in &function.callees {
        let mut calls = chain.clone();
        let depth = depth(functions, *callee, &mut calls)?;
        if depth > deepest {
            (deepest, below) = (depth, calls.split_off(chain.len()));
        }
    }
    chain.append(&mut below);
    // Even without a frame a function counts as having one.
    Ok(deepest + function.frame.max(1).next_multiple_of(ROUNDING))
}

fn functions(elf: &Elf<'_>) -> Result<BTreeMap<Address, Function>> {
    let mut functions = BTreeMap::new();
    for section in elf
        .sections()
        .filter(|section| section.kind() == SectionKind::Text)
    {
        let relocated: BTreeMap<_, _> = section
            .relocations()
            .filter_map(|(offset, relocation)| Some((offset, symbol(elf, relocation.target())?)))
            .collect();
        let here = elf.symbols().filter(|symbol| {
            symbol.kind() == SymbolKind::Text && symbol.section_index() == Some(section.index())
        });
        for symbol in here {
            let start = symbol.address();
            let code = section
                .data_range(start, symbol.size())?
                .unwrap_or_default();
            let calls = calls(code).map(|(offset, ahead)| {
                let offset = start + offset;
                let (section, from) = relocated
                    .get(&offset)
                    .map_or((section.index().0, offset), |target| *target);
                (section, from.wrapping_add_signed(ahead))
            });
            let function = Function {
                name: symbol.name()?.to_owned(),
                frame: frame(code),
                callees: calls.collect(),
            };
            functions.insert((section.index().0, start), function);
        }
    }
    Ok(functions)
}

/// Where a relocation's symbol is: a function, or the section of one.
fn symbol(elf: &Elf<'_>, target: RelocationTarget) -> Option<Address> {
    let RelocationTarget::Symbol(index) = target else {
        return None;
    };
    let symbol = elf.symbol_by_index(index).ok()?;
    Some((symbol.section_index()?.0, symbol.address()))
}

/// Calls of the program's own functions: where they are, and how far ahead of that the function is, in bytes.
fn calls(code: &[u8]) -> impl Iterator<Item = (u64, i64)> {
    instructions(code)
        .zip((0..).step_by(INSTRUCTION))
        .filter(|(it, _)| it.opcode == CALL && it.source == PSEUDO_CALL)
        .map(|(it, offset)| (offset, (i64::from(it.immediate) + 1) * INSTRUCTION as i64))
}

/// How deep below the frame pointer a function reaches, in bytes.
fn frame(code: &[u8]) -> u64 {
    // Registers that have just been made copies of the frame pointer.
    let mut copies = 0_u16;
    let mut deepest = 0;
    for it in instructions(code) {
        let reach = match it.opcode {
            MOV if it.source == R10 => {
                copies |= 1 << it.target;
                continue;
            }
            ADD if copies & 1 << it.target != 0 => {
                copies &= !(1 << it.target);
                it.immediate
            }
            // Loads go by the source, stores by the target.
            opcode if opcode & 7 == LDX && it.source == R10 => it.offset.into(),
            opcode if matches!(opcode & 7, ST | STX) && it.target == R10 => it.offset.into(),
            _ => continue,
        };
        deepest = deepest.max(-i64::from(reach));
    }
    deepest.unsigned_abs()
}

/// An instruction's fields (RFC 9669, section 3).
struct Instruction {
    opcode: u8,
    target: u8,
    source: u8,
    offset: i16,
    immediate: i32,
}

fn instructions(code: &[u8]) -> impl Iterator<Item = Instruction> {
    let (instructions, _) = code.as_chunks::<INSTRUCTION>();
    instructions
        .iter()
        .map(|&[opcode, registers, a, b, c, d, e, f]| Instruction {
            opcode,
            target: registers & 0xf,
            source: registers >> 4,
            offset: i16::from_le_bytes([a, b]),
            immediate: i32::from_le_bytes([c, d, e, f]),
        })
}
