#![allow(clippy::cast_possible_truncation, reason = "small numbers of tests")]

use proptest::prelude::*;

use super::*;

#[test]
fn releases_are_compared_as_numbers() {
    let six_twelve = parse_release("6.12.117+deb13-cloud-amd64").unwrap();
    assert_eq!(
        six_twelve,
        Release {
            major: 6,
            minor: 12
        }
    );
    assert!(parse_release("6.6-rc1").unwrap() < six_twelve);
    assert_eq!(parse_release("linux"), None);
}

#[test]
fn lockdown_is_what_stands_in_brackets() {
    let states = [
        ("[none] integrity confidentiality\n", Lockdown::None),
        ("none [integrity] confidentiality\n", Lockdown::Integrity),
        (
            "none integrity [confidentiality]",
            Lockdown::Confidentiality,
        ),
    ];
    for (text, state) in states {
        assert_eq!(parse_lockdown(text), Some(state));
    }
    assert_eq!(parse_lockdown("none"), None);
    assert_eq!(parse_lockdown("[other]"), None);
}

#[test]
fn capabilities_come_from_the_effective_set() {
    let status = "Name:\ttracer\nCapPrm:\tffffffffffffffff\nCapEff:\t000000c000000000\n";
    let capabilities = parse_capabilities(status).unwrap();
    assert!(capabilities.has(Capability::Bpf));
    assert!(capabilities.has(Capability::Perfmon));
    assert!(!capabilities.has(Capability::SysAdmin));
    assert!(capabilities.allow_tracing());
    assert!(!Capabilities(1 << 39).allow_tracing());
    assert!(Capabilities(1 << 21).allow_tracing());
    assert_eq!(parse_capabilities("CapEff:\tmany"), None);
    assert_eq!(parse_capabilities(""), None);
}

#[test]
fn cpu_lists_have_ranges() {
    assert_eq!(parse_cpu_list("0"), Some(vec![0]));
    assert_eq!(
        parse_cpu_list("0-3,8,10-11"),
        Some(vec![0, 1, 2, 3, 8, 10, 11])
    );
    assert_eq!(parse_cpu_list("2,1-2"), Some(vec![1, 2]));
    for bad in ["", "a", "3-1", "1,,2", "-1", "1-", "99999999"] {
        assert_eq!(parse_cpu_list(bad), None, "{bad}");
    }
}

#[test]
fn all_tasks_are_counted_not_those_that_run() {
    assert_eq!(parse_tasks("0.20 0.18 0.12 1/20080 11206\n"), Some(20080));
    for bad in [
        "",
        "0.20 0.18 0.12",
        "0.20 0.18 0.12 80 11206",
        "a b c 1/x 5",
    ] {
        assert_eq!(parse_tasks(bad), None, "{bad}");
    }
}

#[test]
fn the_build_id_is_found_among_other_notes() {
    let mut notes = Vec::new();
    for (owner, kind, content) in [
        (&b"Xen\0"[..], 3u32, &[1u8, 2, 3][..]),
        (b"GNU\0", 1, &[9; 5]),
        (b"GNU\0", 3, &[0xab; 20]),
    ] {
        notes.extend((owner.len() as u32).to_ne_bytes());
        notes.extend((content.len() as u32).to_ne_bytes());
        notes.extend(kind.to_ne_bytes());
        notes.extend(owner);
        notes.extend(content);
        notes.resize(notes.len().next_multiple_of(4), 0);
    }
    assert_eq!(find_note(&notes, b"GNU\0", 3), Some(&[0xab; 20][..]));
    assert_eq!(find_note(&notes, b"GNU\0", 7), None);
    assert_eq!(find_note(&notes[..notes.len() - 1], b"GNU\0", 3), None);
}

#[test]
fn this_machine_has_facts() {
    assert!(release().unwrap().major >= 3);
    assert!(!possible_cpus().unwrap().is_empty());
    assert!(!online_cpus().unwrap().is_empty());
    assert!(tasks().unwrap() > 0);
    capabilities().unwrap();
    lockdown().unwrap();
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse_release(&text);
        let _ = parse_lockdown(&text);
        let _ = parse_capabilities(&text);
        let _ = parse_cpu_list(&text);
        let _ = parse_tasks(&text);
        let _ = find_note(&bytes, b"GNU\0", 3);
    }
}
