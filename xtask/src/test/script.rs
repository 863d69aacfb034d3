//! What a live test says of itself, in comments of its script.
//!
//! `# limit: SECONDS` allows it more or less than three minutes. `# only on KERNEL, KERNEL: WHY`
//! has it run on those kernels alone where one of them is of the matrix, because the others would
//! say nothing new; on the others it runs if it is asked for by `--kernel`. `# only when named` is
//! for one that takes long: it runs with `--only` and its whole name.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::say;
use crate::workspace;

/// What a test may take, if it does not say.
const LIMIT: Duration = Duration::from_mins(3);

/// A script.
pub struct Script {
    pub name: String,
    pub limit: Duration,
    only_on: Option<OnlyOn>,
}

/// These kernels are enough.
struct OnlyOn {
    kernels: Vec<String>,
    why: String,
}

impl Script {
    /// Whether it runs on `kernel` of a matrix.
    pub fn runs_on(&self, kernel: &str, matrix: &[&str]) -> bool {
        self.only_on(matrix)
            .is_none_or(|(only, _)| only.iter().any(|it| it == kernel))
    }

    /// The kernels that it runs on, and why, if it does not run on all of a matrix.
    pub fn only_on(&self, matrix: &[&str]) -> Option<(&[String], &str)> {
        let only = self.only_on.as_ref()?;
        let is_there = only
            .kernels
            .iter()
            .any(|kernel| matrix.contains(&kernel.as_str()));
        (is_there && matrix.len() > 1).then_some((&only.kernels, &only.why))
    }

    fn read(name: String, text: &str) -> Result<Self> {
        Ok(Self {
            name,
            limit: limit(text)?,
            only_on: only_on(text)?,
        })
    }
}

/// The scripts whose name contains `only`, in the order of their names.
pub fn find(only: Option<&str>) -> Result<Vec<Script>> {
    let dir = workspace::live_tests();
    let mut scripts = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let Some(name) = script_name(&path) else {
            continue;
        };
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if is_wanted(&name, &text, only) {
            scripts.push(Script::read(name, &text).with_context(|| path.display().to_string())?);
        } else if only.is_none() {
            say(format!("{name} runs only when named: --only {name}"));
        }
    }
    if scripts.is_empty() {
        bail!(
            "no live test has {:?} in its name",
            only.unwrap_or_default()
        );
    }
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scripts)
}

fn script_name(path: &Path) -> Option<String> {
    path.file_name()?
        .to_str()?
        .strip_suffix(".sh")
        .map(str::to_owned)
}

fn is_wanted(name: &str, text: &str, only: Option<&str>) -> bool {
    if text.lines().any(|line| line == "# only when named") {
        return only == Some(name);
    }
    only.is_none_or(|only| name.contains(only))
}

fn limit(text: &str) -> Result<Duration> {
    let Some(limit) = comment(text, "# limit: ") else {
        return Ok(LIMIT);
    };
    let seconds = limit
        .trim()
        .parse()
        .with_context(|| format!("limit {limit}"))?;
    Ok(Duration::from_secs(seconds))
}

fn only_on(text: &str) -> Result<Option<OnlyOn>> {
    let Some(words) = comment(text, "# only on ") else {
        return Ok(None);
    };
    let (kernels, why) = words
        .split_once(": ")
        .with_context(|| format!("`only on {words}` does not say why"))?;
    Ok(Some(OnlyOn {
        kernels: kernels.split(", ").map(str::to_owned).collect(),
        why: why.to_owned(),
    }))
}

fn comment<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_runs_only_when_named() {
        let long = "# Kills.\n# only when named\n";
        assert!(!is_wanted("kills_often", long, None));
        assert!(!is_wanted("kills_often", long, Some("kills")));
        assert!(is_wanted("kills_often", long, Some("kills_often")));
        assert!(is_wanted("kills", "# Kills.\n", None));
        assert!(is_wanted("kills", "# Kills.\n", Some("kill")));
    }

    #[test]
    fn a_script_says_how_long_it_may_take() {
        assert_eq!(limit("# Words.\n").unwrap(), LIMIT);
        assert_eq!(limit("# limit: 240\n").unwrap(), Duration::from_mins(4));
        assert!(limit("# limit: long\n").is_err());
    }

    #[test]
    fn one_kernel_is_enough_where_it_is_there() {
        let read = |text| Script::read("top".to_owned(), text);
        let everywhere = read("# Words.\n").unwrap();
        assert!(everywhere.runs_on("6.1", &["6.1", "6.12"]));
        let one = read("# Words.\n# only on 6.12: screens\n").unwrap();
        let (kernels, why) = one.only_on(&["6.1", "6.12"]).unwrap();
        assert_eq!((kernels, why), (&["6.12".to_owned()][..], "screens"));
        assert!(one.runs_on("6.12", &["6.1", "6.12"]));
        assert!(!one.runs_on("6.1", &["6.1", "6.12"]));
        assert!(one.runs_on("6.1", &["6.1"]) && one.runs_on("7.3", &["6.1", "7.3"]));
        let two = read("# only on 6.1, 7.3: ways\n").unwrap();
        let matrix = ["6.1", "6.12", "7.3"];
        assert!(two.runs_on("6.1", &matrix) && two.runs_on("7.3", &matrix));
        assert!(!two.runs_on("6.12", &matrix));
        assert!(!two.runs_on("6.12", &["6.1", "6.12"]));
        assert!(read("# only on 6.12\n").is_err());
    }
}
