//! `/proc/kallsyms`: the file, and its lines.
//!
//! The format is `address type name[\t[module]]` (s_show, kernel/kallsyms.c). A line that is
//! otherwise is an error, since whatever is read wrongly would get a probe. An administrator may
//! have switched the addresses off: then all are zero.

use std::{fs::File, io::Read, path::Path};

use super::{Symbol, SymbolsError, is_function};

/// The file.
pub const KALLSYMS: &str = "/proc/kallsyms";

/// All of it.
pub fn read() -> Result<Vec<u8>, SymbolsError> {
    // The kernel hands out a page at a time; room for all of it saves copying.
    let mut text = Vec::with_capacity(16 << 20);
    File::open(Path::new(KALLSYMS))?.read_to_end(&mut text)?;
    Ok(text)
}

/// The symbols of that text, in its order, which keep their names in it.
pub fn symbols(text: &[u8]) -> Result<Vec<Symbol>, SymbolsError> {
    if u32::try_from(text.len()).is_err() {
        return Err(SymbolsError::TooLarge);
    }
    let mut symbols = Vec::with_capacity(text.len() / 48);
    let mut hidden = true;
    let mut position = 0;
    let mut line = 0;
    while position < text.len() {
        line += 1;
        let (symbol, end) = parse_line(text, position).ok_or(SymbolsError::Malformed { line })?;
        position = end + 1;
        hidden &= symbol.address == 0;
        let name = &text[symbol.name as usize..][..usize::from(symbol.name_length)];
        if !super::is_passed_over(name) {
            symbols.push(symbol);
        }
    }
    if hidden {
        return Err(SymbolsError::Hidden);
    }
    Ok(symbols)
}

/// Whether the kernel hides its addresses: what an administrator has switched off is not read in
/// another way. The first page has some symbols with an address other than 0, if there are any.
pub fn are_excluded() -> Result<bool, SymbolsError> {
    const DIGITS: usize = 16;
    let mut page = Vec::with_capacity(4096);
    File::open(KALLSYMS)?.take(4096).read_to_end(&mut page)?;
    let hides = |line: &[u8]| line.iter().take(DIGITS).all(|digit| *digit == b'0');
    Ok(page
        .split(|byte| *byte == b'\n')
        .filter(|line| line.len() > DIGITS)
        .all(hides))
}

/// Reads `address type name[\t[module]]` at `start`; also says where the line ends.
fn parse_line(text: &[u8], start: usize) -> Option<(Symbol, usize)> {
    let mut position = start;
    let mut address = 0u64;
    loop {
        let byte = *text.get(position)?;
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => break,
        };
        address = (address << 4) | u64::from(digit);
        position += 1;
    }
    if position == start || position - start > 16 {
        return None;
    }
    let [b' ', kind, b' '] = *text.get(position..position + 3)? else {
        return None;
    };
    let name = position + 3;
    let length = text[name..]
        .iter()
        .position(|byte| matches!(byte, b'\t' | b'\n'))
        .unwrap_or(text.len() - name);
    if length == 0 {
        return None;
    }
    let name_end = name + length;
    let line_end = match text.get(name_end) {
        Some(b'\t') => {
            let rest = text[name_end..].iter().position(|byte| *byte == b'\n');
            rest.map_or(text.len(), |rest| name_end + rest)
        }
        _ => name_end,
    };
    let symbol = Symbol {
        address,
        name: u32::try_from(name).ok()?,
        name_length: u16::try_from(length).ok()?,
        // No code stands at the last address: nothing would be after it.
        is_function: is_function(kind) && address < u64::MAX,
    };
    Some((symbol, line_end))
}
