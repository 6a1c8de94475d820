//! Servers of datagrams that do something wrong, in a known way.

use std::net::UdpSocket;
use std::thread;

use socketserver::Endpoint;

/// What a server of datagrams sends to whom it has heard from.
pub(crate) enum Reply {
    /// This, from where it listens.
    Same(Vec<u8>),
    /// This, from another port.
    FromElsewhere(Vec<u8>),
}

/// A server of datagrams, which runs `react` for each with its number, counted from zero, until the test ends.
pub(crate) fn datagrams(
    mut react: impl FnMut(usize, Vec<u8>) -> Vec<Reply> + Send + 'static,
) -> Endpoint {
    let (socket, endpoint) = datagram_socket();
    let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        for number in 0.. {
            let Ok((count, peer)) = socket.recv_from(&mut buffer) else {
                return;
            };
            for reply in react(number, buffer[..count].to_vec()) {
                // Whoever has gone needs no answer.
                let _ = match reply {
                    Reply::Same(bytes) => socket.send_to(&bytes, peer),
                    Reply::FromElsewhere(bytes) => elsewhere.send_to(&bytes, peer),
                };
            }
        }
    });
    endpoint
}

/// A server of datagrams that answers so many and then is no more.
pub(crate) fn datagrams_until(count: usize) -> Endpoint {
    let (socket, endpoint) = datagram_socket();
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        for _ in 0..count {
            let (length, peer) = socket.recv_from(&mut buffer).expect("a client speaks");
            let _ = socket.send_to(&buffer[..length], peer);
        }
    });
    endpoint
}

fn datagram_socket() -> (UdpSocket, Endpoint) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = socket.local_addr().expect("it is bound").port();
    let host = "127.0.0.1".to_owned();
    (socket, Endpoint::Udp { host, port })
}
