//! Multicast groups: where a socket must be bound to hear them, and through which interface it speaks to them.

use socketserver::{Endpoint, MulticastGroup, MulticastInterface};

use crate::exit::{Code, Failure};

/// Whether a socket that is bound there can receive what is sent to the groups. The system would let one join that is bound to an address of its
/// own, and then deliver nothing to it, since a datagram to a group is not one to that address.
pub(crate) fn check(endpoint: &Endpoint, groups: &[MulticastGroup]) -> Result<(), Failure> {
    let (Endpoint::Udp { port, .. }, Some(group)) = (endpoint, groups.first()) else {
        return Ok(());
    };
    // A host that has no address is for the bind to tell.
    let addresses = endpoint.resolve().unwrap_or_default();
    match addresses.first().map(std::net::SocketAddr::ip) {
        Some(ip) if !ip.is_unspecified() && !ip.is_multicast() => {
            let all = if group.address().is_ipv4() {
                "0.0.0.0"
            } else {
                "[::]"
            };
            Err(Failure::new(
                Code::Usage,
                format!(
                    "{endpoint} cannot receive what is sent to the group {group}: write udp://{all}:{port} instead"
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// The interface that was written behind the first group which has one: what listens there should also be heard there.
pub(crate) fn interface(groups: &[MulticastGroup]) -> Option<MulticastInterface> {
    groups.iter().find_map(|group| {
        let group = group.to_string();
        group.split_once(['@', '%'])?.1.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(texts: &[&str]) -> Vec<MulticastGroup> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn who_joins_a_group_must_be_bound_where_it_can_be_heard() {
        for (endpoint, group, is_right) in [
            ("udp://0.0.0.0:1", "239.1.2.3", true),
            ("udp://239.1.2.3:1", "239.1.2.3", true),
            ("udp://[::]:1", "ff15::1", true),
            ("udp://127.0.0.1:1", "239.1.2.3", false),
            ("udp://[::1]:1", "ff15::1", false),
            ("tcp://127.0.0.1:1", "239.1.2.3", true),
        ] {
            let endpoint = endpoint.parse().unwrap();
            assert_eq!(
                check(&endpoint, &groups(&[group])).is_ok(),
                is_right,
                "{endpoint}"
            );
            assert!(check(&endpoint, &[]).is_ok());
        }
    }

    #[test]
    fn the_interface_is_that_of_the_first_group_that_has_one() {
        let of = |texts| interface(&groups(texts)).map(|interface| interface.to_string());
        assert_eq!(of(&["239.1.2.3"]), None);
        let two = ["239.1.2.3", "239.1.2.4@127.0.0.1"];
        assert_eq!(of(&two).as_deref(), Some("127.0.0.1"));
        assert_eq!(of(&["ff15::1%2"]).as_deref(), Some("2"));
    }
}
