use super::*;

/// No types at all.
fn nothing() -> Types {
    let header: [u32; 6] = [0x0001_eb9f, 24, 0, 0, 0, 1];
    let bytes = header.into_iter().flat_map(u32::to_ne_bytes).chain([0]);
    Types::parse(bytes.collect()).unwrap()
}

const FORMAT: &str = "\
name: sys_enter_openat
ID: 700
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;
\tfield:int dfd;\toffset:16;\tsize:8;\tsigned:0;
\tfield:const char * filename;\toffset:24;\tsize:8;\tsigned:0;
\tfield:unsigned int flags;\toffset:32;\tsize:8;\tsigned:0;
\tfield:umode_t mode;\toffset:40;\tsize:8;\tsigned:0;
\tfield:__data_loc char[] __filename_val;\toffset:48;\tsize:4;\tsigned:0;

print fmt: \"dfd: 0x%08lx\", ((unsigned long)(REC->dfd))
";

#[cfg(target_arch = "x86_64")]
#[test]
fn names_of_entries_say_where_the_arguments_are() {
    let of = |name| Entry::of(name).map(|entry| (entry.call, entry.convention));
    assert_eq!(of("__x64_sys_close"), Some(("close", Convention::Native)));
    assert_eq!(of("__ia32_sys_close"), Some(("close", Convention::Compat)));
    let compat = Some(("openat", Convention::Compat));
    assert_eq!(of("__ia32_compat_sys_openat"), compat);
    assert_eq!(of("__do_sys_close"), None);
}

#[test]
fn a_tracepoint_says_what_a_call_takes() {
    let found = parse(FORMAT, &nothing()).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|parameter| (&*parameter.name, &*parameter.type_name, &parameter.value))
        .collect();
    assert_eq!(
        found,
        [
            ("dfd", "int", &ValueType::Signed { bytes: 4 }),
            ("filename", "const char *", &ValueType::Pointer),
            ("flags", "unsigned int", &ValueType::Unsigned { bytes: 4 }),
            // No typedef of that name is known here.
            ("mode", "umode_t", &ValueType::Unsigned { bytes: 8 }),
        ]
    );
}

#[test]
fn numbers_have_the_width_that_c_gives_them() {
    let signed = |bytes| Some(ValueType::Signed { bytes });
    let unsigned = |bytes| Some(ValueType::Unsigned { bytes });
    for (name, expected) in [
        ("int", signed(4)),
        ("long", signed(8)),
        ("unsigned", unsigned(4)),
        ("unsigned long", unsigned(8)),
        ("long long", signed(8)),
        ("unsigned short", unsigned(2)),
        ("size_t", None),
    ] {
        assert_eq!(number(name), expected, "{name}");
    }
}

#[test]
fn a_32_bit_program_has_half_a_register() {
    let mut long = parameter("unsigned long", "count", &nothing());
    narrow(&mut long);
    assert_eq!(long.value, ValueType::Unsigned { bytes: 4 });
}
