//! What rates promise, and what tables hold.

use std::thread;
use std::time::{Duration, Instant};

use socketserver::Address;

use super::{ADDRESSES_MAX, Bucket, Flood, FloodLimit, Per, Rate, RateError, SLOTS_MAX, TABLES};

fn flood(rate: &str) -> Flood {
    Flood::new(rate.parse::<FloodLimit>().unwrap().rate())
}

fn peer(address: &str) -> Address {
    Address::Tcp(address.parse().unwrap())
}

fn numbered(number: u32) -> Address {
    Address::Udp((number.to_be_bytes(), 9).into())
}

/// Takes until nothing is left, and says how often that went well.
fn drain(bucket: &mut Bucket, now: Instant) -> u32 {
    let mut taken = 0;
    while bucket.take(now).is_ok() {
        taken += 1;
    }
    taken
}

fn remembered(flood: &Flood) -> usize {
    let shared = flood.shared.as_ref().unwrap();
    (0..TABLES)
        .map(|table| shared.table(table).slots.len())
        .sum()
}

#[test]
fn bursts_and_waits() {
    let mut bucket = flood("10/s:20").bucket(&peer("192.0.2.1:5"));
    let start = Instant::now();
    assert_eq!(drain(&mut bucket, start), 20);
    assert_eq!(bucket.take(start), Err(Duration::from_millis(100)));
    let now = start + Duration::from_millis(60);
    assert_eq!(bucket.take(now), Err(Duration::from_millis(40)));
    assert_eq!(bucket.take(now + Duration::from_millis(40)), Ok(()));
    assert_eq!(drain(&mut bucket, now + Duration::from_secs(1)), 9);
    // Silence saves no more than the burst.
    assert_eq!(drain(&mut bucket, now + Duration::from_secs(1 << 40)), 20);
}

#[test]
fn rates_are_exact_over_long_times() {
    for (rate, seconds, taken) in [
        ("3/s:2", 100_000, 300_000),
        ("7/min:2", 600_000, 70_000),
        ("1/h:2", 36_000_000, 10_000),
        ("999999/h:1000000", 3600, 999_999),
    ] {
        let mut bucket = flood(rate).bucket(&Address::UnixUnnamed);
        let start = Instant::now();
        drain(&mut bucket, start);
        let end = start + Duration::from_secs(seconds);
        let mut now = start;
        let mut count = 0;
        loop {
            match bucket.take(now) {
                Ok(()) => count += 1,
                Err(wait) => {
                    now += wait;
                    if now > end {
                        break;
                    }
                }
            }
        }
        assert_eq!(count, taken, "{rate}");
    }
}

#[test]
fn waiting_as_long_as_it_says_is_enough() {
    let mut random = fastrand::Rng::with_seed(10);
    for _ in 0..200 {
        let per = [Per::Second, Per::Minute, Per::Hour][random.usize(..3)];
        let rate = Rate::new(random.u32(1..=1000), per, random.u32(1..=5)).unwrap();
        let flood = Flood::new(Some(rate));
        let mut buckets: Vec<Bucket> = (0..3).map(|_| flood.bucket(&peer("192.0.2.1:5"))).collect();
        let mut now = Instant::now();
        for _ in 0..100 {
            let bucket = &mut buckets[random.usize(..3)];
            if let Err(wait) = bucket.take(now) {
                assert!(wait > Duration::ZERO);
                assert!(
                    bucket
                        .take(now + wait.saturating_sub(Duration::from_nanos(1)))
                        .is_err()
                );
                now += wait;
                assert_eq!(bucket.take(now), Ok(()));
            }
            now += Duration::from_nanos(random.u64(..1_000_000));
        }
    }
}

#[test]
fn connections_of_an_address_share() {
    let flood = flood("10/s:20");
    let now = Instant::now();
    let mut first = flood.bucket(&peer("192.0.2.1:5"));
    let mut second = flood.clone().bucket(&peer("[::ffff:192.0.2.1]:6"));
    let mut datagrams = flood.bucket(&Address::Udp("192.0.2.1:7".parse().unwrap()));
    let mut other = flood.bucket(&peer("192.0.2.2:5"));
    for _ in 0..10 {
        assert!(first.take(now).is_ok() && second.take(now).is_ok());
    }
    // Its own bucket has ten left, and refusals do not take them.
    for _ in 0..100 {
        assert_eq!(first.take(now), Err(Duration::from_millis(100)));
    }
    assert!(datagrams.take(now).is_err());
    assert_eq!(drain(&mut other, now), 20);
    assert_eq!(drain(&mut first, now + Duration::from_secs(1)), 10);
    // The address is full again, and the connection has only what was left to it and came since.
    let later = now + Duration::from_millis(1500);
    assert_eq!(drain(&mut second, later), 5);
    assert_eq!(drain(&mut second, later + Duration::from_secs(9)), 20);
    // Coming anew fills no bucket.
    let mut anew = flood.bucket(&peer("192.0.2.1:8"));
    assert!(anew.take(later + Duration::from_secs(9)).is_err());
}

#[test]
fn a_block_of_ipv6_is_one_address() {
    let flood = flood("1/h:3");
    let now = Instant::now();
    let take = |address: &str| flood.bucket(&peer(address)).take(now).is_ok();
    for host in 1..=3 {
        assert!(take(&format!("[2001:db8:0:1:{host}::{host}]:5")));
    }
    assert!(!take("[2001:db8:0:1:ffff::1]:5"));
    assert!(take("[2001:db8:0:2::1]:5"));
}

#[test]
fn unix_sockets_do_not_share() {
    let flood = flood("1/h:3");
    let now = Instant::now();
    for _ in 0..10 {
        assert_eq!(drain(&mut flood.bucket(&Address::UnixUnnamed), now), 3);
    }
    assert_eq!(remembered(&flood), 0);
}

#[test]
fn no_limit() {
    let mut bucket = Flood::off().bucket(&peer("192.0.2.1:5"));
    let now = Instant::now();
    assert!((0..100_000).all(|_| bucket.take(now).is_ok()));
}

#[test]
fn clocks_that_go_back() {
    for address in [peer("192.0.2.1:5"), Address::UnixUnnamed] {
        let mut bucket = flood("10/s:20").bucket(&address);
        let before = Instant::now();
        let start = before + Duration::from_secs(50);
        assert_eq!(drain(&mut bucket, start), 20);
        assert_eq!(bucket.take(before), Err(Duration::from_millis(50_100)));
        assert_eq!(bucket.take(start), Err(Duration::from_millis(100)));
        // Back and forth brings no more than the time that has passed.
        let later = start + Duration::from_secs(1);
        assert_eq!(drain(&mut bucket, later), 10);
        assert_eq!(drain(&mut bucket, before), 0);
        assert_eq!(drain(&mut bucket, later), 0);
    }
}

#[test]
fn a_million_addresses_at_once() {
    let flood = flood("1/h:3");
    let now = Instant::now();
    let passed = (0..1_000_000)
        .filter(|&number| flood.bucket(&numbered(number)).take(now).is_ok())
        .count();
    assert_eq!(remembered(&flood), ADDRESSES_MAX);
    // One from every bucket, and three from each that is shared.
    assert_eq!(passed, ADDRESSES_MAX + 3 * TABLES);
    // Nothing was allocated for them.
    assert!(!has_grown(&flood));
    // The first ones keep theirs.
    assert_eq!(drain(&mut flood.bucket(&numbered(0)), now), 2);
}

/// Whether a table has allocated anything since it was made. What a hash table says of its capacity goes down with removals, and up only when it grows.
fn has_grown(flood: &Flood) -> bool {
    let shared = flood.shared.as_ref().unwrap();
    (0..TABLES).any(|table| {
        let table = shared.table(table);
        table.places.capacity() >= 4 * SLOTS_MAX || table.slots.capacity() >= 2 * SLOTS_MAX
    })
}

#[test]
fn buckets_that_are_full_are_removed() {
    let flood = flood("10/s:20");
    let mut now = Instant::now();
    for number in 0..1_000_000 {
        assert_eq!(flood.bucket(&numbered(number)).take(now), Ok(()));
        // A hundred thousand in a second, each of which is full after a tenth of one.
        now += Duration::from_micros(10);
    }
    assert!(remembered(&flood) < 20_000, "{}", remembered(&flood));
    assert!(!has_grown(&flood));
    now += Duration::from_secs(1);
    for number in 0..20_000 {
        assert_eq!(flood.bucket(&numbered(number)).take(now), Ok(()));
    }
    let shared = flood.shared.as_ref().unwrap();
    for table in 0..TABLES {
        let table = shared.table(table);
        assert_eq!(table.places.len(), table.slots.len());
        assert!(table.slots.len() <= SLOTS_MAX);
        for (place, slot) in table.slots.iter().enumerate() {
            assert_eq!(table.places[&slot.block], place);
        }
    }
}

#[test]
fn threads_share() {
    let flood = flood("1/h:10000");
    let now = Instant::now();
    let taken: u32 = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let flood = flood.clone();
                scope.spawn(move || drain(&mut flood.bucket(&peer("192.0.2.1:5")), now))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(taken, 10_000);
}

#[test]
fn texts() {
    for text in ["10/s:20", "600/min:50", "1/h:1", "1000000/h:1000000"] {
        let rate: Rate = text.parse().unwrap();
        assert_eq!(rate.to_string(), text);
        assert_eq!(text.parse(), Ok(FloodLimit::Rate(rate)));
        let json = serde_json::to_string(&rate).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Rate>(&json).unwrap(), rate);
        assert_eq!(
            serde_json::from_str::<FloodLimit>(&json).unwrap().rate(),
            Some(rate)
        );
    }
    assert_eq!("off".parse(), Ok(FloodLimit::Off));
    assert_eq!(serde_json::to_string(&FloodLimit::Off).unwrap(), "\"off\"");
    assert_eq!(FloodLimit::default().to_string(), "10/s:20");
    for text in [
        "", "10", "10/s", "10:20", "10/d:2", "/s:1", "1/s:", "-1/s:1", "+1/s:1", "1 /s:1", "1/S:1",
        "Off",
    ] {
        let error = text.parse::<FloodLimit>().unwrap_err();
        assert_eq!(error, RateError::Form(text.to_owned()));
        assert!(error.to_string().contains("10/s:20"));
    }
    for text in ["0/s:1", "1/s:0", "1000001/s:1", "1/h:99999999999999999999"] {
        assert_eq!(
            text.parse::<Rate>(),
            Err(RateError::Number(text.to_owned()))
        );
    }
    assert!(serde_json::from_str::<Rate>("\"off\"").is_err());
    assert_eq!(Rate::per_second(10, 20), Ok(Rate::default()));
}
