//! What each file of a crate names: the paths that begin at the crate's root, read from its tokens
//! in code, in `use` or elsewhere, in tests too.
//!
//! A path by `super`, `self` or the name of a module below the file is one from the root, too. What
//! a macro names by `$crate` belongs to those who use the macro, and is not read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path from the root of its crate: modules, then perhaps an item.
pub type Names = Vec<String>;

/// What each file below `source` names. `bin` has crates of its own.
pub fn read(source: &Path) -> BTreeMap<String, BTreeSet<Names>> {
    let mut files = Vec::new();
    list(source, &mut files);
    let mut all = BTreeMap::new();
    for file in files {
        let name = file.strip_prefix(source).unwrap().to_str().unwrap();
        if !name.starts_with("bin/") {
            let text = fs::read_to_string(&file).unwrap();
            all.insert(name.to_owned(), named(&text, &module(name)));
        }
    }
    all
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The module that a file is: `[graph, open]` for `graph/open.rs`, `[graph]` for `graph/mod.rs`,
/// nothing for the root.
pub fn module(file: &str) -> Names {
    let mut names: Names = file
        .trim_end_matches(".rs")
        .split('/')
        .map(Into::into)
        .collect();
    if ["mod", "lib", "main"].contains(&names.last().unwrap().as_str()) {
        names.pop();
    }
    names
}

/// What a text names that is the module `module`.
pub fn named(text: &str, module: &[String]) -> BTreeSet<Names> {
    let mut found = BTreeSet::new();
    walk(text.parse().unwrap(), module, &mut found);
    found
}

fn walk(tokens: TokenStream, module: &[String], found: &mut BTreeSet<Names>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let below: BTreeSet<String> = tokens.windows(2).filter_map(declared).collect();
    let mut at = 0;
    while at < tokens.len() {
        let begins_path = at == 0 || !is_mark(tokens.get(at - 1), ':');
        match &tokens[at] {
            TokenTree::Group(group) => {
                let mut inner = module.to_vec();
                if let Some(name) = at.checked_sub(2).and_then(|at| declared(&tokens[at..])) {
                    inner.push(name);
                }
                walk(group.stream(), &inner, found);
            }
            TokenTree::Ident(word) if begins_path => {
                let word = word.to_string();
                let is_macros = at > 0 && is_mark(tokens.get(at - 1), '$');
                let from = match word.as_str() {
                    "crate" if !is_macros => Some(Vec::new()),
                    "self" => Some(module.to_vec()),
                    "super" => Some(up(module)),
                    _ if below.contains(&word) => Some([module, &[word]].concat()),
                    _ => None,
                };
                if let (Some(from), Some(next)) = (from, after_colons(&tokens, at + 1)) {
                    at = tree(&tokens, next, from, found);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The module that is declared where these tokens begin.
fn declared(tokens: &[TokenTree]) -> Option<String> {
    match tokens {
        [TokenTree::Ident(word), TokenTree::Ident(name), ..] if word == "mod" => {
            Some(name.to_string())
        }
        _ => None,
    }
}

fn up(module: &[String]) -> Names {
    module[..module.len().saturating_sub(1)].to_vec()
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == mark)
}

/// Where a path goes on whose `::` is at `at`.
fn after_colons(tokens: &[TokenTree], at: usize) -> Option<usize> {
    (is_mark(tokens.get(at), ':') && is_mark(tokens.get(at + 1), ':')).then_some(at + 2)
}

/// Collects what a path names that has come to `from`; returns where it ends.
fn tree(tokens: &[TokenTree], at: usize, mut from: Names, found: &mut BTreeSet<Names>) -> usize {
    match tokens.get(at) {
        Some(TokenTree::Ident(word)) => {
            match word.to_string().as_str() {
                "self" => {}
                "super" => from = up(&from),
                name => from.push(name.to_owned()),
            }
            if let Some(next) = after_colons(tokens, at + 1) {
                return tree(tokens, next, from, found);
            }
            found.insert(from);
            at + 1
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            for part in inner.split(|token| is_mark(Some(token), ',')) {
                if !part.is_empty() {
                    tree(part, 0, from.clone(), found);
                }
            }
            at + 1
        }
        // All of a module, or the parameters of an item.
        _ => {
            found.insert(from);
            at
        }
    }
}
