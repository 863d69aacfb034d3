//! The two kernel functions that a kprobe.session program calls, as the object file has them.
//!
//! Neither aya nor the linker knows calls of kernel functions, so the program calls helpers with these numbers, which the kernel does not have;
//! userspace replaces each by the call that is meant before it loads the program.

/// Stands for `bpf_session_is_return` (kernel/trace/bpf_trace.c).
pub const SESSION_IS_RETURN: i32 = 0x7472_0001;
/// Stands for `bpf_session_cookie` (kernel/trace/bpf_trace.c).
pub const SESSION_COOKIE: i32 = 0x7472_0002;
