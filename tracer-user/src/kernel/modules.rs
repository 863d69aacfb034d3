//! Which modules are loaded, and which the host could load.

use std::{collections::BTreeMap, fs, io};

/// Each loaded module with its state and where it begins (`m_show`, kernel/module/procfs.c).
const LOADED: &str = "/proc/modules";
/// Where the files of a kernel's modules are.
const INSTALLED: &str = "/lib/modules";

/// The modules that are ready, by name, each with where it begins: one that was unloaded and loaded
/// again may begin elsewhere. One that is being set up has code that goes when that is done.
pub fn loaded() -> io::Result<BTreeMap<String, String>> {
    Ok(parse(&fs::read_to_string(LOADED)?))
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let ready = text.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let name = words.next()?;
        let (state, start) = (words.nth(3)?, words.next()?);
        (state == "Live").then(|| (name.to_owned(), start.to_owned()))
    });
    ready.collect()
}

/// Whether a kernel of that release has a file of that module, as far as that is known: where
/// nothing says which modules there are, it may.
#[must_use]
pub fn may_be_loaded(release: &str, module: &str) -> bool {
    let list = format!("{INSTALLED}/{release}/modules.dep");
    fs::read_to_string(list).map_or(true, |list| has_file(&list, module))
}

/// Whether a list of files with what they depend on, as depmod(8) writes it, has the module's.
fn has_file(list: &str, module: &str) -> bool {
    let plain = |name: &str| name.replace('-', "_");
    list.lines().any(|line| {
        let path = line.split(':').next().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        let name = file.split_once(".ko").map(|(name, _)| name);
        name.is_some_and(|name| plain(name) == plain(module))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_set_up_is_not_there_yet() {
        let text = "tls 155648 1 - Live 0xffffffffc0a00000\n\
            dummy 16384 0 - Loading 0xffffffffc0b00000\n\
            veth 45056 0 - Unloading 0xffffffffc0c00000 (OE)\n";
        let loaded = parse(text);
        assert_eq!(loaded.len(), 1);
        assert_eq!(loaded["tls"], "0xffffffffc0a00000");
    }

    #[test]
    fn a_file_may_have_dashes_and_be_packed() {
        let list = "kernel/crypto/ghash-generic.ko.xz: kernel/crypto/gf128mul.ko.xz\ntls.ko:\n";
        assert!(has_file(list, "ghash_generic") && has_file(list, "tls"));
        assert!(!has_file(list, "gf128mul") && !has_file(list, "tl"));
    }
}
