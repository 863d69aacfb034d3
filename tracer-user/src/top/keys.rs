//! What a key does.

use std::sync::LazyLock;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{
    pattern::Pattern,
    state::{Asks, Page, Prompt, State, Wish},
    tree::Direction,
};

/// The name that a recording gets if nobody types another.
const FILE: &str = "top.rec";
/// Columns that a listing moves sideways at a time.
const SIDEWAYS: usize = 8;

/// The keys, as help shows them.
pub const HELP: &[(&str, &str)] = &[
    (
        "up down, k j",
        "one row; PgUp PgDn: a screen; Home End: the first, the last",
    ),
    (
        "right left, l h",
        "unfold, fold or go up to the caller; in a listing: sideways",
    ),
    (
        "Enter",
        "fold or unfold; in the list of the slowest calls: open one",
    ),
    ("*", "unfold all below, or fold all again"),
    (
        "Tab",
        "the tree, or the slowest root calls of the last minute",
    ),
    (
        "o",
        "root calls that have not returned: their open functions, how long",
    ),
    (
        "/  n  N",
        "search a name, a part of one or a glob; next; previous",
    ),
    (
        "f",
        "only paths with functions whose names match; empty: all",
    ),
    ("s", "sort by total time, rate, average, p99, errors, name"),
    (
        "p, Space",
        "pause: the screen stands still, calls that go by are counted",
    ),
    (
        "w",
        "write the slowest calls, or the open one, into a recording",
    ),
    ("Esc", "back; from the tree: quit"),
    ("q, Ctrl-C", "quit"),
];

/// What the help of the command says of the keys.
pub static IN_WORDS: LazyLock<String> = LazyLock::new(|| {
    let keys = HELP.iter();
    let keys: Vec<String> = keys
        .map(|(keys, meaning)| format!("  {keys:<17} {meaning}"))
        .collect();
    format!("Keys:\n{}", keys.join("\n"))
});

impl State {
    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent) -> Option<Wish> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return (key.code == KeyCode::Char('c')).then_some(Wish::Quit);
        }
        if self.prompt.is_some() {
            return self.typed(key.code);
        }
        self.message.clear();
        if self.helps {
            self.helps = false;
            return (key.code == KeyCode::Char('q')).then_some(Wish::Quit);
        }
        match key.code {
            KeyCode::Char('q') => return Some(Wish::Quit),
            KeyCode::Esc => return self.back(),
            KeyCode::Char('?') => self.helps = true,
            KeyCode::Char('p' | ' ') => self.pause(),
            KeyCode::Char('s') => self.tree.sort = self.tree.sort.next(),
            KeyCode::Char('/') => self.ask(Asks::Search, ""),
            KeyCode::Char('f') => {
                let before = self.tree.filter.as_ref().map(|it| it.text.clone());
                self.ask(Asks::Filter, &before.unwrap_or_default());
            }
            KeyCode::Char('w') if self.to_save().is_empty() => {
                "there is no call to be written yet".clone_into(&mut self.message);
            }
            KeyCode::Char('w') => self.ask(Asks::Save, FILE),
            KeyCode::Char('n') => self.search_on(Direction::Down),
            KeyCode::Char('N') => self.search_on(Direction::Up),
            KeyCode::Char('o') => self.page = Page::Open,
            KeyCode::Tab => {
                self.page = match self.page {
                    Page::Tree => Page::Slowest,
                    Page::Slowest | Page::Call(_) | Page::Open => Page::Tree,
                }
            }
            code => self.on_page(code),
        }
        None
    }

    fn ask(&mut self, asks: Asks, text: &str) {
        let text = text.to_owned();
        self.prompt = Some(Prompt { asks, text });
    }

    fn back(&mut self) -> Option<Wish> {
        match self.page {
            Page::Tree => return Some(Wish::Quit),
            Page::Slowest | Page::Open => self.page = Page::Tree,
            Page::Call(_) => self.page = Page::Slowest,
        }
        None
    }

    /// A key goes to what is being typed.
    fn typed(&mut self, code: KeyCode) -> Option<Wish> {
        let prompt = self.prompt.as_mut()?;
        match code {
            KeyCode::Char(char) => prompt.text.push(char),
            KeyCode::Backspace => {
                prompt.text.pop();
            }
            KeyCode::Esc => self.prompt = None,
            KeyCode::Enter => return self.answered(),
            _ => {}
        }
        None
    }

    fn answered(&mut self) -> Option<Wish> {
        let Prompt { asks, text } = self.prompt.take()?;
        match asks {
            Asks::Search => {
                // Nothing typed: once more what was searched for before.
                self.search = Pattern::new(&text).or_else(|| self.search.take());
                self.search_on(Direction::Down);
            }
            Asks::Filter => {
                self.tree.filter = Pattern::new(&text);
                if self.rows().is_empty() && self.all_calls() > 0 {
                    self.message = format!("no function has `{text}`; f changes the filter");
                }
            }
            Asks::Save if text.trim().is_empty() => {
                "nothing was written: a recording needs a name".clone_into(&mut self.message);
            }
            Asks::Save => {
                let path = text.trim().into();
                let calls = self.to_save();
                return Some(Wish::Save { path, calls });
            }
        }
        None
    }

    fn search_on(&mut self, direction: Direction) {
        let Some(pattern) = self.search.clone() else {
            "nothing to search for: / asks for a name".clone_into(&mut self.message);
            return;
        };
        let found = match &mut self.page {
            Page::Tree => self.tree.search(&self.functions, &pattern, direction),
            Page::Slowest | Page::Open => {
                "the tree and an open call can be searched".clone_into(&mut self.message);
                return;
            }
            Page::Call(open) => {
                let all = open.lines.len();
                let from = |step| match direction {
                    Direction::Down => (open.line + step) % all,
                    Direction::Up => (open.line + all - step) % all,
                };
                let found = (1..=all)
                    .map(from)
                    .find(|&line| pattern.matches(&open.lines[line]));
                open.line = found.unwrap_or(open.line);
                found.is_some()
            }
        };
        if !found {
            self.message = format!("`{}` is nowhere here", pattern.text);
        }
    }

    fn on_page(&mut self, code: KeyCode) {
        let height = self.room.0.max(1);
        match &mut self.page {
            Page::Tree => self.in_tree(code, height),
            Page::Slowest => {
                let all = self.recent.calls().len();
                if code == KeyCode::Enter {
                    self.open();
                } else if let Some(place) = moved(code, self.slowest, all, height) {
                    self.slowest = place;
                }
            }
            Page::Open => {
                let lines = self.open_lines().len();
                let place = moved(code, self.open_line, lines, height);
                self.open_line = place.unwrap_or(self.open_line);
            }
            Page::Call(open) => match code {
                KeyCode::Right | KeyCode::Char('l') => open.column += SIDEWAYS,
                KeyCode::Left | KeyCode::Char('h') => {
                    open.column = open.column.saturating_sub(SIDEWAYS);
                }
                _ => {
                    let place = moved(code, open.line, open.lines.len(), height);
                    open.line = place.unwrap_or(open.line);
                }
            },
        }
    }

    fn in_tree(&mut self, code: KeyCode, height: usize) {
        let rows = self.rows();
        match code {
            KeyCode::Right | KeyCode::Char('l' | '+') => self.tree.unfold(&rows),
            KeyCode::Left | KeyCode::Char('h' | '-') => self.tree.fold(&rows),
            KeyCode::Enter => self.tree.turn(&rows),
            KeyCode::Char('*') => self.tree.turn_all(&rows),
            _ => {
                let cursor = self.tree.cursor(&rows);
                if let Some(place) = moved(code, cursor, rows.len(), height) {
                    self.tree.put_cursor(&rows, place);
                }
            }
        }
    }
}

/// Where a key moves a cursor among so many rows; none if it is no key for that.
fn moved(code: KeyCode, at: usize, all: usize, height: usize) -> Option<usize> {
    let place = match code {
        KeyCode::Down | KeyCode::Char('j') => at + 1,
        KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
        KeyCode::PageDown => at + height,
        KeyCode::PageUp => at.saturating_sub(height),
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => all,
        _ => return None,
    };
    Some(place.min(all.saturating_sub(1)))
}
