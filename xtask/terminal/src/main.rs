//! Drives a program on a terminal, step by step: `tracer-terminal COLUMNS LINES SCRIPT --
//! COMMAND...`.
//!
//! A script has a step on each line:
//!
//! | step | |
//! | --- | --- |
//! | `see TEXT` | waits until the screen has it |
//! | `miss TEXT` | waits until it has not |
//! | `key KEYS` | types; `\n`, `\t`, `\e`, `\c` stand for Enter, Tab, Esc and Ctrl-C |
//! | `size COLUMNS LINES` | makes the terminal of this size |
//! | `signal NAME` | sends a signal, such as `SIGTERM` |
//! | `show` | prints the screen, as it is when nothing more comes |
//! | `hang-up STATUS` | hangs up, and waits until the program ends with this status |
//! | `end STATUS` | waits until the program ends with this status and the terminal is as it was |
//!
//! Exit status 0 if all steps could be taken; else 1, with what could not on stderr.

use std::{env, fs, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};
use tracer_terminal::Terminal;

/// How long something is waited for: a script's caller has a limit of its own.
const LIMIT: Duration = Duration::from_mins(2);

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1);
    let mut next = |what| {
        arguments
            .next()
            .with_context(|| format!("{what} is missing"))
    };
    let number = |text: std::ffi::OsString| -> Result<u16> {
        text.to_str()
            .and_then(|text| text.parse().ok())
            .context("a size is no number")
    };
    let columns = number(next("the number of columns")?)?;
    let lines = number(next("the number of lines")?)?;
    let script = fs::read_to_string(next("the script")?).context("the script cannot be read")?;
    next("--")?;
    let mut command = Command::new(next("the command")?);
    command.args(arguments);
    let mut terminal = Some(Terminal::start(command, columns, lines)?);
    for step in script.lines().filter(|line| !line.trim().is_empty()) {
        terminal = take(step, terminal).with_context(|| format!("step `{step}`"))?;
    }
    Ok(())
}

/// Takes a step. The terminal is gone when the program has ended.
fn take(step: &str, terminal: Option<Terminal>) -> Result<Option<Terminal>> {
    let mut terminal = terminal.context("the program has ended")?;
    let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
    match verb {
        "see" => terminal.see(rest, LIMIT)?,
        "miss" => terminal.miss(rest, LIMIT)?,
        "key" => terminal.keys(&typed(rest))?,
        "size" => {
            let sizes = rest.split_once(' ').context("a size has two numbers")?;
            terminal.resize(sizes.0.parse()?, sizes.1.parse()?)?;
        }
        "signal" => terminal.signal(rest.parse()?)?,
        "show" => println!("{}", terminal.settled()?),
        "end" => {
            let (end, terminal) = terminal.end(LIMIT)?;
            let screen = terminal.screen();
            if !end.had_screen || !end.not_restored.is_empty() {
                bail!("the terminal is not as it was: {end:?}\n{screen}");
            }
            if end.status.code() != Some(rest.parse()?) {
                bail!("it ended with {}\n{screen}", end.status);
            }
            println!("{screen}");
            return Ok(None);
        }
        "hang-up" => {
            let status = terminal.hang_up(LIMIT)?;
            if status.code() != Some(rest.parse()?) {
                bail!("it ended with {status}");
            }
            return Ok(None);
        }
        _ => bail!("there is no such step"),
    }
    Ok(Some(terminal))
}

fn typed(text: &str) -> Vec<u8> {
    let text = text.replace("\\n", "\r").replace("\\t", "\t");
    text.replace("\\e", "\x1b")
        .replace("\\c", "\x03")
        .into_bytes()
}
