#![allow(clippy::cast_possible_truncation, reason = "small numbers of tests")]

use proptest::prelude::*;

use super::*;
use crate::model::{GFP, ValueType};

fn typed(returns: &ValueType, value: u64) -> String {
    format_return(None, Some(returns), value, Style::Typed).unwrap_or("nothing".to_owned())
}

#[test]
fn values_read_as_their_types_say() {
    let int = ValueType::Signed { bytes: 4 };
    let long = ValueType::Signed { bytes: 8 };
    let byte = ValueType::Unsigned { bytes: 1 };
    let unsigned = ValueType::Unsigned { bytes: 4 };
    let verdict = ValueType::Enum {
        name: "verdict".to_owned(),
        signed: true,
        bytes: 4,
        names: vec![(-1, "DROP".to_owned()), (0, "PASS".to_owned())],
    };
    let rows = [
        ("void", &ValueType::Void, 0xffff_8de8_43d2_1ac0),
        ("bool", &ValueType::Bool, 1),
        ("bool", &ValueType::Bool, 0xffff_ff00),
        ("int", &int, 7),
        ("int", &int, 0x1234_0000_0000),
        ("int", &int, 0xffff_fff5),
        ("int", &int, u64::MAX),
        ("int", &int, 0xffff_ff01),
        ("int", &int, 0xffff_fe00),
        ("int", &int, 0x8000_0000),
        ("long", &long, 0xffff_fff5),
        ("long", &long, (-14i64).cast_unsigned()),
        ("u8", &byte, 0x1ff),
        ("u32", &unsigned, u64::MAX),
        ("enum", &verdict, 2),
        ("enum", &verdict, 0x1234_0000_0000),
        ("enum", &verdict, 0xffff_ffff),
        ("pointer", &ValueType::Pointer, 0),
        ("pointer", &ValueType::Pointer, 0xffff_8de8_43d2_1ac0),
        ("pointer", &ValueType::Pointer, (-12i64).cast_unsigned()),
        ("pointer", &ValueType::Pointer, (-517i64).cast_unsigned()),
        ("pointer", &ValueType::Pointer, (-4000i64).cast_unsigned()),
        ("struct16", &ValueType::Aggregate { bytes: 16 }, 0x1f),
        ("struct24", &ValueType::Aggregate { bytes: 24 }, 0x1f),
        ("struct4", &ValueType::Aggregate { bytes: 4 }, 0x1_0000_001f),
        ("int128", &ValueType::Signed { bytes: 16 }, u64::MAX),
        ("u128", &ValueType::Unsigned { bytes: 16 }, 7),
    ];
    let table: Vec<String> = rows
        .iter()
        .map(|(name, returns, value)| format!("{name:8}{value:<#20x}{}", typed(returns, *value)))
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn without_a_type_the_register_is_shown() {
    assert_eq!(
        format_return(None, None, 0x1f, Style::Typed).as_deref(),
        Some("0x1f")
    );
}

proptest! {
    #[test]
    fn hex_shows_the_register_of_every_function(value: u64) {
        for returns in [None, Some(&ValueType::Void), Some(&ValueType::Bool), Some(&ValueType::Signed { bytes: 4 })] {
            prop_assert_eq!(format_return(None, returns, value, Style::Hex), Some(format!("{value:#x}")));
        }
    }

    #[test]
    fn the_unused_part_of_the_register_does_not_matter(value: u32, rubbish: u32) {
        let register = u64::from(rubbish) << 32 | u64::from(value);
        for returns in [ValueType::Signed { bytes: 4 }, ValueType::Unsigned { bytes: 4 }] {
            prop_assert_eq!(typed(&returns, register), typed(&returns, u64::from(value)));
        }
    }

    #[test]
    fn signed_numbers_come_back(value: i64) {
        for (bytes, expected) in [(1, i64::from(value as i8)), (2, i64::from(value as i16)), (4, i64::from(value as i32)), (8, value)] {
            let text = typed(&ValueType::Signed { bytes }, value.cast_unsigned());
            let number = text.split(' ').next().unwrap();
            prop_assert_eq!(number.parse::<i64>().unwrap(), expected);
        }
    }

    #[test]
    fn any_width_is_taken(value: u64, bytes: u32) {
        typed(&ValueType::Signed { bytes }, value);
        typed(&ValueType::Unsigned { bytes }, value);
    }
}

#[test]
fn flags_of_an_allocation_read_as_the_kernel_prints_them() {
    let gfp = ValueType::Enum {
        name: GFP.to_owned(),
        signed: false,
        bytes: 4,
        names: [
            (0xcc0, "GFP_KERNEL"),
            (0x40, "__GFP_IO"),
            (0x100, "__GFP_ZERO"),
        ]
        .map(|(mask, name)| (mask, name.to_owned()))
        .to_vec(),
    };
    for (value, expected) in [
        (0xcc0, "GFP_KERNEL"),
        (0xffff_ffff_0000_0dc0, "GFP_KERNEL|__GFP_ZERO"),
        (0x140, "__GFP_IO|__GFP_ZERO"),
        (0x1cc0, "GFP_KERNEL|0x1000"),
        (0, "0x0"),
    ] {
        assert_eq!(typed(&gfp, value), expected);
    }
}
