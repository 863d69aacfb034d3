//! The command that is traced: made at once, held before its first instruction until the trace is
//! armed, ended with it.
//!
//! `std` makes the process and waits until `exec` has gone well, which says so through a pipe of
//! its own. So it waits on a thread of its own, while the new process tells its number through one
//! pipe and waits at another. If tracer goes away, that pipe closes, and the process ends without
//! having run anything.

use std::{
    io::{self, PipeReader, PipeWriter, Read as _, Write as _},
    os::fd::{AsRawFd as _, RawFd},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::{errno::Errno, sys::signal, unistd};
use tokio::{
    process::{Child, Command},
    task::JoinHandle,
};

use super::limits::FileLimit;

/// When a command begins to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// When everything it does is traced.
    #[default]
    WhenArmed,
    /// At once, so that it can be learned from before.
    AtOnce,
}

/// What a command reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Streams {
    /// What tracer does.
    #[default]
    Shared,
    /// Nothing: the terminal is for something else.
    Nothing,
}

/// A command that is to be traced.
pub enum Subject {
    /// It is there but has not run.
    Held(Held),
    /// It runs.
    Running(Child),
}

impl Subject {
    /// Makes the process of a command, if there is one. It gets the limit of files that tracer was
    /// started with.
    pub fn start(
        command: &[String],
        begin: Begin,
        streams: Streams,
        limit: FileLimit,
    ) -> Result<Option<Self>> {
        let Some((program, arguments)) = command.split_first() else {
            return Ok(None);
        };
        // What is not there at all is said before anything is set up.
        if let Err(error) = which::which(program) {
            bail!("`{program}` cannot be run: {error}");
        }
        let mut command = Command::new(program);
        command.args(arguments).kill_on_drop(true);
        let stream = || match streams {
            Streams::Shared => Stdio::inherit(),
            Streams::Nothing => Stdio::null(),
        };
        command.stdin(stream()).stdout(stream()).stderr(stream());
        // SAFETY: `restore` makes a system call and nothing else, which a process may do between
        // fork and exec.
        unsafe { command.pre_exec(move || Ok(limit.restore()?)) };
        let subject = match begin {
            Begin::WhenArmed => Self::Held(Held::new(command, program)?),
            Begin::AtOnce => {
                Self::Running(command.spawn().map_err(|error| cannot(program, &error))?)
            }
        };
        Ok(Some(subject))
    }

    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Held(held) => Some(held.pid),
            Self::Running(child) => child.id(),
        }
    }

    /// Its process, if it has not run yet.
    pub const fn held(&self) -> Option<u32> {
        match self {
            Self::Held(held) => Some(held.pid),
            Self::Running(_) => None,
        }
    }

    /// The child that runs; one that is held ends here.
    pub fn running(self) -> Option<Child> {
        match self {
            Self::Held(_) => None,
            Self::Running(child) => Some(child),
        }
    }

    /// Lets it run.
    pub async fn release(self) -> Result<Child> {
        match self {
            Self::Held(held) => held.release().await,
            Self::Running(child) => Ok(child),
        }
    }
}

/// A process that waits before its first instruction. Dropping it ends the process.
pub struct Held {
    pid: u32,
    program: String,
    gate: PipeWriter,
    child: JoinHandle<io::Result<Child>>,
}

impl Held {
    fn new(mut command: Command, program: &str) -> Result<Self> {
        let pipes = || io::pipe().context("a pipe cannot be made");
        let (mut number, tell) = pipes()?;
        let (wait, gate) = pipes()?;
        let other_end = gate.as_raw_fd();
        // SAFETY: `hold` makes system calls and nothing else, which a process may do between fork
        // and exec.
        unsafe { command.pre_exec(move || Ok(hold(&tell, &wait, other_end)?)) };
        let child = tokio::task::spawn_blocking(move || command.spawn());
        let mut pid = [0; 4];
        number
            .read_exact(&mut pid)
            .map_err(|error| cannot(program, &error))?;
        Ok(Self {
            pid: u32::from_ne_bytes(pid),
            program: program.to_owned(),
            gate,
            child,
        })
    }

    async fn release(mut self) -> Result<Child> {
        // If it is gone already, the result below says why.
        let _ = self.gate.write_all(&[1]);
        drop(self.gate);
        let child = self.child.await.context("the command's thread is gone")?;
        child.map_err(|error| cannot(&self.program, &error))
    }
}

/// In the new process: tells its number and waits for a byte, or for the end of tracer.
fn hold(tell: &PipeWriter, wait: &PipeReader, other_end: RawFd) -> Result<(), Errno> {
    // Its own copy would keep the pipe open when tracer has gone.
    // SAFETY: nothing else in this process uses the descriptor: it becomes another program or ends.
    unsafe { libc::close(other_end) };
    unistd::write(tell, &unistd::getpid().as_raw().to_ne_bytes())?;
    let mut byte = [0];
    loop {
        match unistd::read(wait, &mut byte) {
            Ok(1) => return Ok(()),
            // An error would be told to tracer by `std`, which aborts where nobody listens.
            // SAFETY: the process ends here, and nothing is to be cleaned up in it.
            Ok(_) => unsafe { libc::_exit(0) },
            // A signal that tracer handles for itself.
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

fn cannot(program: &str, error: &io::Error) -> anyhow::Error {
    anyhow!("`{program}` cannot be run: {error}")
}

/// Ends a command that is still running, as perf does.
pub async fn end(child: &mut Option<Child>) {
    let Some(child) = child else { return };
    if let (Ok(None), Some(id)) = (child.try_wait(), child.id()) {
        let pid = unistd::Pid::from_raw(i32::try_from(id).unwrap_or(0));
        if pid.as_raw() > 0 {
            let _ = signal::kill(pid, signal::Signal::SIGTERM);
        }
        let _ = tokio::time::timeout(Duration::from_secs(2), child.wait()).await;
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::resource::{Resource, getrlimit};

    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    fn start(command: &[String]) -> Result<Option<Subject>> {
        Subject::start(
            command,
            Begin::WhenArmed,
            Streams::Shared,
            FileLimit::raise(),
        )
    }

    #[tokio::test]
    async fn one_without_streams_leaves_the_terminal_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mark = directory.path().join("mark");
        let script = format!("readlink /proc/self/fd/0 /proc/$$/fd/2 >{}", mark.display());
        let subject = Subject::start(
            &shell(&script),
            Begin::AtOnce,
            Streams::Nothing,
            FileLimit::raise(),
        );
        let mut child = subject.unwrap().unwrap().running().unwrap();
        assert!(child.wait().await.unwrap().success());
        let streams = std::fs::read_to_string(mark).unwrap();
        assert_eq!(streams, "/dev/null\n/dev/null\n");
    }

    /// Whether a process is there, other than as a corpse.
    fn runs(pid: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        !stat.is_empty() && !state.starts_with('Z')
    }

    #[tokio::test]
    async fn it_waits_until_it_is_let_go() {
        let directory = tempfile::tempdir().unwrap();
        let mark = directory.path().join("mark");
        let script = format!("echo $$ >{}; exit 3", mark.display());
        let subject = start(&shell(&script)).unwrap().unwrap();
        let pid = subject.pid().unwrap();
        assert!(subject.held() == Some(pid) && runs(pid));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!mark.exists());
        let mut child = subject.release().await.unwrap();
        assert_eq!(child.id(), Some(pid));
        assert_eq!(child.wait().await.unwrap().code(), Some(3));
        assert_eq!(std::fs::read_to_string(mark).unwrap(), format!("{pid}\n"));
    }

    #[tokio::test]
    async fn one_that_is_not_let_go_ends_without_having_run() {
        let directory = tempfile::tempdir().unwrap();
        let mark = directory.path().join("mark");
        let script = format!("touch {}", mark.display());
        let subject = start(&shell(&script)).unwrap().unwrap();
        let pid = subject.pid().unwrap();
        drop(subject);
        while runs(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!mark.exists());
    }

    /// An error is told to tracer by `std`, which aborts with words on stderr if tracer is gone.
    #[tokio::test]
    async fn one_that_is_not_let_go_has_nothing_to_say() {
        let subject = start(&shell("exit 3")).unwrap().unwrap();
        let Subject::Held(Held { gate, child, .. }) = subject else {
            panic!("it is not held");
        };
        drop(gate);
        let mut child = child.await.unwrap().unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
    }

    /// tracer's own limit is raised, and the command does not see that.
    #[tokio::test]
    async fn it_has_the_limit_that_tracer_was_started_with() {
        const LIMITED: &str = "TRACER_TEST_LIMITED";
        if std::env::var_os(LIMITED).is_none() {
            // Limits are the whole process's, so this test runs again in one of its own.
            let name = "session::command::tests::it_has_the_limit_that_tracer_was_started_with";
            let test = std::env::current_exe().unwrap();
            let script = format!(
                "ulimit -Sn 60; ulimit -Hn 70; exec {} {name}",
                test.display()
            );
            let status = std::process::Command::new("sh")
                .args(["-c", &script])
                .env(LIMITED, "1")
                .status();
            assert!(status.unwrap().success());
            return;
        }
        let limit = FileLimit::raise();
        let own = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert!(own.0 >= 70, "{own:?}");
        for begin in [Begin::AtOnce, Begin::WhenArmed] {
            let directory = tempfile::tempdir().unwrap();
            let mark = directory.path().join("mark");
            let script = format!("(ulimit -Sn; ulimit -Hn) >{}", mark.display());
            let subject = Subject::start(&shell(&script), begin, Streams::Shared, limit);
            let mut child = subject.unwrap().unwrap().release().await.unwrap();
            assert!(child.wait().await.unwrap().success());
            assert_eq!(std::fs::read_to_string(mark).unwrap(), "60\n70\n");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_run_says_so() {
        let missing = start(&["no-such-command".to_owned()]);
        let error = missing.err().unwrap().to_string();
        assert!(
            error.starts_with("`no-such-command` cannot be run: "),
            "{error}"
        );
        // It is there, but not what it needs: only exec finds out.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nothing");
        std::fs::write(&path, "#!/nowhere\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        let command = [path.to_str().unwrap().to_owned()];
        let subject = start(&command).unwrap().unwrap();
        let error = subject.release().await.err().unwrap().to_string();
        assert!(error.contains("cannot be run: "), "{error}");
    }
}
