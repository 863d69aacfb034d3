//! What was typed for a function: a name or a glob, and of which module.
//!
//! A module's function is printed as `tls_sw_sendmsg [tls]`, bpftrace and `perf probe` write
//! `tls:tls_sw_sendmsg`, and `[tls]:*` are all functions of the module. Without a module the name
//! is looked for everywhere.

use wildmatch::WildMatch;

use crate::kernel::{Kernel, symbols::Function};

/// A name or a glob, and of which module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// The name or the glob.
    pub name: &'a str,
    /// The module as it was typed; none if any will do.
    pub module: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// Takes apart what was typed.
    pub fn parse(typed: &'a str) -> Self {
        if let Some((module, name)) = typed.split_once(':') {
            let inner = module
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            return Self {
                name,
                module: Some(inner.unwrap_or(module)),
            };
        }
        let printed = typed
            .strip_suffix(']')
            .and_then(|rest| rest.split_once(" ["));
        printed.map_or(
            Self {
                name: typed,
                module: None,
            },
            |(name, module)| Self {
                name: name.trim_end(),
                module: Some(module),
            },
        )
    }

    /// Whether it stands for any number of functions.
    pub fn is_glob(&self) -> bool {
        self.name.contains(['*', '?'])
    }

    /// Whether a function belongs to the module, if one was typed. A module is known by its name
    /// with underscores, and its file may have dashes.
    pub fn is_of_module(&self, function: &Function<'_>) -> bool {
        let Some(wanted) = self.module else {
            return true;
        };
        let plain = |byte: u8| if byte == b'-' { b'_' } else { byte };
        function
            .module
            .is_some_and(|module| module.bytes().map(plain).eq(wanted.bytes().map(plain)))
    }

    /// Whether any function of the module is known; true if none was typed.
    pub fn has_module(&self, kernel: &Kernel) -> bool {
        let mut functions = kernel.symbols.functions();
        self.module.is_none() || functions.any(|function| self.is_of_module(&function))
    }

    /// The functions that match the glob.
    pub fn matching<'k>(&self, kernel: &'k Kernel) -> Vec<Function<'k>> {
        let pattern = WildMatch::new(self.name);
        let functions = kernel.symbols.functions();
        functions
            .filter(|function| self.is_of_module(function) && pattern.matches(function.name))
            .collect()
    }

    /// The functions that have the name, or else those that the compiler made from one of that
    /// name.
    pub fn named<'k>(&self, kernel: &'k Kernel, name: &str) -> Vec<Function<'k>> {
        let exact: Vec<Function<'_>> = kernel
            .symbols
            .functions_named(name)
            .filter_map(|address| {
                let function = kernel.symbols.function_at(address)?;
                (function.start == address && self.is_of_module(&function)).then_some(function)
            })
            .collect();
        if !exact.is_empty() {
            return exact;
        }
        let functions = kernel.symbols.functions();
        functions
            .filter(|function| is_made_from(function.name, name) && self.is_of_module(function))
            .collect()
    }
}

/// Whether a name is the other one with what the compiler puts after it, of a function that can be
/// entered.
fn is_made_from(function: &str, name: &str) -> bool {
    const SUFFIXES: [&str; 4] = ["isra", "constprop", "part", "llvm"];
    let suffix = function
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('.'));
    suffix.is_some_and(|suffix| {
        let mut parts = suffix.split('.');
        let is_made = parts.next().is_some_and(|part| SUFFIXES.contains(&part));
        is_made && parts.all(|part| part != "cold")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Address;

    fn wanted(name: &'static str, module: Option<&'static str>) -> Wanted<'static> {
        Wanted { name, module }
    }

    #[test]
    fn a_module_is_typed_before_or_behind_the_name() {
        for (typed, expected) in [
            ("ksys_read", wanted("ksys_read", None)),
            (
                "tls_sw_sendmsg [tls]",
                wanted("tls_sw_sendmsg", Some("tls")),
            ),
            ("tls:tls_sw_sendmsg", wanted("tls_sw_sendmsg", Some("tls"))),
            ("[tls]:*", wanted("*", Some("tls"))),
            ("* [tls]", wanted("*", Some("tls"))),
        ] {
            assert_eq!(Wanted::parse(typed), expected, "{typed}");
        }
    }

    #[test]
    fn dashes_of_a_module_are_underscores() {
        let function = Function {
            name: "f",
            start: Address(0),
            end: Address(1),
            module: Some("nf_tables"),
        };
        assert!(Wanted::parse("nf-tables:f").is_of_module(&function));
        assert!(!Wanted::parse("nf:f").is_of_module(&function));
        let own = Function {
            module: None,
            ..function
        };
        assert!(!Wanted::parse("nf_tables:f").is_of_module(&own));
        assert!(Wanted::parse("f").is_of_module(&own));
    }

    #[test]
    fn what_the_compiler_put_behind_a_name_is_known() {
        for made in [
            "f.isra.0",
            "f.constprop.0",
            "f.part.0",
            "f.isra.0.constprop.3",
        ] {
            assert!(is_made_from(made, "f"), "{made}");
        }
        for other in [
            "f",
            "f.cold",
            "f.part.0.cold",
            "fg.isra.0",
            "f.isra_0",
            "f.0",
        ] {
            assert!(!is_made_from(other, "f"), "{other}");
        }
    }
}
