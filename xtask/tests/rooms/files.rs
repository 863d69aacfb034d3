//! No files of the eBPF side, or of what both sides share, use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::{source, uses};

/// Which files use which others. A path is of the file whose module is named last in it.
fn graph(package: &str) -> BTreeMap<String, BTreeSet<String>> {
    let all = uses::read(&source(package));
    let files: BTreeMap<uses::Names, &String> =
        all.keys().map(|file| (uses::module(file), file)).collect();
    let file_of = |names: &[String]| {
        let mut ends = (0..=names.len()).rev();
        ends.find_map(|end| files.get(&names[..end]))
    };
    let used = |file: &String, named: &BTreeSet<uses::Names>| {
        let others = named.iter().filter_map(|names| file_of(names));
        others
            .filter(|other| **other != file)
            .map(|other| (*other).clone())
            .collect()
    };
    all.iter()
        .map(|(file, named)| (file.clone(), used(file, named)))
        .collect()
}

/// Takes away what uses none of what is left, and what none of it uses, until circles are left.
pub fn reduce_to_circles<T: Ord + Clone>(graph: &mut BTreeMap<T, BTreeSet<T>>) {
    loop {
        let before = graph.len();
        let left: BTreeSet<T> = graph.keys().cloned().collect();
        for used in graph.values_mut() {
            used.retain(|used| left.contains(used));
        }
        let below: BTreeSet<T> = graph.values().flatten().cloned().collect();
        graph.retain(|one, used| !used.is_empty() && below.contains(one));
        if graph.len() == before {
            break;
        }
    }
}

#[test]
fn files_are_in_no_circle() {
    for (package, least) in [("tracer-ebpf", 40), ("tracer-common", 10)] {
        let mut graph = graph(package);
        assert!(graph.len() >= least, "{} files in {package}", graph.len());
        assert!(
            graph.values().flatten().count() > 5,
            "nothing used in {package}"
        );
        reduce_to_circles(&mut graph);
        assert!(
            graph.is_empty(),
            "files of {package} in a circle: {graph:#?}"
        );
    }
}

#[test]
fn a_circle_is_found() {
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::from([
        ("above", BTreeSet::from(["one"])),
        ("one", BTreeSet::from(["other", "below"])),
        ("other", BTreeSet::from(["one"])),
        ("below", BTreeSet::new()),
    ]);
    reduce_to_circles(&mut graph);
    assert_eq!(graph.into_keys().collect::<Vec<_>>(), ["one", "other"]);
}
