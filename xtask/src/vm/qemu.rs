//! The QEMU process: its command line, its connections, and its certain end.
//!
//! The machine is emulated by TCG on one thread. With a thread for each guest CPU, QEMU can execute
//! a breakpoint that the kernel has already patched away, which looks like a bug of the kernel;
//! verdicts must be certain. The process is killed when its [`Machine`] goes, and by the kernel
//! when xtask dies.

use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::termios::{SetArg, tcgetattr, tcsetattr};

use super::VmSpec;
use crate::arch::Arch;
use crate::setup::Emulator;

/// What comes out of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestStream {
    Console,
    Stdout,
    Stderr,
    Control,
}

/// The serial ports in the order of their numbers, and the virtio ports that carry the same.
const SERIAL: [GuestStream; 4] = [
    GuestStream::Console,
    GuestStream::Stdout,
    GuestStream::Stderr,
    GuestStream::Control,
];
const VIRTIO: [(GuestStream, &str); 3] = [
    (GuestStream::Stdout, "stdout"),
    (GuestStream::Stderr, "stderr"),
    (GuestStream::Control, "control"),
];

/// A running guest.
pub struct Machine {
    child: Child,
    /// The host's ends of the guest's channels.
    pub streams: Vec<(GuestStream, UnixStream)>,
}

impl Machine {
    /// Powers a machine on.
    pub fn start(emulator: &Emulator, spec: &VmSpec, archive: &File) -> Result<Self> {
        let mut command = base(emulator, spec, archive);
        command.args(["-display", "none", "-monitor", "none"]);
        let mut streams = Vec::new();
        let mut guest_ends = Vec::new();
        let mut connect = |source, id: &str, command: &mut Command| -> Result<()> {
            let (host, guest) = UnixStream::pair().context("cannot create a socket")?;
            command
                .arg("-chardev")
                .arg(format!("socket,id={id},fd={}", guest.as_raw_fd()));
            streams.push((source, host));
            guest_ends.push(guest);
            Ok(())
        };
        let serial = match emulator.arch {
            Arch::Amd64 => &SERIAL[..],
            // The board has one, and the drivers of virtio ports are in every kernel.
            Arch::Arm64 => &SERIAL[..1],
        };
        for (number, &source) in serial.iter().enumerate() {
            let id = format!("serial{number}");
            connect(source, &id, &mut command)?;
            command.arg("-serial").arg(format!("chardev:{id}"));
        }
        command.args(["-device", "virtio-serial-pci"]);
        for (source, name) in VIRTIO {
            connect(source, name, &mut command)?;
            command
                .arg("-device")
                .arg(format!("virtserialport,chardev={name},name={name}"));
        }
        let inherited = guest_ends
            .iter()
            .map(AsRawFd::as_raw_fd)
            .chain([archive.as_raw_fd()])
            .collect();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        let child = spawn(&mut command, inherited)?;
        Ok(Self { child, streams })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Both fail only if it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a machine whose console is this terminal, until its shell ends.
pub fn interactive(emulator: &Emulator, spec: &VmSpec, archive: &File) -> Result<()> {
    let mut command = base(emulator, spec, archive);
    command.args(["-display", "none", "-serial", "mon:stdio"]);
    let terminal = std::io::stdin();
    // QEMU makes the terminal raw, and cannot undo that when it is killed.
    let before = tcgetattr(&terminal).ok();
    let mut child = spawn(&mut command, vec![archive.as_raw_fd()])?;
    let status = child.wait().context("cannot wait for QEMU")?;
    if let Some(before) = before {
        tcsetattr(&terminal, SetArg::TCSADRAIN, &before).context("cannot restore the terminal")?;
    }
    if !status.success() {
        bail!("QEMU failed ({status})");
    }
    Ok(())
}

/// What every machine has.
fn base(emulator: &Emulator, spec: &VmSpec, archive: &File) -> Command {
    let mut command = Command::new(&emulator.qemu);
    command.args([
        "-nodefaults",
        "-no-reboot",
        "-no-user-config",
        "-accel",
        "tcg,thread=single",
    ]);
    command.args(processor(emulator.arch));
    command.args(["-m", &spec.memory_mib.to_string()]);
    if spec.icount {
        command.args(["-icount", "shift=0,sleep=off"]);
    }
    command.args(["-smp", &spec.smp.to_string()]);
    command.arg("-kernel").arg(&spec.kernel.image);
    command
        .arg("-initrd")
        .arg(format!("/proc/self/fd/{}", archive.as_raw_fd()));
    command
        .arg("-append")
        .arg(kernel_arguments(emulator.arch, spec));
    command
}

/// The processor, and the board that it is on.
const fn processor(arch: Arch) -> &'static [&'static str] {
    match arch {
        // The emulator copies and clears memory byte by byte where the kernel takes `rep movsb` to
        // be fast.
        Arch::Amd64 => &["-cpu", "max,-erms,-fsrm"],
        // Addresses are signed by an algorithm of QEMU's own, which costs next to nothing. Vectors
        // of any length are for nothing here, and are saved at each switch.
        Arch::Arm64 => &[
            "-machine",
            "virt,gic-version=3",
            "-cpu",
            "max,pauth-impdef=on,sve=off",
        ],
    }
}

fn kernel_arguments(arch: Arch, spec: &VmSpec) -> String {
    // Warnings and worse on the console: a serial port is slow, and writing to it takes the guest's
    // time.
    let level = if spec.verbose {
        "ignore_loglevel"
    } else {
        "loglevel=5"
    };
    let machine = match arch {
        // The test of the timer's interrupt counts ticks by a loop, and a busy host gives the guest
        // none in that time: "IO-APIC + timer doesn't work" (timer_irq_works,
        // arch/x86/kernel/apic/io_apic.c; KVM guests leave it out, too).
        Arch::Amd64 => "console=ttyS0 tsc=reliable no_timer_check",
        Arch::Arm64 => "console=ttyAMA0",
    };
    // An Oops ends the machine, a panic does so at once: with -no-reboot, QEMU exits. The emulated
    // TSC is one clock for all CPUs, but a busy host makes the kernel doubt it and fall back to a
    // slow one. The guest's clock is the host's, but its instructions take some twenty times as
    // long as a processor's: what takes a second there (patching the 40,000 functions for the
    // function tracer) took 21 s, the kernel's usual limit for a stall, on a busy host with 6.1. So
    // stalls and lock-ups are told after three times as long.
    let patience = "rcupdate.rcu_cpu_stall_timeout=60 watchdog_thresh=30";
    let hardening = if spec.hardened {
        ""
    } else {
        "mitigations=off init_on_alloc=0"
    };
    let row = spec.kernel.row.and_then(|row| row.arguments.as_deref());
    let row = row.unwrap_or_default();
    format!("{machine} panic=-1 oops=panic {patience} {level} {hardening} {row}")
}

fn spawn(command: &mut Command, inherited: Vec<RawFd>) -> Result<Child> {
    let prepare = move || {
        set_pdeathsig(Signal::SIGKILL)?;
        for &fd in &inherited {
            // SAFETY: the parent keeps these open until the child has been started.
            let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
            fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec this calls prctl and fcntl only, and allocates nothing.
    unsafe { command.pre_exec(prepare) };
    command.spawn().context("cannot start QEMU")
}
