//! What was learned of a root before, kept for the next trace.
//!
//! One file for each build of the kernel and each root: plain text, a head, a line `HITS NAME` for
//! each function that ran under the root, and a checksum. It is written anew as a whole and put in
//! place at once, so a reader finds the old one or the new one. What is not exactly as it was
//! written is not used: a plan from another kernel or from half a file is worse than none. A trace
//! of several roots writes what it knows to the file of each: a plan may name too much, which costs
//! probes, rather than too little, which costs parts of the graph.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Where the files are, if the environment does not say otherwise.
const PLACE: &str = "/var/cache/tracer";
/// The variable that says otherwise.
const PLACE_VARIABLE: &str = "TRACER_CACHE_DIR";
/// The first line; the number goes up when the form changes.
const FORM: &str = "tracer plan 1";
/// What stands before the checksum of all lines above it.
const CHECKSUM: &str = "crc32 ";

/// How often functions were seen to run under a root, by name.
pub type Hits = BTreeMap<String, u64>;

/// Why what was kept is of no use, or why nothing is kept.
#[derive(Debug, Error)]
pub enum CacheError {
    /// A file or its directory cannot be used.
    #[error("{path} cannot be {action}: {error}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is not used: {why}")]
    Unfit {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: Unfit,
    },
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unfit {
    /// Not of the form that this version writes.
    #[error("another version of tracer wrote it")]
    Form,
    /// Of another kernel or another root.
    #[error("it is of another kernel or another function")]
    Foreign,
    /// Not as it was written.
    #[error("it is damaged")]
    Damaged,
}

/// The plans of one build of the kernel.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
    build_id: String,
}

impl Cache {
    /// The usual place, or the one that the environment names.
    #[must_use]
    pub fn of(build_id: String) -> Self {
        let place = env::var_os(PLACE_VARIABLE).map_or_else(|| PathBuf::from(PLACE), PathBuf::from);
        Self::at(&place, build_id)
    }

    /// Below a directory of one's own.
    #[must_use]
    pub fn at(place: &Path, build_id: String) -> Self {
        Self {
            directory: place.join(&build_id),
            build_id,
        }
    }

    /// What is known of a root; none if nothing was kept.
    pub fn read(&self, root: &str) -> Result<Option<Hits>, CacheError> {
        let path = self.path(root);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(CacheError::File {
                    action: "read",
                    path,
                    error,
                });
            }
        };
        match parse(&bytes, &self.build_id, root) {
            Ok(hits) => Ok(Some(hits)),
            Err(why) => Err(CacheError::Unfit { path, why }),
        }
    }

    /// Keeps what is known of a root, in place of what was kept before.
    pub fn write(&self, root: &str, hits: &Hits) -> Result<(), CacheError> {
        let path = self.path(root);
        let write = || {
            fs::create_dir_all(&self.directory)?;
            let mut file = tempfile::Builder::new()
                .prefix(".plan-")
                .tempfile_in(&self.directory)?;
            file.write_all(print(&self.build_id, root, hits).as_bytes())?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| CacheError::File {
            action: "written",
            path: path.clone(),
            error,
        })
    }

    fn path(&self, root: &str) -> PathBuf {
        self.directory.join(format!("{root}.plan"))
    }
}

/// The text of a plan.
fn print(build_id: &str, root: &str, hits: &Hits) -> String {
    let mut text = format!("{FORM}\nkernel {build_id}\nroot {root}\n");
    for (name, hits) in hits {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{hits} {name}");
    }
    let checksum = crc32fast::hash(text.as_bytes());
    let _ = writeln!(text, "{CHECKSUM}{checksum:08x}");
    text
}

/// Reads the text of a plan for this kernel and this root.
fn parse(bytes: &[u8], build_id: &str, root: &str) -> Result<Hits, Unfit> {
    let text = str::from_utf8(bytes).map_err(|_| Unfit::Damaged)?;
    let Some(body) = text
        .strip_prefix(FORM)
        .and_then(|rest| rest.strip_prefix('\n'))
    else {
        return Err(Unfit::Form);
    };
    let end = text.rfind(CHECKSUM).ok_or(Unfit::Damaged)?;
    let (above, checksum) = text.split_at(end);
    if checksum != format!("{CHECKSUM}{:08x}\n", crc32fast::hash(above.as_bytes())) {
        return Err(Unfit::Damaged);
    }
    let body = &body[..body.len() - checksum.len()];
    let head = format!("kernel {build_id}\nroot {root}\n");
    let lines = body.strip_prefix(&head).ok_or(Unfit::Foreign)?;
    lines
        .lines()
        .map(|line| {
            let (hits, name) = line.split_once(' ')?;
            Some((name.to_owned(), hits.parse().ok()?))
        })
        .collect::<Option<Hits>>()
        .ok_or(Unfit::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hits() -> impl Strategy<Value = Hits> {
        prop::collection::btree_map("[a-zA-Z_.][a-zA-Z0-9_.]{0,30}", any::<u64>(), 0..40)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(hits in hits()) {
            let text = print("ab12", "f", &hits);
            prop_assert_eq!(parse(text.as_bytes(), "ab12", "f"), Ok(hits));
        }

        /// Half a file, or one with any byte changed, is not used.
        #[test]
        fn damage_is_seen(
            hits in hits(),
            place in any::<prop::sample::Index>(),
            change in 1..=255u8,
        ) {
            let whole = print("ab12", "f", &hits).into_bytes();
            let place = place.index(whole.len());
            prop_assert!(parse(&whole[..place], "ab12", "f").is_err());
            let mut changed = whole;
            changed[place] ^= change;
            prop_assert!(parse(&changed, "ab12", "f").is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&bytes, "ab12", "f").is_err());
        }
    }

    #[test]
    fn what_is_of_another_kernel_or_root_is_not_used() {
        let text = print("ab12", "f", &Hits::from([("g".to_owned(), 3)]));
        assert_eq!(parse(text.as_bytes(), "ab13", "f"), Err(Unfit::Foreign));
        assert_eq!(parse(text.as_bytes(), "ab12", "g"), Err(Unfit::Foreign));
        let newer = text.replacen("plan 1", "plan 2", 1);
        assert_eq!(parse(newer.as_bytes(), "ab12", "f"), Err(Unfit::Form));
    }

    #[test]
    fn files_are_replaced_as_a_whole() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::at(place.path(), "ab12".to_owned());
        assert!(cache.read("f").unwrap().is_none());
        let mut hits = Hits::from([("g".to_owned(), 3)]);
        cache.write("f", &hits).unwrap();
        hits.insert("h".to_owned(), 1);
        cache.write("f", &hits).unwrap();
        assert_eq!(cache.read("f").unwrap(), Some(hits));
        let files = fs::read_dir(place.path().join("ab12")).unwrap().count();
        assert_eq!(files, 1);
        fs::write(place.path().join("ab12/f.plan"), "tracer plan 1\n").unwrap();
        let error = cache.read("f").unwrap_err().to_string();
        assert!(
            error.ends_with("f.plan is not used: it is damaged"),
            "{error}"
        );
        // A file stands where the directory should be.
        let nowhere = Cache::at(&place.path().join("ab12/f.plan"), "ab12".to_owned());
        assert!(
            nowhere
                .write("f", &Hits::new())
                .unwrap_err()
                .to_string()
                .contains("cannot be written")
        );
    }
}
