//! `--color`: whether a listing has colours.

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal as _},
    path::Path,
};

use clap::ColorChoice;

use crate::output::ftrace::Colour;

/// What was asked for, for what goes to this file or else to stdout.
pub fn wanted(choice: ColorChoice, output: Option<&Path>) -> Colour {
    let likes =
        output.is_none() && io::stdout().is_terminal() && environment(|name| env::var_os(name));
    match choice {
        ColorChoice::Always => Colour::Ansi,
        ColorChoice::Auto if likes => Colour::Ansi,
        ColorChoice::Auto | ColorChoice::Never => Colour::Plain,
    }
}

/// Whether the environment has nothing against colours: NO_COLOR (no-color.org) that is set to
/// something, or a terminal without them.
fn environment(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let refuses = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let can = variable("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    can && !refuses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_where_nobody_did() {
        let with = |term: Option<&str>, no_color: Option<&str>| {
            environment(|name| match name {
                "TERM" => term.map(OsString::from),
                "NO_COLOR" => no_color.map(OsString::from),
                _ => None,
            })
        };
        assert!(with(Some("xterm"), None));
        assert!(with(Some("xterm"), Some("")));
        assert!(!with(Some("xterm"), Some("1")));
        assert!(!with(Some("dumb"), None));
        assert!(!with(None, None));
    }

    #[test]
    fn a_file_has_colours_only_if_it_must() {
        let file = Path::new("file");
        assert_eq!(wanted(ColorChoice::Auto, Some(file)), Colour::Plain);
        assert_eq!(wanted(ColorChoice::Never, None), Colour::Plain);
        assert_eq!(wanted(ColorChoice::Always, Some(file)), Colour::Ansi);
    }
}
