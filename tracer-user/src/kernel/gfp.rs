//! The names of the flags of an allocation (`gfp_t`).
//!
//! Their bits differ from kernel to kernel. The kernel has a table of them for its own messages
//! (`gfpflag_names`, mm/debug.c, which `%pGg` prints by): masks with names, those of several flags
//! first, a null at its end. It is read from the kernel's memory.

use super::{Address, btf::Parameter, kcore::CodeReader, symbols::Symbols};
use crate::model::{GFP, ValueType};

/// Names in the table at most; kernels have some sixty.
const MOST_NAMES: usize = 128;
/// Bytes of a name at most.
const LONGEST_NAME: usize = 32;
/// Bytes of `struct trace_print_flags` (include/linux/tracepoint-defs.h).
const ENTRY: usize = 16;

/// Masks and names in the order of the kernel's table; none if it cannot be read.
pub fn names(symbols: &Symbols, read: CodeReader<'_>) -> Vec<(i64, String)> {
    let Some(table) = symbols.address_of("gfpflag_names") else {
        return Vec::new();
    };
    let places = (0..MOST_NAMES).map(|number| table.plus((number * ENTRY) as u64));
    places.map_while(|place| entry(place, read)).collect()
}

fn entry(place: Address, read: CodeReader<'_>) -> Option<(i64, String)> {
    let bytes = read(place, ENTRY).ok()?;
    let (words, _) = bytes.as_chunks::<8>();
    let &[mask, name] = words else { return None };
    let name = u64::from_ne_bytes(name);
    if name == 0 {
        return None;
    }
    let text = read(Address(name), LONGEST_NAME).ok()?;
    let end = text.iter().position(|byte| *byte == 0)?;
    let name = str::from_utf8(&text[..end]).ok()?;
    Some((i64::from_ne_bytes(mask), name.to_owned()))
}

/// Gives a parameter of that type the names.
pub fn name_flags(parameter: &mut Parameter, names: &[(i64, String)]) {
    if let ValueType::Unsigned { bytes } = parameter.value
        && parameter.type_name == GFP
        && !names.is_empty()
    {
        parameter.value = ValueType::Enum {
            name: GFP.to_owned(),
            signed: false,
            bytes,
            names: names.to_vec(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{btf::ParameterKind, kcore::CodeError};

    #[test]
    fn the_table_ends_with_a_null() {
        const TABLE: u64 = 0xffff_ffff_8200_0000;
        let symbols = Symbols::parse("ffffffff82000000 D gfpflag_names\n").unwrap();
        let words = [0xcc0, TABLE + 0x30, 0x100, TABLE + 0x40, 0, 0];
        let mut memory: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
        memory.extend(b"GFP_KERNEL\0\0\0\0\0\0__GFP_ZERO\0");
        memory.extend([0; 64]);
        let read = |start: Address, length: usize| {
            let start = usize::try_from(start.0 - TABLE).unwrap();
            let bytes = memory.get(start..start + length);
            bytes
                .map(<[u8]>::to_vec)
                .ok_or(CodeError::Unmapped(Address(0)))
        };
        let names = names(&symbols, &read);
        assert_eq!(
            names,
            [
                (0xcc0, "GFP_KERNEL".to_owned()),
                (0x100, "__GFP_ZERO".to_owned())
            ]
        );
        let mut parameter = Parameter {
            name: "gfp".to_owned(),
            type_name: GFP.to_owned(),
            size: 4,
            kind: ParameterKind::Scalar,
            value: ValueType::Unsigned { bytes: 4 },
        };
        name_flags(&mut parameter, &names);
        assert!(matches!(parameter.value, ValueType::Enum { bytes: 4, .. }));
    }
}
