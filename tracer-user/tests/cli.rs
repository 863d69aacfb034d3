//! The command line from outside: help, and what is refused before the kernel is asked anything.

use std::process::{Command, Stdio};

/// Runs `tracer` with these arguments; gives its exit status, stdout and stderr as one text.
fn tracer(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tracer"))
        .args(arguments)
        // Help is wrapped at the width of the terminal, of which there is none.
        .env("COLUMNS", "100")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .output()
        .expect("tracer was built with its tests");
    let status = output
        .status
        .code()
        .map_or("none".to_owned(), |code| code.to_string());
    let part = |name: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if text.is_empty() {
            text
        } else {
            format!("--- {name}\n{text}")
        }
    };
    format!(
        "exit status {status}\n{}{}",
        part("stdout", &output.stdout),
        part("stderr", &output.stderr)
    )
}

#[test]
fn help() {
    insta::assert_snapshot!(tracer(&["--help"]));
}

#[test]
fn help_of_the_subcommands() {
    for name in [
        "latency",
        "profile",
        "top",
        "stuck",
        "record",
        "replay",
        "report",
        "graph",
        "diff",
        "explain",
        "split",
        "demo",
        "list",
        "check",
        "workload",
        "completions",
    ] {
        insta::assert_snapshot!(format!("help_{name}"), tracer(&[name, "--help"]));
    }
}

#[test]
fn version() {
    insta::assert_snapshot!(tracer(&["--version"]));
}

/// One sentence, exit status 2, or 7 for a recording, nothing on stdout.
#[test]
fn what_cannot_be_typed() {
    let wrong: &[&[&str]] = &[
        &[],
        &["-G", "f", "--graph-opts", "retaddr=1"],
        &["-G", "f", "--graph-opts", "noirqs,thresh=0"],
        &["-G", "f", "--graph-opts", "thresh=18446744073709551615"],
        &["-G", "f", "--graph-opts", "nonsense"],
        &["-G", "f", "--graph-opts", "depth"],
        &["-G", "f", "--graph-opts", "depth=0"],
        &["-G", "f", "--ring-size", "5"],
        &["-G", "f", "--ring-size", "2"],
        &["-G", "f", "--cgroup", "/nowhere"],
        &["-G", "f", "--cgroup", "/proc"],
        &[
            "-G", "f", "--comm", "a", "--comm", "b", "--comm", "c", "--comm", "d", "--comm", "e",
        ],
        &["-G", "f", "--inherit"],
        &["-G", "f", "--no-inherit", "-p", "1"],
        &["-G", "f", "--inherit", "--no-inherit", "--", "true"],
        &["-G", "f", "-C", "x"],
        &["-G", "f", "-C", ""],
        &["chekc"],
        &["latncy", "-G", "f"],
        &["no-such-program", "-a"],
        &["ftrace", "no-such-program"],
        &["top"],
        &["top", "-G", "f"],
        &["top", "/dev/null"],
        &["record", "-o", "/nowhere/file"],
        &["replay", "/nowhere/file"],
        &["replay", "/dev/null"],
        &["replay", "/proc/version"],
        &["replay", "/proc"],
        &["replay", "--graph-opts", "nonsense", "/dev/null"],
    ];
    let all: Vec<String> = wrong
        .iter()
        .map(|arguments| format!("$ tracer {}\n{}", arguments.join(" "), tracer(arguments)))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

/// What clap refuses comes with its hints.
#[test]
fn what_clap_refuses() {
    let wrong: &[&[&str]] = &[
        &["--nonsense"],
        &["-G"],
        &["-G", "f", "--duration", "soon"],
        &["-G", "f", "--duration", "5 parsecs"],
        &["-G", "f", "-n", "many"],
        &["-G", "f", "-p", "init"],
        &["-G", "f", "-p", "0"],
        &["-G", "f", "-p", "1,init"],
        &["-G", "f", "--tid", "1,,2"],
        &["-G", "f", "-m", "64"],
        &["-G", "f", "-m", "2G"],
        &["-G", "f", "-m", "4K", "--ring-size", "4"],
        &["-G", "f", "-D", "soon"],
        &["-G", "f", "--graph-depth", "0"],
        &["-G", "f", "-t", "function"],
        &["-G", "f", "-t", "nop"],
        &["-G", "f", "--comm", "a-name-of-16-byt"],
        &["-G", "f", "--slower-than", "much"],
        &["-G", "f", "--returns", "seven"],
        &["-G", "f", "--returns"],
        &["-G", "f", "--otlp", "collector:4318"],
        &["-G", "f", "--otlp", "https://collector:4318"],
        &["-G", "f", "--prometheus", "localhost:9464"],
        &["record", "-G", "f"],
        &["top", "-G", "f", "file"],
        &["replay"],
        &["replay", "-G", "f", "file"],
        &["workload", "sctp"],
        &["workload"],
        &["demo", "-G", "f"],
        &["-G", "f", "-T", "g"],
        &["-G", "f", "--trace-funcs=g"],
        &["-G", "f", "-N", "g"],
        &["--func-opts", "call-graph", "ls"],
        &["-K", "ls"],
        &["--max-graph-depth", "3", "ls"],
        &["-Z", "ls"],
        &["replay", "-T", "file"],
        &["profile", "-G", "f", "-D", "5"],
        &["ftrace", "latency", "-b", "-T", "f", "-e", "a,b"],
        &["profile", "-b", "8192"],
    ];
    let all: Vec<String> = wrong
        .iter()
        .map(|arguments| format!("$ tracer {}\n{}", arguments.join(" "), tracer(arguments)))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

/// The sub-commands that help lists.
fn subcommands() -> Vec<String> {
    let help = tracer(&["--help"]);
    let (_, rest) = help.split_once("Commands:\n").expect("help has commands");
    let lines = rest.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|&name| name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn completions_know_every_command() {
    let names = subcommands();
    assert!(names.len() > 10, "{names:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = tracer(&["completions", shell]);
        assert!(script.starts_with("exit status 0"), "{shell}");
        assert!(script.contains("slower-than"), "{shell}");
        for name in &names {
            assert!(script.contains(name.as_str()), "{shell}: {name}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let directory = tempfile::tempdir().expect("there is room for files");
    let path = directory.path().join("man");
    let said = tracer(&["man", path.to_str().expect("a name in ASCII")]);
    assert_eq!(said, "exit status 0\n");
    let page = |name: &str| std::fs::read_to_string(path.join(name)).expect("it was written");
    assert!(page("tracer.1").contains("slower"));
    for name in subcommands() {
        let page = page(&format!("tracer-{name}.1"));
        assert!(
            page.starts_with(".ie") && page.contains(".SH SYNOPSIS"),
            "{name}"
        );
    }
    let said = tracer(&["man", "/proc/nowhere"]);
    assert!(
        said.starts_with("exit status 6\n--- stderr\ntracer: the manual pages cannot be written"),
        "{said}"
    );
}
