//! What the system knows about UDP sockets: who is bound, and how many datagrams found no room in a buffer.

use std::fs;

/// A UDP socket of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UdpSocket {
    /// Its own port.
    pub(crate) port: u16,
    /// The port that it is connected to; 0 where it is not.
    pub(crate) peer_port: u16,
    /// Datagrams that were for it and found its buffer full.
    pub(crate) drops: u64,
}

/// All of them, over IPv4 and IPv6; none where the system does not tell.
pub(crate) fn udp_sockets() -> Vec<UdpSocket> {
    let files = ["/proc/self/net/udp", "/proc/self/net/udp6"];
    let texts = files.map(|file| fs::read_to_string(file).unwrap_or_default());
    let lines = texts.iter().flat_map(|text| text.lines());
    lines.filter_map(parsed).collect()
}

/// A line of the table, as `/proc/net/udp` has it: addresses and ports in hexadecimal, and the drops at the end. The first line has names.
fn parsed(line: &str) -> Option<UdpSocket> {
    let mut words = line.split_whitespace();
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    let local = words.nth(1)?;
    let remote = words.next()?;
    Some(UdpSocket {
        port: port(local)?,
        peer_port: port(remote)?,
        drops: words.last()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_system_is_read() {
        let line = "12343: 0100007F:D3B9 0100007F:B471 01 00000000:00000000 00:00000000 00000000     0        0 67849 2 00000000972427c3 17";
        let socket = UdpSocket {
            port: 0xd3b9,
            peer_port: 0xb471,
            drops: 17,
        };
        assert_eq!(parsed(line), Some(socket));
        for none in [
            "",
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
        ] {
            assert_eq!(parsed(none), None);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_of_this_program_is_seen() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let port = socket.local_addr().expect("it is bound").port();
        assert!(udp_sockets().iter().any(|one| one.port == port));
    }
}
