//! The command that is traced: started before learning, ended with the trace.

use std::{process::Stdio, time::Duration};

use anyhow::{Result, anyhow};
use tokio::process::{Child, Command};

/// Starts a command, if there is one.
pub fn start(command: &[String]) -> Result<Option<Child>> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(None);
    };
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map(Some)
        .map_err(|error| anyhow!("`{program}` cannot be run: {error}"))
}

/// Ends a command that is still running, as perf does.
pub async fn end(child: &mut Option<Child>) {
    let Some(child) = child else { return };
    if let (Ok(None), Some(id)) = (child.try_wait(), child.id()) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(id).unwrap_or(0));
        if pid.as_raw() > 0 {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        }
        let _ = tokio::time::timeout(Duration::from_secs(2), child.wait()).await;
    }
}
