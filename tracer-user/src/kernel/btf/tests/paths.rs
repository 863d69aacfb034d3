//! Paths on types that are made up.

use tracer_common::{FieldKind, FieldRead};

use super::{Builder, CONST, INTEGER, POINTER, STRUCTURE, TYPEDEF, Types, UNION};
use crate::{
    expr::Fields,
    kernel::btf::{Found, PathTypes},
    model::FieldShape,
};

const ARRAY: u32 = 3;
const FORWARD: u32 = 7;
const FLAG: u32 = 1 << 7;

/// `struct node { int value; unsigned low:3, high:5; union { struct node *next; u64 word; }; char
/// name[8]; __be16 port; short pair[2]; const char *label; struct hidden *hidden; }`
fn types() -> Types {
    let mut btf = Builder::default();
    let int = btf.add("int", INTEGER, 0, 4, &[0x0100_0020]);
    let unsigned = btf.add("unsigned int", INTEGER, 0, 4, &[32]);
    let long = btf.add("unsigned long", INTEGER, 0, 8, &[64]);
    let short = btf.add("short", INTEGER, 0, 2, &[0x0100_0010]);
    let raw = btf.add("unsigned short", INTEGER, 0, 2, &[16]);
    let letter = btf.add("char", INTEGER, 0, 1, &[0x0100_0008]);
    let port = btf.add("__be16", TYPEDEF, 0, raw, &[]);
    let name = btf.add("", ARRAY, 0, 0, &[letter, int, 8]);
    let pair = btf.add("", ARRAY, 0, 0, &[short, int, 2]);
    let constant = btf.add("", CONST, 0, letter, &[]);
    let label = btf.add("", POINTER, 0, constant, &[]);
    let hidden = btf.add("hidden", FORWARD, 0, 0, &[]);
    let hidden = btf.add("", POINTER, 0, hidden, &[]);
    // The pointer refers to the structure that comes after the union.
    let next = btf.count + 1;
    btf.add("", POINTER, 0, next + 2, &[]);
    let members = ["next", "word"].map(|member| btf.name(member));
    let union = btf.add("", UNION, 2, 8, &[members[0], next, 0, members[1], long, 0]);
    let names = [
        "value", "low", "high", "name", "port", "pair", "label", "hidden",
    ]
    .map(|member| btf.name(member));
    let node = btf.add(
        "node",
        STRUCTURE | FLAG,
        9,
        56,
        &[
            names[0],
            int,
            0, //
            names[1],
            unsigned,
            3 << 24 | 0x20, //
            names[2],
            unsigned,
            5 << 24 | 0x23, //
            0,
            union,
            64, //
            names[3],
            name,
            128, //
            names[4],
            port,
            192, //
            names[5],
            pair,
            208, //
            names[6],
            label,
            256, //
            names[7],
            hidden,
            320,
        ],
    );
    assert_eq!(node, next + 2);
    let pointer = btf.add("", POINTER, 0, node, &[]);
    let nothing = btf.add("", POINTER, 0, 0, &[]);
    btf.function(
        "walk",
        int,
        &[
            ("node", pointer),
            ("len", unsigned),
            ("any", nothing),
            ("text", label),
        ],
    );
    btf.function("by_value", int, &[("node", node), ("len", int)]);
    Types::parse(btf.bytes()).unwrap()
}

fn find(types: &Types, source: &str) -> Result<Found, String> {
    let fields = Fields::parse(source).map_err(|error| error.to_string())?;
    let within = PathTypes {
        own: types,
        kernel: types,
        source,
    };
    let error = |error: crate::expr::ExprError| format!("{error}\n{}", error.picture());
    within
        .find(&fields.functions, &fields.paths[0])
        .map_err(error)
}

/// The register, the offsets, what is read, and how it is cut.
fn read(types: &Types, source: &str) -> (u8, Vec<i32>, FieldRead) {
    let found = find(types, source).unwrap();
    let read = found.reads[0];
    (
        read.register,
        read.offsets[..read.steps as usize].to_vec(),
        read,
    )
}

#[test]
fn members_are_found_where_they_lie() {
    let types = types();
    for (source, register, offsets, bytes) in [
        ("walk: len", 1, vec![], 4),
        ("walk: node", 0, vec![], 8),
        ("walk: node->value", 0, vec![0], 4),
        ("walk: node.next->next->value", 0, vec![8, 8, 0], 4),
        ("walk: node->word", 0, vec![8], 8),
        ("walk: node->pair[1]", 0, vec![28], 2),
        ("walk: node[2].value", 0, vec![112], 4),
        ("walk: (*node).value", 0, vec![0], 4),
        ("walk: ((struct node *)any)->value", 2, vec![0], 4),
        ("walk: ((struct node *)node->word)->value", 0, vec![8, 0], 4),
        ("walk: node->low", 0, vec![4], 1),
        ("by_value: len", 1, vec![], 4),
    ] {
        // A structure in memory takes no register.
        let register = if source.starts_with("by_value") {
            0
        } else {
            register
        };
        let (found, places, read) = self::read(&types, source);
        assert_eq!(
            (found, places, read.bytes),
            (register, offsets, bytes),
            "{source}"
        );
    }
}

#[test]
fn numbers_are_cut_out_of_what_is_read() {
    let types = types();
    let cut = |source: &str| {
        let (_, _, read) = read(&types, source);
        (read.up, read.down, read.flags)
    };
    assert_eq!(cut("walk: node->value"), (32, 32, FieldRead::SIGNED));
    assert_eq!(cut("walk: node->low"), (61, 61, 0));
    assert_eq!(cut("walk: node->high"), (56, 59, 0));
    assert_eq!(cut("walk: node->port"), (0, 48, FieldRead::SWAPPED));
    assert_eq!(cut("walk: node->word"), (0, 0, 0));
}

#[test]
fn texts_are_read_where_they_are() {
    let types = types();
    let (register, offsets, label) = read(&types, "walk: node->label");
    assert_eq!(
        (register, offsets, label.kind),
        (0, vec![32, 0], FieldKind::String as u8)
    );
    let (register, offsets, text) = read(&types, "walk: text");
    assert_eq!(
        (register, offsets, text.kind),
        (3, vec![0], FieldKind::String as u8)
    );
    let name = find(&types, "walk: node->name").unwrap();
    assert_eq!(name.shape, FieldShape::Characters);
    let FieldShape::Structure { bytes: 56, members } = find(&types, "walk: *node").unwrap().shape
    else {
        panic!("no structure")
    };
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "value", "low", "high", "next", "word", "port", "label", "hidden"
        ]
    );
}

#[test]
fn what_cannot_be_is_said_with_its_place() {
    let types = types();
    let all: Vec<String> = [
        "walk: nod->value",
        "run: node->value",
        "walk: node->valu",
        "walk: node->value->next",
        "walk: node->hidden->x",
        "walk: any->value",
        "walk: len->value",
        "walk: ((struct nod *)any)->value",
        "walk: ((struct node *)len)->value",
        "walk: node->pair[2]",
        "walk: node->value[0]",
        "walk: *len",
        "walk: **node",
        "walk: node->pair",
        "walk: node->next->next->next->next->next->value",
        "walk: node->next->next->next->next->next->next->value",
        "walk: any[1]",
        "walk: node[99999999999]",
        "by_value: node.value",
    ]
    .into_iter()
    .filter_map(|source| find(&types, source).err())
    .collect();
    insta::assert_snapshot!("wrong_paths", all.join("\n"));
}
