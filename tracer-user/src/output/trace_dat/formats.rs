//! What the kernel says of its ring buffer and of the events in it, word for word: readers go by
//! it. `events/header_page`, `events/header_event` and `events/ftrace/*/format` of tracefs, as 6.12
//! with CONFIG_FUNCTION_GRAPH_RETVAL has them.

/// How a page begins.
pub const PAGE_HEADER: &str = "\
\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;
";

/// How an event begins.
pub const EVENT_HEADER: &str = "\
# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
";

/// What all events have in common.
const COMMON: &str = "\
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;
";

/// A kind of event.
pub struct Format {
    /// Its number (`enum trace_type`, kernel/trace/trace.h).
    pub id: u16,
    name: &'static str,
    /// Its own fields, and how it is printed.
    rest: &'static str,
}

impl Format {
    /// As its file in tracefs has it.
    pub fn text(&self) -> String {
        let Self { id, name, rest } = self;
        format!("name: {name}\nID: {id}\nformat:\n{COMMON}\n{rest}")
    }
}

/// A function is entered.
pub const ENTRY: Format = Format {
    id: 11,
    name: "funcgraph_entry",
    rest: "\
\tfield:unsigned long func;\toffset:8;\tsize:8;\tsigned:0;
\tfield:int depth;\toffset:16;\tsize:4;\tsigned:1;

print fmt: \"--> %ps (%d)\", (void *)REC->func, REC->depth
",
};

/// A function returns.
pub const EXIT: Format = Format {
    id: 10,
    name: "funcgraph_exit",
    rest: "\
\tfield:unsigned long func;\toffset:8;\tsize:8;\tsigned:0;
\tfield:unsigned long retval;\toffset:16;\tsize:8;\tsigned:0;
\tfield:int depth;\toffset:24;\tsize:4;\tsigned:1;
\tfield:unsigned int overrun;\toffset:28;\tsize:4;\tsigned:0;
\tfield:unsigned long long calltime;\toffset:32;\tsize:8;\tsigned:0;
\tfield:unsigned long long rettime;\toffset:40;\tsize:8;\tsigned:0;

print fmt: \"<-- %ps (%d) (start: %llx  end: %llx) over: %d retval: %lx\", \
(void *)REC->func, REC->depth, REC->calltime, REC->rettime, REC->depth, REC->retval
",
};

/// A line of text: where events are missing.
pub const PRINT: Format = Format {
    id: 5,
    name: "print",
    rest: "\
\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;
\tfield:char buf[];\toffset:16;\tsize:0;\tsigned:0;

print fmt: \"%ps: %s\", (void *)REC->ip, REC->buf
",
};

/// All kinds of events in the file.
pub const EVENTS: &[Format] = &[ENTRY, EXIT, PRINT];
