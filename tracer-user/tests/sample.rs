//! The recording in `samples/`, of a real kernel, can be read by everybody.

use std::process::Command;

/// Runs tracer on the sample; returns stdout and stderr.
fn tracer(arguments: &[&str]) -> (String, String) {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/sockmap.rec");
    let (command, rest) = arguments.split_first().expect("a command is given");
    let output = Command::new(env!("CARGO_BIN_EXE_tracer"))
        .arg(command)
        .arg(sample)
        .args(rest)
        .output()
        .expect("tracer runs");
    assert!(output.status.success(), "{output:?}");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("names are ASCII");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn it_is_whole_and_has_the_sockmap_path() {
    let (listing, said) = tracer(&["replay", "--graph-opts", "noirqs,args"]);
    assert!(said.contains("20 whole calls, 0 partial"), "{said}");
    assert!(said.contains("0 events lost, 0 gaps"), "{said}");
    assert!(listing.contains("  tcp_bpf_sendmsg(sk=0x"), "{listing}");
    assert!(listing.contains("/* sk_psock_msg_verdict = "), "{listing}");
}

#[test]
fn its_report_has_a_row_for_the_root() {
    let (report, _) = tracer(&["report"]);
    let row = report.lines().find(|line| line.ends_with("__sys_sendto"));
    let calls = row.and_then(|row| row.split_whitespace().next());
    assert_eq!(calls, Some("20"), "{report}");
}
