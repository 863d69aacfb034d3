//! The sk_msg programs of the workloads `sockmap` and `tail-calls`.
//!
//! What is sent on a socket of the map goes straight to the receive queue of its peer, if that is
//! in the map too: the path of service meshes that cut the TCP stack short between local processes,
//! and the one that tracer's demonstration shows. A socket's key is its local port in host byte
//! order.
//!
//! The other program goes on in itself, for as long as the kernel lets it, out of an inner
//! function: there the count of tail calls goes through whatever stands between the two.
#![no_std]
#![no_main]
#![allow(
    missing_docs,
    reason = "the attribute macro makes a second, undocumented function"
)]

use aya_ebpf::{
    bindings::{BPF_F_INGRESS, sk_action::SK_PASS, sk_msg_md},
    btf_maps::{Array, ProgramArray, SockHash},
    helpers::bpf_msg_apply_bytes,
    macros::{btf_map, sk_msg},
    programs::SkMsgContext,
};

/// Room for a connection and then some.
const SOCKETS: usize = 16;

#[btf_map]
static PEERS: SockHash<u32, SOCKETS> = SockHash::new();

/// Where [`runs_again`] goes on: in itself.
#[btf_map]
static NEXT: ProgramArray<1> = ProgramArray::new();

/// How often it has run.
#[btf_map]
static RUNS: Array<u64, 1> = Array::new();

/// Redirects a message to the socket at the other end.
#[sk_msg]
pub fn redirect_to_peer(ctx: SkMsgContext) -> u32 {
    // SAFETY: the context is valid while the program runs; the verifier checks the offset.
    let remote_port = unsafe { (*ctx.msg).remote_port };
    // The kernel keeps the 16 bits of the port in network byte order in the upper half of the word
    // (sk_msg_convert_ctx_access, net/core/filter.c); seen as a big-endian number, that is the
    // port.
    let peer = u32::from_be(remote_port);
    // "Pass" means: to the peer if there is one in the map, else the ordinary way
    // (sk_psock_map_verd, include/linux/skmsg.h). The helper's own answer for "no peer" is "drop".
    let _ = PEERS.redirect_msg(&ctx, peer, u64::from(BPF_F_INGRESS));
    SK_PASS
}

/// Runs once more for each tail call that the kernel allows, and lets the message pass.
#[sk_msg]
pub fn runs_again(ctx: SkMsgContext) -> u32 {
    go_on(ctx.msg)
}

#[inline(never)]
fn go_on(msg: *mut sk_msg_md) -> u32 {
    if let Some(runs) = RUNS.get_ptr_mut(0) {
        // SAFETY: the pointer was checked; one task sends.
        unsafe { *runs += 1 };
    }
    // SAFETY: the message is the one that the program was given. The verdict is for no byte beyond
    // it, as it would be without the call, by which a tracer finds the program.
    unsafe { bpf_msg_apply_bytes(msg, 0) };
    // SAFETY: nothing here has to be dropped.
    unsafe { NEXT.tail_call(&SkMsgContext { msg }, 0) };
    SK_PASS
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The redirecting helper is for GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
