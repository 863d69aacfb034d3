//! The flame graph, read back as XML.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
mod made_up;

use by_hand::{LOCK, SENDTO, Task, everything, functions, written};
use made_up::calls;
use proptest::prelude::*;
use roxmltree::{Document, Node};
use tracer::{
    model::{End, FunctionId, FunctionInfo, FunctionTable, RootCall},
    output::Format,
    pipeline::{Show, Shown},
};

/// A bar: places and widths in percent, heights in pixels.
#[derive(Debug)]
struct Bar {
    name: String,
    title: String,
    left: f64,
    width: f64,
    top: u32,
}

impl Bar {
    fn right(&self) -> f64 {
        self.left + self.width
    }
}

/// Half of the last decimal, at both ends of two bars.
const NEAR: f64 = 2.1e-5;

fn flame_graph(functions: &FunctionTable, calls: &[RootCall]) -> String {
    let show = Show {
        result: Shown::Each(Format::Svg),
        ..Show::default()
    };
    String::from_utf8(written(&show, functions, calls)).unwrap()
}

fn text_of<'a>(node: Node<'a, 'a>, tag: &str) -> &'a str {
    let found = node
        .descendants()
        .find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", tag)));
    found.and_then(|node| node.text()).unwrap_or_default()
}

fn bars(text: &str) -> Vec<Bar> {
    let document = Document::parse(text).unwrap();
    let all = document.descendants();
    let group = all
        .clone()
        .find(|node| node.attribute("id") == Some("bars"))
        .unwrap();
    let bars = group.children().filter(Node::is_element).map(|bar| {
        let place = bar.children().find(|node| node.has_attribute("x")).unwrap();
        let percent = |name| {
            let text = place.attribute(name).unwrap();
            text.strip_suffix('%').unwrap().parse().unwrap()
        };
        Bar {
            name: text_of(place, "text").to_owned(),
            title: text_of(bar, "title").to_owned(),
            left: percent("x"),
            width: percent("width"),
            top: place.attribute("y").unwrap().parse().unwrap(),
        }
    });
    bars.collect()
}

#[test]
fn bars_say_what_they_are() {
    let bars = bars(&flame_graph(&functions(), &everything()));
    let lines = bars.iter().map(|bar| {
        format!(
            "{:>9.5} {:>9.5} {:>4} {}: {}",
            bar.left, bar.width, bar.top, bar.name, bar.title
        )
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn names_may_have_what_xml_reserves() {
    let name = "operator<<>&amp;\"'\u{1}\u{ffff}]]>";
    let info = FunctionInfo::new(name.to_owned(), None);
    let functions = FunctionTable::new([(FunctionId(SENDTO), info)].into_iter());
    let call = Task::new(1, "any", 0)
        .enter(SENDTO, 0)
        .after(7)
        .leave(SENDTO, 0, 0)
        .end(End::Returned);
    let bars = bars(&flame_graph(&functions, &[call]));
    assert_eq!(bars[0].name, "operator<<>&amp;\"'\\x01\\u{ffff}]]>");
    assert!(bars[0].title.starts_with(&bars[0].name));
}

/// However many paths there are, those that nobody could see cost nothing.
#[test]
fn what_is_too_narrow_is_skipped_and_counted() {
    let call = Task::new(1, "any", 0)
        .enter(SENDTO, 0)
        .enter(LOCK, 1)
        .after(1)
        .leave(LOCK, 1, 0)
        .after(20_000)
        .leave(SENDTO, 0, 0)
        .end(End::Returned);
    let text = flame_graph(&functions(), &[call]);
    assert_eq!(bars(&text).len(), 1);
    assert!(
        text.contains("1 path with less than 0.01% of the time is skipped"),
        "{text}"
    );
}

#[test]
fn nothing_is_a_flame_graph_too() {
    let text = flame_graph(&functions(), &[]);
    assert!(bars(&text).is_empty());
    assert!(text.contains("There is no call of which both ends were seen."));
}

proptest! {
    /// Whole root calls fill the width; each bar lies on one of the level above, and none on its
    /// neighbour.
    #[test]
    fn widths_add_up(calls in calls()) {
        let bars = bars(&flame_graph(&made_up::functions(), &calls));
        let first = bars.iter().map(|bar| bar.top).min().unwrap_or(0);
        let whole: f64 = bars.iter().filter(|bar| bar.top == first).map(|bar| bar.width).sum();
        prop_assert!(bars.is_empty() || (whole - 100.0).abs() < NEAR * 20.0, "{}", whole);
        for bar in bars.iter().filter(|bar| bar.top > first) {
            let mut above = bars.iter().filter(|other| other.top < bar.top && other.top + 20 > bar.top);
            prop_assert!(above.any(|above| bar.left > above.left - NEAR && bar.right() < above.right() + NEAR), "{:?}", bar);
        }
        for (index, bar) in bars.iter().enumerate() {
            let mut others = bars[index + 1..].iter().filter(|other| other.top == bar.top);
            prop_assert!(others.all(|other| other.left > bar.right() - NEAR), "{:?}", bar);
        }
    }
}
