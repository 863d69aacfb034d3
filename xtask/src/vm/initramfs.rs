//! The guest's whole userspace: a newc archive with busybox, `tracer`, a terminal for its tests,
//! the files that were asked for, and the command.
//!
//! It is made in memory for each boot and handed to QEMU as an anonymous file, so that nothing is
//! left behind.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use cpio::newc::{Builder, ModeFileType, trailer};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{GuestFile, VmSpec};
use crate::setup::Emulator;
use crate::workspace;

const INIT: &str = include_str!("init.sh");

/// Mount points and the like.
const DIRECTORIES: [&str; 8] = ["dev", "proc", "sys", "tmp", "run", "root", "etc", "modules"];

/// What init does once the machine is usable.
pub enum Job<'a> {
    /// Runs the command, and marks its end with the token.
    Command {
        token: &'a str,
    },
    Shell,
}

/// Makes the archive.
pub fn build(emulator: &Emulator, spec: &VmSpec, job: &Job) -> Result<fs::File> {
    let mut archive = Archive::new()?;
    for name in DIRECTORIES {
        archive.directory(name)?;
    }
    archive.data("init", 0o755, INIT.as_bytes())?;
    archive.file("bin/busybox", &emulator.busybox)?;
    archive.file("bin/tracer", &workspace::tracer(emulator.arch))?;
    archive.file(
        "bin/tracer-terminal",
        &workspace::built_for_guests(emulator.arch).join("tracer-terminal"),
    )?;
    for (position, module) in spec.kernel.modules.iter().enumerate() {
        // init loads them in the order of their names, and uncompresses those called so.
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        archive.file(&format!("modules/{position:02}-{name}"), module)?;
    }
    for module in &spec.kernel.loadable {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        archive.file(
            &format!("lib/modules/{}/{name}", spec.kernel.release),
            module,
        )?;
    }
    for GuestFile {
        source,
        destination,
    } in &spec.files
    {
        archive.tree(destination.trim_start_matches('/'), source)?;
    }
    match job {
        Job::Command { token } => {
            archive.data("etc/command", 0o644, &script(spec))?;
            archive.data("etc/token", 0o644, format!("{token}\n").as_bytes())?;
        }
        Job::Shell => archive.data("etc/shell", 0o644, b"")?,
    }
    archive.finish()
}

/// The command as a line of shell that passes every argument on exactly as it is.
fn script(spec: &VmSpec) -> Vec<u8> {
    let mut line = b"exec".to_vec();
    for word in &spec.command {
        line.extend_from_slice(b" '");
        for &byte in word.as_bytes() {
            match byte {
                b'\'' => line.extend_from_slice(br"'\''"),
                other => line.push(other),
            }
        }
        line.push(b'\'');
    }
    line.push(b'\n');
    line
}

/// A newc archive in memory that knows which directories it has.
struct Archive {
    file: fs::File,
    entries: u32,
    directories: BTreeSet<String>,
}

impl Archive {
    fn new() -> Result<Self> {
        let memory = memfd_create("initramfs", MFdFlags::MFD_CLOEXEC)
            .context("cannot create a file in memory")?;
        Ok(Self {
            file: memory.into(),
            entries: 0,
            directories: BTreeSet::new(),
        })
    }

    fn data(&mut self, name: &str, permissions: u32, contents: &[u8]) -> Result<()> {
        self.entry(name, ModeFileType::Regular, permissions, contents)
    }

    fn file(&mut self, name: &str, source: &Path) -> Result<()> {
        let context = || format!("cannot read {}", source.display());
        let permissions = source
            .metadata()
            .with_context(context)?
            .permissions()
            .mode()
            & 0o777;
        self.data(name, permissions, &fs::read(source).with_context(context)?)
    }

    fn link(&mut self, name: &str, target: &str) -> Result<()> {
        self.entry(name, ModeFileType::Symlink, 0o777, target.as_bytes())
    }

    fn directory(&mut self, name: &str) -> Result<()> {
        if name.is_empty() || !self.directories.insert(name.to_owned()) {
            return Ok(());
        }
        self.entry(name, ModeFileType::Directory, 0o755, b"")
    }

    /// A file or all that is below a directory, where links stay links.
    fn tree(&mut self, name: &str, source: &Path) -> Result<()> {
        if !source.is_dir() {
            return self.file(name, source);
        }
        self.directory(name)?;
        for entry in
            fs::read_dir(source).with_context(|| format!("cannot read {}", source.display()))?
        {
            let entry = entry?;
            let Some(child) = entry
                .file_name()
                .to_str()
                .map(|child| format!("{name}/{child}").trim_start_matches('/').to_owned())
            else {
                bail!("{} has no name in UTF-8", entry.path().display());
            };
            if entry.file_type()?.is_symlink() {
                let target = fs::read_link(entry.path())?;
                let target = target.to_str().with_context(|| {
                    format!("{} leads to no name in UTF-8", entry.path().display())
                })?;
                self.link(&child, target)?;
            } else {
                self.tree(&child, &entry.path())?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        name: &str,
        kind: ModeFileType,
        permissions: u32,
        contents: &[u8],
    ) -> Result<()> {
        // The kernel drops what lies in a directory that has not come before.
        if let Some((parent, _)) = name.rsplit_once('/') {
            let ancestors: Vec<_> = parent
                .match_indices('/')
                .map(|(end, _)| &parent[..end])
                .collect();
            for directory in ancestors.into_iter().chain([parent]) {
                self.directory(directory)?;
            }
        }
        self.entries += 1;
        let size = u32::try_from(contents.len())
            .with_context(|| format!("{name} is too large for a guest"))?;
        let header = Builder::new(name)
            .ino(self.entries)
            .mode(permissions)
            .nlink(1)
            .set_mode_file_type(kind);
        let mut writer = header.write(&mut self.file, size);
        writer.write_all(contents)?;
        writer.finish().context("cannot write the initramfs")?;
        Ok(())
    }

    fn finish(mut self) -> Result<fs::File> {
        trailer(&mut self.file).context("cannot write the initramfs")?;
        self.file.rewind()?;
        Ok(self.file)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::setup::Kernel;

    #[test]
    fn arguments_survive_the_shell() {
        let kernel = Kernel {
            row: None,
            name: String::new(),
            release: String::new(),
            image: "k".into(),
            modules: Vec::new(),
            loadable: Vec::new(),
        };
        let nasty = [
            "printf",
            "%s|",
            "a b",
            "it's",
            "$HOME",
            "",
            "new\nline",
            "\\",
        ];
        let spec = VmSpec::new(kernel, nasty.iter().map(Into::into).collect());
        let script = script(&spec);
        let shell = Command::new("sh")
            .arg("-c")
            .arg(std::ffi::OsStr::from_bytes(&script))
            .output();
        let printed = shell.expect("there is a shell").stdout;
        assert_eq!(
            String::from_utf8_lossy(&printed),
            "a b|it's|$HOME||new\nline|\\|"
        );
    }
}
