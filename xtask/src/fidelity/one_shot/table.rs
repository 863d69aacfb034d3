//! The commands that are traced once, one or more of each kind of thing that people look into.
//!
//! Every run of a command does the same work: what it makes is taken away after it, what it needs
//! is made before. Roots go by several names, because the kernel renames its functions.

use std::fmt::Write as _;

use crate::process::quoted;

/// The share of function_graph's own repeatability that tracer's listing has.
const PROMISE: f64 = 0.98;

/// A command and the function to look into.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// As `--only` names it.
    pub name: &'static str,
    /// What it is about.
    pub kind: &'static str,
    /// The first that the kernel can trace is the root.
    pub roots: &'static [&'static str],
    /// What is run, by the shell, before it.
    pub prepare: &'static str,
    /// The program, an applet of busybox, and its arguments.
    pub command: &'static [&'static str],
    /// What is run, by the shell, after it.
    pub clean: &'static str,
    /// Whether the root never returns.
    pub endless: bool,
    /// The least relative recall.
    pub promise: f64,
}

/// What most of them are like.
const USUAL: Case = Case {
    name: "",
    kind: "",
    roots: &[],
    prepare: ":",
    command: &[],
    clean: ":",
    endless: false,
    promise: PROMISE,
};

/// All of them.
pub const CASES: [Case; 17] = [
    Case {
        name: "mkdir",
        kind: "files",
        roots: &["do_mkdirat", "filename_mkdirat"],
        command: &["mkdir", "/tmp/d1"],
        clean: "rmdir /tmp/d1",
        ..USUAL
    },
    // A directory's access time is due at the first call and at no other: by the clock's ticks
    // (current_time, fs/inode.c) it would be so at one call or at two.
    Case {
        name: "ls",
        kind: "files",
        roots: &["iterate_dir"],
        prepare: "touch /run/1 /run/2 /run/3 /run/4 /run/5 /run/6 /run/7 /run/8 /run/9 && \
                  touch -d 200101010000 /run && usleep 20000",
        command: &["ls", "/run"],
        ..USUAL
    },
    Case {
        name: "rm",
        kind: "files",
        roots: &["do_unlinkat", "filename_unlinkat"],
        prepare: "echo x >/tmp/f1",
        command: &["rm", "/tmp/f1"],
        ..USUAL
    },
    Case {
        name: "mv",
        kind: "files",
        roots: &["do_renameat2", "filename_renameat2"],
        prepare: "echo x >/tmp/f1",
        command: &["mv", "/tmp/f1", "/tmp/f2"],
        clean: "rm /tmp/f2",
        ..USUAL
    },
    Case {
        name: "cat",
        kind: "files",
        roots: &["do_sys_openat2"],
        command: &["cat", "/proc/version"],
        ..USUAL
    },
    Case {
        name: "mount",
        kind: "mounts",
        roots: &["path_mount", "do_mount"],
        command: &["mount", "-t", "tmpfs", "x", "/mnt"],
        clean: "umount /mnt",
        ..USUAL
    },
    // tracer's process has more to let go when it becomes another program than a shell has.
    Case {
        name: "exec",
        kind: "processes",
        roots: &["bprm_execve"],
        command: &["true"],
        promise: 0.94,
        ..USUAL
    },
    Case {
        name: "exit",
        kind: "processes",
        roots: &["do_exit"],
        command: &["true"],
        endless: true,
        ..USUAL
    },
    Case {
        name: "fork",
        kind: "processes",
        roots: &["kernel_clone"],
        command: &["sh", "-c", "true & wait"],
        ..USUAL
    },
    Case {
        name: "connect",
        kind: "sockets",
        roots: &["__sys_connect"],
        command: &["nc", "-w1", "127.0.0.1", "9"],
        ..USUAL
    },
    Case {
        name: "ping",
        kind: "sockets",
        roots: &["__sys_sendto"],
        command: &["ping", "-c1", "127.0.0.1"],
        ..USUAL
    },
    Case {
        name: "address",
        kind: "netlink",
        roots: &["rtnetlink_rcv_msg"],
        command: &["ip", "addr", "add", "10.9.8.7/32", "dev", "lo"],
        clean: "ip addr del 10.9.8.7/32 dev lo",
        ..USUAL
    },
    Case {
        name: "sleep",
        kind: "timers",
        roots: &["__x64_sys_clock_nanosleep", "hrtimer_nanosleep"],
        command: &["sleep", "0.1"],
        ..USUAL
    },
    Case {
        name: "kill",
        kind: "signals",
        roots: &["__x64_sys_kill"],
        command: &["sh", "-c", "kill -0 $$"],
        ..USUAL
    },
    Case {
        name: "mmap",
        kind: "memory",
        roots: &["vm_mmap_pgoff"],
        command: &["true"],
        ..USUAL
    },
    Case {
        name: "brk",
        kind: "memory",
        roots: &["__x64_sys_brk"],
        command: &["true"],
        ..USUAL
    },
    Case {
        name: "pipe",
        kind: "pipes",
        roots: &["do_pipe2"],
        command: &["sh", "-c", "true | true"],
        ..USUAL
    },
];

/// The guest's lines for one command; `options` are tracer's.
pub fn script(case: &Case, options: &str) -> String {
    let words: Vec<String> = case.command.iter().copied().map(quoted).collect();
    let mut script = String::new();
    let _ = writeln!(script, "prepare() {{ {}; }}", case.prepare);
    let _ = writeln!(script, "clean() {{ {}; }}", case.clean);
    let _ = writeln!(
        script,
        "compare {} {} {} {}",
        case.name,
        quoted(&case.roots.join(" ")),
        quoted(options),
        words.join(" ")
    );
    script
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_everything_is_there() {
        let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
        for case in &CASES {
            assert!(!case.roots.is_empty() && !case.command.is_empty() && !case.kind.is_empty());
        }
    }

    #[test]
    fn the_shell_gets_the_words_of_the_command() {
        let kill = CASES.iter().find(|case| case.name == "kill").unwrap();
        let script = script(kill, "--learn 0");
        assert!(
            script.ends_with("compare kill __x64_sys_kill '--learn 0' sh -c 'kill -0 $$'\n"),
            "{script}"
        );
    }
}
