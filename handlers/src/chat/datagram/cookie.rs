//! Cookies: what somebody must bring back who claims to be at an address, so that nothing need be kept for who does not.

use std::fmt;
use std::time::{Duration, Instant};

use socketserver::Address;

/// For how long cookies are the same. Those of the time before are good as well, so that one lives for one to two of these.
const SLOT: Duration = Duration::from_secs(60);
/// The digits of a cookie: letters and numbers that nobody mistakes for others.
const DIGITS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How many digits a cookie has: 50 bits, which nobody guesses who must send a datagram for each try.
const LENGTH: usize = 10;

/// Makes cookies, from a secret that nobody else knows.
pub(in crate::chat) struct CookieJar {
    secret: [u8; 32],
    begun: Instant,
}

/// A proof that datagrams to an address are received by whoever sends it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie([u8; LENGTH]);

impl CookieJar {
    /// A jar with a secret of its own.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    pub(in crate::chat) fn new() -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .expect("the system has random numbers, or nothing is safe on it");
        Self {
            secret,
            begun: Instant::now(),
        }
    }

    /// The cookie of an address at this time.
    pub(super) fn bake(&self, peer: &Address, now: Instant) -> Cookie {
        self.of_slot(peer, self.slot(now))
    }

    /// The cookie that somebody has brought, if it is that of his address and young enough.
    pub(super) fn check(&self, brought: &str, peer: &Address, now: Instant) -> Option<Cookie> {
        let slot = self.slot(now);
        [slot, slot.saturating_sub(1)]
            .map(|slot| self.of_slot(peer, slot))
            .into_iter()
            .find(|cookie| cookie.as_str() == brought)
    }

    fn slot(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_secs() / SLOT.as_secs()
    }

    fn of_slot(&self, peer: &Address, slot: u64) -> Cookie {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(&slot.to_le_bytes());
        // As it is debugged, since the names of Unix sockets that are no UTF-8 look the same when they are shown.
        hasher.update(format!("{peer:?}").as_bytes());
        let hash = hasher.finalize();
        let mut digits = [0; LENGTH];
        for (digit, byte) in digits.iter_mut().zip(hash.as_bytes()) {
            *digit = DIGITS[usize::from(byte % 32)];
        }
        Cookie(digits)
    }
}

impl Cookie {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("its digits are ASCII")
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieJar")
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Address {
        Address::Udp(text.parse().unwrap())
    }

    #[test]
    fn a_cookie_is_good_at_its_address_and_for_a_minute_or_two() {
        let jar = CookieJar::new();
        let (here, now) = (at("192.0.2.1:5000"), jar.begun);
        let cookie = jar.bake(&here, now);
        for (seconds, is_good) in [(0, true), (59, true), (60, true), (119, true), (120, false)] {
            let later = now + Duration::from_secs(seconds);
            let checked = jar.check(cookie.as_str(), &here, later);
            assert_eq!(checked.is_some(), is_good, "after {seconds} s");
        }
        for elsewhere in ["192.0.2.1:5001", "192.0.2.2:5000", "[2001:db8::1]:5000"] {
            assert!(jar.check(cookie.as_str(), &at(elsewhere), now).is_none());
        }
        assert!(
            CookieJar::new()
                .check(cookie.as_str(), &here, now)
                .is_none()
        );
    }

    #[test]
    fn names_that_are_no_text_are_told_apart() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        use std::path::Path;

        let jar = CookieJar::new();
        let [one, other] = [b"/tmp/\xfe", b"/tmp/\xff"]
            .map(|name| Address::UnixgramPath(Path::new(OsStr::from_bytes(name)).into()));
        assert_eq!(one.to_string(), other.to_string());
        let cookie = jar.bake(&one, jar.begun);
        assert!(jar.check(cookie.as_str(), &other, jar.begun).is_none());
    }

    #[test]
    fn what_is_no_cookie_is_none() {
        let jar = CookieJar::new();
        let here = at("192.0.2.1:5000");
        for brought in ["", "abcdefghij", "\u{e4}", &"a".repeat(1000)] {
            assert!(jar.check(brought, &here, jar.begun).is_none());
        }
    }
}
