//! Every rule, with times that pass by themselves.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn peer(ip: &str) -> Address {
    Address::Tcp((ip.parse::<IpAddr>().unwrap(), 1).into())
}

/// Wrong logins of a peer at one moment.
fn fail(penalties: &mut Penalties, peer: &Address, times: usize, now: Instant) {
    for _ in 0..times {
        penalties.failed(peer, now);
    }
}

#[test]
fn answers_to_wrong_passwords_come_later_and_later() {
    for peer in [peer("192.0.2.1"), peer("2001:db8::1"), Address::UnixUnnamed] {
        let (mut penalties, now) = (Penalties::new(), Instant::now());
        let delays: Vec<_> = (0..6)
            .map(|_| penalties.failed(&peer, now).as_secs())
            .collect();
        assert_eq!(delays, [1, 2, 4, 8, 8, 8]);
        penalties.succeeded(&peer);
        assert_eq!(penalties.failed(&peer, now), SECOND, "it begins anew");
    }
}

#[test]
fn an_address_is_refused_from_the_third_wrong_password_on() {
    let (mut penalties, mut now) = (Penalties::new(), Instant::now());
    let peer = peer("192.0.2.1");
    assert_eq!(penalties.remaining(&peer, now), Duration::ZERO);
    for penalty in [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600] {
        let penalty = Duration::from_secs(penalty);
        penalties.failed(&peer, now);
        assert_eq!(penalties.remaining(&peer, now), penalty);
        if let Some(before) = penalty.checked_sub(Duration::from_millis(1)) {
            assert_eq!(
                penalties.remaining(&peer, now + before),
                Duration::from_millis(1)
            );
        }
        now += penalty;
        assert_eq!(penalties.remaining(&peer, now), Duration::ZERO);
    }
    fail(&mut penalties, &peer, 100, now);
    assert_eq!(
        penalties.remaining(&peer, now),
        PENALTY_MAX,
        "no shift is too far"
    );
    assert_eq!(
        penalties.remaining(&peer, now.checked_sub(SECOND).unwrap_or(now)),
        PENALTY_MAX,
        "other threads may have looked at the clock before"
    );
}

#[test]
fn a_right_password_clears_the_address_and_not_its_network() {
    let (mut penalties, now) = (Penalties::new(), Instant::now());
    let (peer, neighbour) = (peer("192.0.2.1"), peer("192.0.2.2"));
    fail(&mut penalties, &peer, 5, now);
    penalties.succeeded(&peer);
    assert_eq!(penalties.remaining(&peer, now), Duration::ZERO);
    // Whoever has an account of his own cannot guess those of others for ever in between.
    for _ in 0..4 {
        fail(&mut penalties, &peer, 2, now);
        penalties.succeeded(&peer);
    }
    assert_eq!(penalties.remaining(&neighbour, now), Duration::ZERO);
    fail(&mut penalties, &peer, 2, now);
    assert_eq!(penalties.remaining(&neighbour, now), SECOND);
}

#[test]
fn nobody_locks_out_his_neighbours_alone() {
    for (guesser, neighbour) in [
        ("192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1"),
    ] {
        let (mut penalties, mut now) = (Penalties::new(), Instant::now());
        let (guesser, neighbour) = (peer(guesser), peer(neighbour));
        for _ in 0..500 {
            penalties.failed(&guesser, now);
            now += penalties.remaining(&guesser, now);
            assert_eq!(penalties.remaining(&neighbour, now), Duration::ZERO);
        }
        // A neighbour who mistypes his password once in a while is not refused for it, either.
        fail(&mut penalties, &neighbour, 2, now);
        penalties.failed(&guesser, now);
        assert_eq!(penalties.remaining(&neighbour, now), Duration::ZERO);
    }
}

#[test]
fn many_addresses_of_a_network_are_refused_together() {
    for (network, inside, outside) in [
        ("192.0.2.", "192.0.2.250", "192.0.3.1"),
        ("2001:db8:0:", "2001:db8:0:ff::1", "2001:db8:1::1"),
    ] {
        let (mut penalties, now) = (Penalties::new(), Instant::now());
        let end = if network.contains(':') { "::1" } else { "" };
        let mut guessers = (0..100)
            .map(|number| peer(&format!("{network}{number}{end}")))
            .cycle();
        let (inside, outside) = (peer(inside), peer(outside));
        for (count, penalty) in [(11, 0), (1, 1), (3, 1), (1, 2), (4, 4), (4, 8), (200, 600)] {
            for guesser in guessers.by_ref().take(count) {
                penalties.failed(&guesser, now);
            }
            let remaining = penalties.remaining(&inside, now);
            assert_eq!(remaining, Duration::from_secs(penalty), "{network}");
            assert_eq!(penalties.remaining(&outside, now), Duration::ZERO);
        }
    }
}

#[test]
fn an_address_of_ipv6_is_a_64_and_a_mapped_one_is_of_ipv4() {
    let (mut penalties, now) = (Penalties::new(), Instant::now());
    fail(&mut penalties, &peer("2001:db8::1"), 3, now);
    fail(&mut penalties, &peer("::ffff:192.0.2.1"), 3, now);
    for (ip, penalty) in [
        ("2001:db8::ffff:1", 1),
        ("2001:db8:0:1::1", 0),
        ("192.0.2.1", 1),
        ("192.0.2.2", 0),
        ("::ffff:192.0.2.1", 1),
        ("::ffff:192.0.2.2", 0),
    ] {
        let remaining = penalties.remaining(&peer(ip), now);
        assert_eq!(remaining, Duration::from_secs(penalty), "{ip}");
    }
}

#[test]
fn peers_on_unix_sockets_are_delayed_and_never_refused() {
    let (mut penalties, now) = (Penalties::new(), Instant::now());
    for _ in 0..50 {
        penalties.failed(&Address::UnixUnnamed, now);
        let other = Address::UnixPath(std::path::Path::new("/run/x").into());
        assert_eq!(penalties.failed(&other, now).max(DELAY_MAX), DELAY_MAX);
        assert_eq!(penalties.remaining(&other, now), Duration::ZERO);
    }
}

#[test]
fn wrong_passwords_are_forgotten_after_an_hour() {
    let (mut penalties, start) = (Penalties::new(), Instant::now());
    let (early, late) = (peer("192.0.2.1"), peer("198.51.100.1"));
    fail(&mut penalties, &early, 2, start);
    fail(&mut penalties, &late, 2, start + SECOND);
    assert_eq!(penalties.blocks.len(), 4);
    let hour = start + MEMORY;
    assert_eq!(penalties.failed(&early, hour), SECOND);
    assert_eq!(penalties.failed(&late, hour), 4 * SECOND);
    // The longest penalty is over long before it would be forgotten.
    assert!(PENALTY_MAX * 2 < MEMORY);
}

#[test]
fn the_table_is_bounded_and_keeps_those_who_failed_last() {
    let (mut penalties, now) = (Penalties::new(), Instant::now());
    let guesser = |number: u16| peer(&format!("2001:{number:x}::1"));
    for number in 0..5000 {
        fail(&mut penalties, &guesser(number), 3, now);
        assert!(penalties.blocks.len() <= BLOCKS_MAX);
    }
    assert_eq!(penalties.blocks.len(), BLOCKS_MAX);
    assert_eq!(penalties.remaining(&guesser(0), now), Duration::ZERO);
    assert_eq!(penalties.remaining(&guesser(4999), now), SECOND);
    penalties.forget(now + MEMORY);
    assert!(penalties.blocks.is_empty());
}
