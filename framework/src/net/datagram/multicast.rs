//! Multicast groups, as people write them and as sockets join them.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use socket2::Socket;

use crate::net::Address;

/// A group whose datagrams a socket receives, and the interface where it listens for them.
///
/// A group of IPv4 is written `239.1.2.3`, or `239.1.2.3@192.0.2.1` with the address of an interface; a group of IPv6 `ff15::1`, or
/// `ff15::1%2` with the number of an interface. Without one the system chooses (`IP_ADD_MEMBERSHIP`, ip(7)).
///
/// ```
/// use socketserver::MulticastGroup;
///
/// let group: MulticastGroup = "239.1.2.3@127.0.0.1".parse()?;
/// assert_eq!(group.address().to_string(), "239.1.2.3");
/// assert!("192.0.2.1".parse::<MulticastGroup>().is_err(), "this address is one machine's");
/// # Ok::<(), socketserver::MulticastError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MulticastGroup(Membership);

/// Through which interface datagrams to a group leave: for IPv4 the address of the interface, for IPv6 its number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MulticastInterface {
    /// The interface with this IPv4 address.
    Address(Ipv4Addr),
    /// The interface with this number, for IPv6.
    Number(u32),
}

/// A text is not a multicast group, or not an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MulticastError {
    text: String,
    what: &'static str,
    problem: &'static str,
}

/// To the system, the unspecified address and the number zero mean that it may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Membership {
    V4 {
        group: Ipv4Addr,
        interface: Ipv4Addr,
    },
    V6 {
        group: Ipv6Addr,
        interface: u32,
    },
}

impl MulticastGroup {
    /// The address of the group.
    pub fn address(&self) -> IpAddr {
        match self.0 {
            Membership::V4 { group, .. } => group.into(),
            Membership::V6 { group, .. } => group.into(),
        }
    }

    /// Has a socket that is bound to this address receive what is sent to the group.
    pub(super) fn join(&self, socket: &Socket, local: &Address) -> io::Result<()> {
        self.check_family(local)?;
        self.check_reach(local)?;
        match &self.0 {
            Membership::V4 { group, interface } => socket.join_multicast_v4(group, interface),
            Membership::V6 { group, interface } => socket.join_multicast_v6(group, *interface),
        }
        .map_err(|error| self.explain("join", &error))
    }

    /// Has it receive this no more.
    pub(super) fn leave(&self, socket: &Socket, local: &Address) -> io::Result<()> {
        self.check_family(local)?;
        match &self.0 {
            Membership::V4 { group, interface } => socket.leave_multicast_v4(group, interface),
            Membership::V6 { group, interface } => socket.leave_multicast_v6(group, *interface),
        }
        .map_err(|error| self.explain("leave", &error))
    }

    /// The system would join a group of the other family for some sockets, which then would never receive anything.
    fn check_family(&self, local: &Address) -> io::Result<()> {
        let family = match &self.0 {
            Membership::V4 { .. } => "IPv4",
            Membership::V6 { .. } => "IPv6",
        };
        match (local, &self.0) {
            (Address::Udp(local), Membership::V4 { .. }) if local.is_ipv4() => Ok(()),
            (Address::Udp(local), Membership::V6 { .. }) if local.is_ipv6() => Ok(()),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "the multicast group {self} needs a UDP socket with an {family} address, and this one is bound to {local}"
                ),
            )),
        }
    }

    /// The system would let a socket join that is bound to an address of its own, and then deliver nothing to it, since what is sent to a group is not sent
    /// to that address.
    fn check_reach(&self, local: &Address) -> io::Result<()> {
        match local.socket_addr().map(|local| local.ip()) {
            Some(ip) if !ip.is_unspecified() && !ip.is_multicast() => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "what is sent to the multicast group {self} does not come to a socket that is bound to {ip} alone: bind it to all addresses or to the group"
                ),
            )),
            _ => Ok(()),
        }
    }

    fn explain(&self, what: &str, error: &io::Error) -> io::Error {
        let cause = crate::error::cause_of(error);
        io::Error::new(
            error.kind(),
            format!("cannot {what} the multicast group {self}: {cause}"),
        )
    }
}

impl MulticastInterface {
    /// Has datagrams to groups leave through this interface.
    pub(super) fn choose(&self, socket: &Socket, is_ipv6: bool) -> io::Result<()> {
        match self {
            Self::Address(address) if !is_ipv6 => socket.set_multicast_if_v4(address),
            Self::Number(number) if is_ipv6 => socket.set_multicast_if_v6(*number),
            Self::Address(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "the multicast interface {self} is an IPv4 address, and a socket with an IPv6 address needs the number of one"
                ),
            )),
            Self::Number(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "the multicast interface {self} is a number, and a socket with an IPv4 address needs the address of one"
                ),
            )),
        }
    }
}

impl FromStr for MulticastGroup {
    type Err = MulticastError;

    fn from_str(text: &str) -> Result<Self, MulticastError> {
        let membership = if text.contains(':') {
            parse_v6(text)
        } else {
            parse_v4(text)
        };
        membership.map(Self).map_err(|problem| MulticastError {
            text: text.to_owned(),
            what: "a multicast group",
            problem,
        })
    }
}

fn parse_v4(text: &str) -> Result<Membership, &'static str> {
    let (group, interface) = match text.split_once('@') {
        None => (text, Ipv4Addr::UNSPECIFIED),
        Some((group, interface)) => {
            let interface = interface
                .parse()
                .map_err(|_| "the interface is not an IPv4 address")?;
            (group, interface)
        }
    };
    match group.parse::<Ipv4Addr>() {
        Ok(group) if group.is_multicast() => Ok(Membership::V4 { group, interface }),
        _ => Err(
            "write an address from 224.0.0.0 to 239.255.255.255, or 239.1.2.3@192.0.2.1 with an interface",
        ),
    }
}

fn parse_v6(text: &str) -> Result<Membership, &'static str> {
    let (group, interface) = match text.split_once('%') {
        None => (text, 0),
        Some((group, interface)) => {
            let interface = interface
                .parse()
                .map_err(|_| "the interface is not a number")?;
            (group, interface)
        }
    };
    match group.parse::<Ipv6Addr>() {
        Ok(group) if group.is_multicast() => Ok(Membership::V6 { group, interface }),
        _ => Err("write an address that begins with ff, or ff15::1%2 with an interface"),
    }
}

impl FromStr for MulticastInterface {
    type Err = MulticastError;

    fn from_str(text: &str) -> Result<Self, MulticastError> {
        let number = text.parse().map(Self::Number);
        number
            .or_else(|_| text.parse().map(Self::Address))
            .map_err(|_| MulticastError {
                text: text.to_owned(),
                what: "an interface",
                problem: "write its IPv4 address, or its number for IPv6",
            })
    }
}

impl fmt::Display for MulticastGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Membership::V4 { group, interface } if interface.is_unspecified() => group.fmt(f),
            Membership::V4 { group, interface } => write!(f, "{group}@{interface}"),
            Membership::V6 {
                group,
                interface: 0,
            } => group.fmt(f),
            Membership::V6 { group, interface } => write!(f, "{group}%{interface}"),
        }
    }
}

impl fmt::Display for MulticastInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl fmt::Display for MulticastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.escape_debug();
        write!(f, "'{text}' is not {}: {}", self.what, self.problem)
    }
}

impl std::error::Error for MulticastError {}

impl Serialize for MulticastGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MulticastGroup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for MulticastInterface {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MulticastInterface {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_interfaces_are_printed_as_they_are_read() {
        for text in ["239.1.2.3", "239.1.2.3@127.0.0.1", "ff15::1", "ff15::1%2"] {
            let group: MulticastGroup = text.parse().unwrap();
            assert_eq!(group.to_string(), text);
            let json = serde_json::to_string(&group).unwrap();
            assert_eq!(
                serde_json::from_str::<MulticastGroup>(&json).unwrap(),
                group
            );
        }
        for text in ["192.0.2.1", "3"] {
            let interface: MulticastInterface = text.parse().unwrap();
            assert_eq!(interface.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_group_is_said_in_one_sentence() {
        for (text, problem) in [
            ("", "write an address from 224.0.0.0"),
            ("192.0.2.1", "write an address from 224.0.0.0"),
            ("239.1.2.3@lo", "the interface is not an IPv4 address"),
            ("fe80::1", "begins with ff"),
            ("ff15::1%lo", "the interface is not a number"),
            ("a\nb", r"'a\nb' is not a multicast group"),
        ] {
            let message = text.parse::<MulticastGroup>().unwrap_err().to_string();
            assert!(message.contains(problem), "{text}: {message}");
        }
        let message = "lo".parse::<MulticastInterface>().unwrap_err().to_string();
        assert!(message.contains("write its IPv4 address"), "{message}");
    }
}
