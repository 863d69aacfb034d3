#![allow(clippy::cast_possible_truncation, reason = "small numbers of tests")]

mod paths;

use proptest::prelude::*;

use super::*;
use crate::model::ValueType;

/// Writes BTF, type by type.
#[derive(Default)]
struct Builder {
    types: Vec<u32>,
    count: u32,
    names: Vec<u8>,
    /// Bytes of names that come before.
    names_before: u32,
}

impl Builder {
    /// Carries on where another file ends.
    fn after(bytes: &[u8]) -> Self {
        let names = u32::from_ne_bytes(bytes[20..24].try_into().unwrap());
        let types = Types::parse(bytes.to_vec()).unwrap();
        Self {
            count: types.raw.ids().count() as u32,
            names_before: names,
            ..Self::default()
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        if self.names.is_empty() && self.names_before == 0 {
            self.names.push(0);
        }
        if name.is_empty() {
            return 0;
        }
        let offset = self.names_before + self.names.len() as u32;
        self.names.extend(name.bytes().chain([0]));
        offset
    }

    fn add(
        &mut self,
        name: &str,
        kind: u32,
        vlen: u32,
        size_or_type: u32,
        trailing: &[u32],
    ) -> u32 {
        let name = self.name(name);
        self.types.extend([name, (kind << 24) | vlen, size_or_type]);
        self.types.extend(trailing);
        self.count += 1;
        self.count
    }

    fn function(&mut self, name: &str, returns: u32, parameters: &[(&str, u32)]) -> u32 {
        let mut trailing = Vec::new();
        for (name, type_id) in parameters {
            trailing.extend([self.name(name), *type_id]);
        }
        let prototype = self.add("", 13, parameters.len() as u32, returns, &trailing);
        self.add(name, 12, 1, prototype, &[])
    }

    fn bytes(mut self) -> Vec<u8> {
        self.name("");
        let types = self.types.len() as u32 * 4;
        let header = [0x0001_eb9f, 24, 0, types, types, self.names.len() as u32];
        let words = header.into_iter().chain(self.types);
        words.flat_map(u32::to_ne_bytes).chain(self.names).collect()
    }
}

const INTEGER: u32 = 1;
const POINTER: u32 = 2;
const STRUCTURE: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const CONST: u32 = 10;
const FLAG: u32 = 1 << 7;

fn sample() -> Vec<u8> {
    let mut btf = Builder::default();
    let int = btf.add("int", INTEGER, 0, 4, &[0x0100_0020]);
    let unsigned = btf.add("unsigned int", INTEGER, 0, 4, &[32]);
    let boolean = btf.add("_Bool", INTEGER, 0, 1, &[0x0400_0008]);
    let gfp = btf.add("gfp_t", TYPEDEF, 0, unsigned, &[]);
    let constant = btf.add("", CONST, 0, gfp, &[]);
    let verdict = {
        let drop = btf.name("DROP");
        btf.add("", ENUM, 1, 4, &[drop, u32::MAX])
    };
    let verdict = btf.add("verdict_t", TYPEDEF, 0, verdict, &[]);
    let inner = {
        let pid = btf.name("pid");
        btf.add("", UNION, 1, 4, &[pid, int, 0])
    };
    let task = {
        let (state, flags) = (btf.name("state"), btf.name("flags"));
        // A bit field of two bits at bit 33, in a structure that has the flag.
        btf.add(
            "task_struct",
            STRUCTURE | FLAG,
            3,
            24,
            &[state, int, 0, flags, int, (2 << 24) | 0x21, 0, inner, 128],
        )
    };
    let task_pointer = btf.add("", POINTER, 0, task, &[]);
    let void_pointer = btf.add("", POINTER, 0, 0, &[]);
    btf.function("nothing", 0, &[]);
    btf.function("flags", constant, &[("task", task_pointer), ("gfp", gfp)]);
    btf.function("is_it", boolean, &[("", void_pointer)]);
    btf.function("judge", verdict, &[]);
    btf.function("find", task_pointer, &[]);
    btf.function("print", int, &[("format", void_pointer), ("", 0)]);
    btf.function("copy", task, &[]);
    btf.function("take", int, &[("task", task)]);
    btf.function("choose", int, &[("which", inner)]);
    btf.function("seven", int, &[("", int); 7]);
    btf.function("many", int, &[("", int); 13]);
    btf.function("twice", int, &[]);
    btf.function("twice", 0, &[]);
    btf.bytes()
}

fn types() -> Types {
    Types::parse(sample()).unwrap()
}

#[test]
fn return_types_are_resolved() {
    let types = types();
    let returns = |name| types.prototype(name).unwrap().returns;
    assert_eq!(returns("nothing"), ValueType::Void);
    assert_eq!(returns("flags"), ValueType::Unsigned { bytes: 4 });
    assert_eq!(returns("is_it"), ValueType::Bool);
    assert_eq!(returns("find"), ValueType::Pointer);
    assert_eq!(returns("print"), ValueType::Signed { bytes: 4 });
    assert_eq!(returns("copy"), ValueType::Aggregate { bytes: 24 });
    assert_eq!(
        returns("judge"),
        ValueType::Enum {
            name: "verdict_t".to_owned(),
            signed: true,
            bytes: 4,
            names: vec![(-1, "DROP".to_owned())],
        }
    );
    assert_eq!(types.prototype("no_such_function"), None);
}

#[test]
fn parameters_are_named_as_in_c() {
    let flags = types().prototype("flags").unwrap();
    assert!(!flags.variadic);
    let [task, gfp] = &flags.parameters[..] else {
        panic!("{flags:?}");
    };
    assert_eq!(
        (&*task.name, &*task.type_name, task.size),
        ("task", "struct task_struct *", 8)
    );
    assert_eq!((&*gfp.name, &*gfp.type_name, gfp.size), ("gfp", "gfp_t", 4));
    let print = types().prototype("print").unwrap();
    assert!(print.variadic);
    assert_eq!(print.parameters.len(), 1);
    assert_eq!(print.parameters[0].type_name, "void *");
}

#[test]
fn variables_and_typedefs_are_found_by_name() {
    let mut builder = Builder::default();
    let int = builder.add("int", 1, 0, 4, &[0x0100_0020]);
    // A function and a type of that name are no variable.
    builder.function("__preempt_count", int, &[]);
    let variable = builder.add("__preempt_count", 14, 0, int, &[1]);
    let typedef = builder.add("__preempt_count", 8, 0, int, &[]);
    let types = Types::parse(builder.bytes()).unwrap();
    assert_eq!(types.typedef_id("__preempt_count"), Some(typedef));
    assert_eq!(types.typedef_id("int"), None);
    assert_eq!(types.variable_id("__preempt_count"), Some(variable));
    assert_eq!(types.variable_id("int"), None);
}

#[test]
fn members_of_anonymous_parts_are_found() {
    let types = types();
    assert_eq!(types.member_offset("task_struct", "state"), Some(0));
    assert_eq!(types.member_offset("task_struct", "pid"), Some(16));
    assert_eq!(types.member_offset("task_struct", "flags"), None);
    assert_eq!(types.member_offset("task_struct", "nothing"), None);
    assert_eq!(types.member_offset("nothing", "pid"), None);
}

#[test]
fn names_that_stand_twice_are_known() {
    let types = types();
    assert!(types.is_ambiguous("twice"));
    assert!(!types.is_ambiguous("find"));
    assert_ne!(types.function_id("twice"), None);
    assert_eq!(types.function_id("task_struct"), None);
    assert_eq!(
        types.prototype("twice").unwrap().returns,
        ValueType::Signed { bytes: 4 }
    );
}

#[test]
fn obstacles_are_those_of_the_kernel() {
    let types = types();
    let limits = TrampolineLimits { argument_words: 12 };
    let obstacle = |name| types.prototype(name).unwrap().fentry_obstacle(limits);
    assert_eq!(obstacle("flags"), None);
    assert_eq!(obstacle("nothing"), None);
    assert_eq!(obstacle("seven"), None);
    assert_eq!(obstacle("print"), Some(Obstacle::Variadic));
    assert_eq!(obstacle("copy"), Some(Obstacle::ReturnsAggregate));
    assert_eq!(
        obstacle("take"),
        Some(Obstacle::LargeArgument {
            position: 1,
            size: 24
        })
    );
    assert_eq!(
        obstacle("choose"),
        Some(Obstacle::UnsupportedArgument { position: 1 })
    );
    assert_eq!(
        obstacle("many"),
        Some(Obstacle::TooManyArguments { count: 13 })
    );
}

#[test]
fn old_trampolines_save_six_registers() {
    use crate::kernel::facts::Release;
    let seven = types().prototype("seven").unwrap();
    let old = TrampolineLimits::of(Release { major: 6, minor: 1 });
    let new = TrampolineLimits::of(Release { major: 6, minor: 6 });
    assert_eq!(
        seven.fentry_obstacle(old),
        Some(Obstacle::TooManyWords { words: 7, limit: 6 })
    );
    assert_eq!(seven.fentry_obstacle(new), None);
}

#[test]
fn obstacles_read_as_sentences() {
    let sentences: Vec<String> = [
        Obstacle::TooManyArguments { count: 13 },
        Obstacle::TooManyWords { words: 7, limit: 6 },
        Obstacle::Variadic,
        Obstacle::ReturnsAggregate,
        Obstacle::LargeArgument {
            position: 2,
            size: 24,
        },
        Obstacle::UnsupportedArgument { position: 3 },
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    insta::assert_snapshot!(sentences.join("\n"), @"
    it has 13 arguments, and BPF can follow functions of at most 12
    its arguments take 7 registers, and this kernel's BPF trampoline saves 6
    it takes a variable number of arguments
    it returns a structure or union by value
    its argument 2 is a structure of 24 bytes passed by value, and BPF can follow 16
    its argument 3 is passed by value and is neither a number nor a structure
    ");
}

#[test]
fn a_module_carries_on_where_the_kernel_ends() {
    let kernel = types();
    let mut module = Builder::after(&sample());
    let own = module.add("tls_context", STRUCTURE, 0, 16, &[]);
    let pointer = module.add("", POINTER, 0, own, &[]);
    // Type 1 is the kernel's int.
    let send = module.function("tls_send", 1, &[("context", pointer), ("size", 1)]);
    let module = kernel.parse_module(module.bytes()).unwrap();
    let prototype = module.prototype("tls_send").unwrap();
    assert_eq!(prototype.returns, ValueType::Signed { bytes: 4 });
    let parameters: Vec<_> = prototype
        .parameters
        .iter()
        .map(|parameter| (&*parameter.name, &*parameter.type_name))
        .collect();
    assert_eq!(
        parameters,
        [("context", "struct tls_context *"), ("size", "int")]
    );
    assert_eq!(module.function_id("tls_send"), Some(send));
    assert_eq!(module.function_name(send).as_deref(), Some("tls_send"));
    // What it refers to is no function of its own.
    assert_eq!(module.function_id("find"), None);
    assert_eq!(kernel.prototype("tls_send"), None);
}

#[test]
fn what_is_not_btf_is_an_error() {
    for bytes in [vec![], b"no BTF".to_vec(), sample()[..20].to_vec()] {
        assert!(matches!(
            Types::parse(bytes),
            Err(BtfError::Malformed { .. })
        ));
    }
}

/// Asks everything that can be asked.
fn explore(types: &Types) {
    for name in ["nothing", "flags", "judge", "find", "take", "many"] {
        let _ = types.prototype(name);
        let _ = types.is_ambiguous(name);
    }
    let _ = types.member_offset("task_struct", "pid");
    let _ = types.member_offset("", "pid");
}

proptest! {
    #[test]
    fn damage_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        shorten: bool,
    ) {
        let mut bytes = sample();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if shorten {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(module) = types().parse_module(bytes.clone()) {
            explore(&module);
        }
        if let Ok(types) = Types::parse(bytes) {
            explore(&types);
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(types) = Types::parse(bytes) {
            explore(&types);
        }
    }
}

/// The running kernel's own, where there is one.
#[test]
fn the_running_kernel_is_understood() {
    let Ok(types) = Types::load() else { return };
    assert_eq!(
        types.prototype("__sys_sendto").unwrap().returns,
        ValueType::Signed { bytes: 4 }
    );
    assert!(types.member_offset("task_struct", "pid").is_some());
    let gfp = types.prototype("sk_psock_msg_verdict");
    if let Some(verdict) = gfp {
        assert_eq!(verdict.parameters[0].type_name, "struct sock *");
    }
}
