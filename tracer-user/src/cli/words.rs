//! The words of the command line before clap reads them: what `perf ftrace` is asked, asked of
//! tracer.
//!
//! `tracer ftrace ...`, or tracer by the name `perf-ftrace`, takes the words that `perf ftrace`
//! takes: `trace`, `latency`, `profile`, or none of them, which is `trace`. Whatever else is no
//! option is a command to run there, even if tracer has a command of that name. tracer's own words
//! for `trace` are none at all, and `tracer trace` is taken, too. One letter means another thing to
//! perf: `-n` of `latency`.

use std::{ffi::OsString, path::Path};

#[cfg(feature = "live")]
use {
    super::{args::Args, exit::Usage},
    anyhow::{Result, bail},
    clap::CommandFactory as _,
};

/// What tracer is called where it stands for `perf ftrace`.
const LINK: &str = "perf-ftrace";

/// How similar a word must be to the name of a command to be taken for it, by Jaro and Winkler.
#[cfg(feature = "live")]
const SIMILAR: f64 = 0.8;

/// The words as tracer has them. The first is the name of the program.
pub fn translated(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<_> = words.into_iter().collect();
    let is_link = words
        .first()
        .and_then(|name| Path::new(name).file_name())
        .is_some_and(|name| name == LINK);
    let is_perfs = is_link || words.get(1).is_some_and(|word| word == "ftrace");
    if is_perfs && !is_link {
        words.remove(1);
    }
    if is_perfs && words.get(1).is_some_and(|word| word == "latency") {
        return in_nanoseconds(words);
    }
    match words.get(1) {
        Some(word) if word == "trace" => {
            words.remove(1);
        }
        Some(word) if is_perfs && word != "profile" => {}
        _ => return words,
    }
    let is_command = |word: &OsString| !word.to_string_lossy().starts_with('-');
    if words.get(1).is_some_and(is_command) {
        words.insert(1, "--".into());
    }
    words
}

/// Options of `perf ftrace latency` after which a value stands.
const WITH_VALUE: [&str; 17] = [
    "-T",
    "--trace-funcs",
    "-G",
    "--graph-funcs",
    "-e",
    "--events",
    "-p",
    "--pid",
    "--tid",
    "-C",
    "--cpu",
    "-m",
    "--buffer-size",
    "--bucket-range",
    "--min-latency",
    "--max-latency",
    "-o",
];

/// `-n` of `perf ftrace latency` is `--use-nsec`, and to tracer a number of calls. What stands
/// after the command's name is the command's.
fn in_nanoseconds(words: Vec<OsString>) -> Vec<OsString> {
    let mut out = Vec::with_capacity(words.len());
    let mut words = words.into_iter();
    out.extend(words.by_ref().take(2));
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        let letters = text.strip_prefix('-').filter(|letters| !letters.is_empty());
        let Some(letters) = letters.filter(|_| text != "--") else {
            out.push(word);
            break;
        };
        if WITH_VALUE.contains(&&*text) {
            out.push(word);
            out.extend(words.next());
        } else if letters.contains('n') && letters.chars().all(|letter| "abnv".contains(letter)) {
            let each = letters.chars().map(|letter| match letter {
                'n' => "--use-nsec".into(),
                _ => format!("-{letter}").into(),
            });
            out.extend(each);
        } else {
            out.push(word);
        }
    }
    out.extend(words);
    out
}

/// Whether what is to be run is there, if all that was typed is a command: it may be a command of
/// tracer, mistyped.
#[cfg(feature = "live")]
pub fn check(command: &[String]) -> Result<()> {
    let Some(program) = command.first() else {
        return Ok(());
    };
    let Err(error) = which::which(program) else {
        return Ok(());
    };
    let args = Args::command();
    let names = args
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(clap::Command::get_name);
    let nearest = names
        .map(|name| (strsim::jaro_winkler(program, name), name))
        .filter(|&(similarity, _)| similarity > SIMILAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((_, name)) => bail!(Usage(format!(
            "`{program}` is neither a command of tracer nor a program: did you mean `tracer {name}`?"
        ))),
        None => bail!(Usage(format!(
            "`{program}` cannot be run: {error}; `tracer --help` lists tracer's own commands"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_perf_is_asked_is_asked_of_tracer() {
        for (typed, meant) in [
            ("tracer -G f ls", "tracer -G f ls"),
            ("tracer list", "tracer list"),
            ("tracer trace -G f", "tracer -G f"),
            ("tracer trace list", "tracer -- list"),
            ("tracer ftrace", "tracer"),
            ("tracer ftrace -G f ls", "tracer -G f ls"),
            ("tracer ftrace trace -a", "tracer -a"),
            ("tracer ftrace latency -G f", "tracer latency -G f"),
            ("tracer ftrace profile sleep 1", "tracer profile sleep 1"),
            ("tracer ftrace list", "tracer -- list"),
            ("tracer ftrace -- list", "tracer -- list"),
            ("/x/perf-ftrace trace ls -l", "/x/perf-ftrace -- ls -l"),
            ("perf-ftrace top", "perf-ftrace -- top"),
            ("perf-ftrace ftrace", "perf-ftrace -- ftrace"),
            ("tracer latency trace", "tracer latency trace"),
            (
                "tracer ftrace latency -n -T f head -n 1",
                "tracer latency --use-nsec -T f head -n 1",
            ),
            (
                "perf-ftrace latency -T f -bn -p 1 -a -- head -n 1",
                "perf-ftrace latency -T f -b --use-nsec -p 1 -a -- head -n 1",
            ),
            (
                "perf-ftrace latency -T -n --hide-empty ls",
                "perf-ftrace latency -T -n --hide-empty ls",
            ),
            ("tracer latency -n 3 -G f", "tracer latency -n 3 -G f"),
        ] {
            let words = translated(typed.split(' ').map(OsString::from));
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            assert_eq!(words.join(" "), meant, "{typed}");
        }
    }
}
