//! Has the kernel encrypt what goes over a connection (kTLS): `tls_sw_sendmsg` in the module `tls`
//! then comes before TCP.

use std::net::TcpStream;

use anyhow::{Context as _, Result};
use nix::sys::socket::{
    setsockopt,
    sockopt::{TcpTlsRx, TcpTlsTx, TcpUlp, TlsCryptoInfo},
};

/// Makes what the sender sends go encrypted to the reader. Nobody else is to be kept from reading
/// it, so the key is all zeros.
pub(super) fn encrypt(sender: &TcpStream, reader: &TcpStream) -> Result<()> {
    for socket in [sender, reader] {
        setsockopt(socket, TcpUlp::default(), b"tls").context(
            "the kernel does not encrypt; it needs CONFIG_TLS, and as a module that must be found \
            by modprobe",
        )?;
    }
    let cipher = TlsCryptoInfo::Aes128Gcm(libc::tls12_crypto_info_aes_gcm_128 {
        info: libc::tls_crypto_info {
            version: libc::TLS_1_2_VERSION,
            cipher_type: libc::TLS_CIPHER_AES_GCM_128,
        },
        iv: Default::default(),
        key: Default::default(),
        salt: Default::default(),
        rec_seq: Default::default(),
    });
    let refused = "the kernel has no AES-GCM; it needs CONFIG_CRYPTO_GCM";
    setsockopt(sender, TcpTlsTx, &cipher).context(refused)?;
    setsockopt(reader, TcpTlsRx, &cipher).context(refused)
}
