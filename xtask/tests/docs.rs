//! The documentation holds together: links lead somewhere, pages are in the book, options are
//! named.
//!
//! Files that are moved and headings that are reworded break links silently, and an option that the
//! reference lacks is one that nobody finds. What is read is what GitHub and mdBook read: the files
//! themselves, by a parser of Markdown, and the snapshots that hold `tracer --help`.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Pages outside of the book.
const PAGES: [&str; 4] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
];

/// A page, as far as links go.
#[derive(Debug, Default)]
struct Page {
    /// Where its links and pictures lead, as written.
    links: Vec<String>,
    /// The anchors of its headings.
    anchors: BTreeSet<String>,
    /// The source files that it names, with a folder.
    sources: Vec<String>,
}

impl Page {
    fn of(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            if let Event::Code(words) = &event
                && words.contains('/')
                && words.ends_with(".rs")
            {
                page.sources.push(words.to_string());
            }
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.add_anchor(&anchor(&heading.take().unwrap_or_default()));
                }
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                }
                _ => {}
            }
        }
        page
    }

    fn read(path: &Path) -> Self {
        Self::of(&read(path))
    }

    /// A heading that stands twice has a number at its second anchor.
    fn add_anchor(&mut self, anchor: &str) {
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let mut names = std::iter::once(anchor.to_owned()).chain(numbered);
        let free = names.find(|name| !self.anchors.contains(name));
        self.anchors.extend(free);
    }

    /// Its links that lead nowhere; the page lies at `path`.
    fn broken(&self, path: &Path) -> Vec<String> {
        let is_broken = |link: &&String| !leads_somewhere(path, link, self);
        self.links.iter().filter(is_broken).cloned().collect()
    }
}

/// The anchor of a heading, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let words: String = heading.to_lowercase().chars().filter(kept).collect();
    words.replace(' ', "-")
}

/// Whether a link of the page at `path` does. What is elsewhere is not asked.
fn leads_somewhere(path: &Path, link: &str, page: &Page) -> bool {
    if link.contains("://") || link.starts_with("mailto:") {
        return true;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = path.parent().unwrap().join(file);
    if anchor.is_empty() {
        return target.exists();
    }
    if file.is_empty() {
        return page.anchors.contains(anchor);
    }
    target.is_file() && Page::read(&target).anchors.contains(anchor)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a directory whose names `are_wanted`.
fn files(directory: &str, are_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(directory)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| are_wanted(&path.file_name().unwrap().to_string_lossy()));
    files.sort();
    files
}

fn book() -> Vec<PathBuf> {
    files("docs", |name| {
        Path::new(name).extension().is_some_and(|it| it == "md")
    })
}

#[test]
fn links_lead_somewhere() {
    let outside = PAGES.map(|page| root().join(page));
    let mut broken = Vec::new();
    for path in book().into_iter().chain(outside) {
        let links = Page::read(&path).broken(&path);
        broken.extend(
            links
                .into_iter()
                .map(|link| format!("{}: {link}", path.display())),
        );
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The folder says which file is meant, with or without the crate's. The log of benchmarks is of
/// its time.
#[test]
fn source_files_are_where_pages_say() {
    let listed = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root())
        .output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let is_there = |named: &String| {
        let end = format!("/{named}");
        listed
            .lines()
            .any(|file| file == named || file.ends_with(&end))
    };
    let mut missing = Vec::new();
    for path in book() {
        if path.ends_with("benchmarks-log.md") {
            continue;
        }
        let sources = Page::read(&path).sources.into_iter();
        let gone = sources.filter(|named| !named.contains('*') && !is_there(named));
        missing.extend(gone.map(|named| format!("{}: {named}", path.display())));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A book is copied to where the rest of the repository is not.
#[test]
fn the_book_does_not_leave_itself() {
    for path in book() {
        let links = Page::read(&path).links;
        let leaves = links.iter().find(|link| link.starts_with("../"));
        assert_eq!(leaves, None, "{}", path.display());
    }
}

#[test]
fn every_page_is_in_the_book() {
    let summary = Page::read(&root().join("docs/SUMMARY.md"));
    let named: BTreeSet<&str> = summary.links.iter().map(String::as_str).collect();
    for path in book() {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(
            name == "SUMMARY.md" || named.contains(&*name),
            "docs/SUMMARY.md lacks {name}"
        );
    }
}

/// The long options in a text.
fn options(text: &str) -> BTreeSet<&str> {
    text.match_indices("--")
        .filter(|(at, _)| !text[..*at].ends_with(['-', '|']))
        .map(|(at, dashes)| {
            let name = &text[at + dashes.len()..];
            let end = name.find(|c: char| !c.is_ascii_lowercase() && c != '-');
            &name[..end.unwrap_or(name.len())]
        })
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

#[test]
fn the_reference_has_every_option() {
    let reference = read(&root().join("docs/reference.md"));
    let mut known = options(&reference);
    known.extend(["help", "version"]);
    let helps = files("tracer-user/tests/snapshots", |name| {
        name.starts_with("cli__help")
    });
    assert!(helps.len() > 10, "{helps:?}");
    let mut unnamed = BTreeSet::new();
    for help in helps.iter().map(|path| read(path)) {
        // What stands at the beginning of a line is what can be typed; the rest is prose.
        let lines = help.lines().map(str::trim_start);
        let typed = lines.filter(|line| line.starts_with('-') && !line.starts_with("---"));
        let typed = typed.flat_map(options).filter(|name| !known.contains(name));
        unnamed.extend(typed.map(str::to_owned));
    }
    assert!(unnamed.is_empty(), "docs/reference.md lacks {unnamed:?}");
}

#[test]
fn anchors_are_those_of_github() {
    let page = Page::of("# What is skipped, and why\n## `--format` twice\n## --format twice\n");
    let anchors: Vec<&str> = page.anchors.iter().map(String::as_str).collect();
    let made = [
        "--format-twice",
        "--format-twice-1",
        "what-is-skipped-and-why",
    ];
    assert_eq!(anchors, made);
}

#[test]
fn what_leads_nowhere_is_found() {
    let text = "# One\n[a](#one) [b](#two) [c](README.md) ![d](nothing.png) [e](https://f)\n\
                `[g](h)` [i](docs/limits.md#nothing)\n\n    [j](k)\n";
    let broken = Page::of(text).broken(&root().join("page.md"));
    assert_eq!(broken, ["#two", "nothing.png", "docs/limits.md#nothing"]);
}

#[test]
fn options_are_told_from_dashes() {
    let text = "| --- | `-o`, `--output FILE` a -- b --no-cache, --color";
    let found: Vec<&str> = options(text).into_iter().collect();
    assert_eq!(found, ["color", "no-cache", "output"]);
}
