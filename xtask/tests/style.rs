//! What rustfmt leaves alone: comments are at most 100 columns wide, as code is.

use std::{fs, path::Path, process::Command};

const WIDEST: usize = 100;

#[test]
fn comments_are_as_narrow_as_code() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let listed = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(workspace)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.lines().count() > 100, "git lists {listed}");
    let mut wide = Vec::new();
    for file in listed.lines() {
        // One that was removed and is not committed yet is listed, too.
        let Ok(text) = fs::read_to_string(workspace.join(file)) else {
            continue;
        };
        for (number, line) in (1..).zip(text.lines()) {
            if is_comment(line) && line.chars().count() > WIDEST {
                wide.push(format!("{file}:{number}"));
            }
        }
    }
    assert!(wide.is_empty(), "wider than {WIDEST} columns: {wide:#?}");
}

/// An address cannot be broken.
fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//") && !line.contains("http")
}
