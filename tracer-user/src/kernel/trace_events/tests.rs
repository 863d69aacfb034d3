use super::*;

const LISTED: &str = "sched:sched_waking\nsched:sched_wakeup\ntcp:tcp_probe\nnet:net_dev_xmit\n";

fn found(patterns: &[&str]) -> Result<Vec<&'static str>, String> {
    let patterns: Vec<String> = patterns.iter().map(|&it| it.to_owned()).collect();
    names(LISTED, &patterns).map_err(|error| error.to_string())
}

#[test]
fn names_are_exact_or_globs_of_systems_and_events() {
    assert_eq!(
        found(&["sched:sched_waking"]).unwrap(),
        ["sched:sched_waking"]
    );
    assert_eq!(
        found(&["tcp:*", "net:", "tcp_probe"]).unwrap(),
        ["tcp:tcp_probe", "net:net_dev_xmit"]
    );
    assert_eq!(found(&["sched"]).unwrap().len(), 2);
    assert_eq!(found(&["*:*"]).unwrap().len(), 4);
    // Each once, in the kernel's order.
    assert_eq!(found(&["net:*", "*wak*"]).unwrap().len(), 3);
}

#[test]
fn an_unknown_event_is_answered_with_near_names() {
    assert_eq!(
        found(&["sched:sched_wakng"]).unwrap_err(),
        "no event of the kernel is called `sched:sched_wakng`; did you mean sched:sched_waking, \
         sched:sched_wakeup?"
    );
    assert_eq!(
        found(&["nosuch"]).unwrap_err(),
        "no event of the kernel is called `nosuch`; /sys/kernel/tracing/available_events lists them"
    );
    assert!(found(&["foo:*"]).unwrap_err().contains("matches `foo:*`"));
}

#[test]
fn a_format_becomes_fields() {
    let format = "name: sched_waking\nID: 313\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n\
        \tfield:char comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:0;\n\
        \tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n\
        \tfield:const void * skaddr;\toffset:32;\tsize:8;\tsigned:0;\n\
        \tfield:__u8 saddr[4];\toffset:40;\tsize:4;\tsigned:0;\n\
        \tfield:__data_loc char[] name;\toffset:44;\tsize:4;\tsigned:0;\n\
        \tfield:enum foo state;\toffset:48;\tsize:4;\tsigned:0;\n\n\
        print fmt: \"comm=%s pid=%d\", REC->comm, REC->pid\n";
    let record = parse("sched", format);
    let fields: Vec<_> = record
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.offset, field.bytes, field.kind))
        .collect();
    assert_eq!(
        fields,
        [
            ("comm", 0, 16, RecordFieldKind::Text),
            ("pid", 16, 4, RecordFieldKind::Number { signed: true }),
            ("skaddr", 24, 8, RecordFieldKind::Pointer),
            (
                "saddr",
                32,
                4,
                RecordFieldKind::Numbers {
                    each: 1,
                    signed: false
                }
            ),
            ("name", 36, 4, RecordFieldKind::VariableText),
            ("state", 40, 4, RecordFieldKind::Number { signed: false }),
        ]
    );
    assert_eq!(record.print, "\"comm=%s pid=%d\", REC->comm, REC->pid");
    assert_eq!(record.bytes(), 44);
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "(\tfield:[a-z_*\\[\\] 0-9]{0,30};\toffset:[0-9]{1,12};\tsize:[0-9]{1,3};\tsigned:[01];\n){0,4}\\PC*") {
        let _ = parse("system", &text).bytes();
    }
}
