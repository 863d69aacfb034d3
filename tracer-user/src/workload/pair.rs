//! Two sockets that are connected to each other on this machine.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
};

/// A TCP connection over loopback; a send goes out at once, however small.
pub(super) fn tcp() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let own = client.local_addr()?;
    // Others may connect to the port as well; theirs are let go.
    let server = loop {
        let (server, peer) = listener.accept()?;
        if peer == own {
            break server;
        }
    };
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
    }
    Ok((client, server))
}

/// Two UDP sockets over loopback, each connected to the other.
pub(super) fn udp() -> io::Result<(UdpSocket, UdpSocket)> {
    let first = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let second = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    first.connect(second.local_addr()?)?;
    second.connect(first.local_addr()?)?;
    Ok((first, second))
}

/// Two Unix stream sockets.
pub(super) fn unix() -> io::Result<(UnixStream, UnixStream)> {
    UnixStream::pair()
}
