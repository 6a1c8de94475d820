//! What is said of a file that was transferred.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;
use socketserver_handlers::files::Hash;
use socketserver_handlers::files::client::Transferred;

use crate::units;

/// `disk.img  3.1 GiB in 4.9 s (402 MiB/s)  blake3 ok 8d3c…91`.
pub(super) fn line(name: &str, transferred: &Transferred) -> String {
    let Transferred {
        total,
        resumed_at,
        hash,
        is_verified,
        took,
        ..
    } = transferred;
    let verdict = if *is_verified {
        "ok"
    } else {
        "not told by the server,"
    };
    let mut line = format!(
        "{}  {} {verdict} {}",
        moved(name, *total, total - resumed_at, *took),
        hash.algorithm(),
        short(hash)
    );
    if *resumed_at > 0 {
        // Writing to a text does not fail.
        let _ = write!(line, " (resumed at {} %)", percent(*resumed_at, *total));
    }
    line
}

/// `disk.img  3.1 GiB in 4.9 s (402 MiB/s)`: how much there is, and how fast came what had to.
pub(super) fn moved(name: &str, total: u64, travelled: u64, took: Duration) -> String {
    format!(
        "{name}  {} in {:.1} s ({})",
        units::bytes(total),
        took.as_secs_f64(),
        rate(travelled, took)
    )
}

/// One object on one line.
pub(super) fn json(name: &str, transferred: &Transferred) -> String {
    json!({
        "schema": 1,
        "name": name,
        "bytes": transferred.total,
        "seconds": transferred.took.as_secs_f64(),
        "hash": transferred.hash.as_str(),
        "hash_alg": transferred.hash.algorithm(),
        "verified": transferred.is_verified,
        "resumed_at": transferred.resumed_at,
    })
    .to_string()
}

/// The same of a file that came without a hash.
pub(super) fn json_bare(name: &str, bytes: u64, took: Duration) -> String {
    json!({
        "schema": 1,
        "name": name,
        "bytes": bytes,
        "seconds": took.as_secs_f64(),
        "hash": null,
        "hash_alg": null,
        "verified": false,
        "resumed_at": 0,
    })
    .to_string()
}

/// A part of a whole, in percent. All of nothing is all.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

/// `402.0 MiB/s`.
pub(super) fn rate(bytes: u64, took: Duration) -> String {
    let nanoseconds = took.as_nanos().max(1);
    let rate = u128::from(bytes) * 1_000_000_000 / nanoseconds;
    format!(
        "{}/s",
        units::bytes(u64::try_from(rate).unwrap_or(u64::MAX))
    )
}

/// Enough of a hash to see that two are different.
fn short(hash: &Hash) -> String {
    let text = hash.as_str();
    format!("{}…{}", &text[..4], &text[text.len() - 2..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_for_people() {
        assert_eq!(percent(37, 100), 37);
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(rate(2048, Duration::from_secs(2)), "1.0 KiB/s");
        assert_eq!(rate(1, Duration::ZERO), "953.7 MiB/s");
        let text = moved("a", 2048, 1024, Duration::from_millis(500));
        assert_eq!(text, "a  2.0 KiB in 0.5 s (2.0 KiB/s)");
    }
}
