//! How much may be answered to somebody who may not be who he claims to be.
//!
//! The sender of a datagram is what somebody wrote into it. Who writes a third party's address there has the answer sent to that party, and a server
//! that answers with much more than it was sent multiplies his flood. QUIC's rule (RFC 9000, section 8) is that an address which has not shown that it
//! receives what is sent to it gets at most three times the bytes that came in its name. The same factor limits the number of datagrams here, since
//! short ones have their price, too.

/// What may still be sent to a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    bytes: u64,
    datagrams: u64,
    /// None: no limit, since the peer is proven or the guard is off.
    factor: Option<u32>,
}

impl Allowance {
    /// Nothing yet.
    pub(crate) fn new(factor: Option<u32>) -> Self {
        Self {
            bytes: 0,
            datagrams: 0,
            factor,
        }
    }

    /// A datagram of this size has come in the name of the peer.
    #[inline]
    pub(crate) fn earn(&mut self, size: usize) {
        if let Some(factor) = self.factor.map(u64::from) {
            let earned = factor.saturating_mul(size as u64);
            self.bytes = self.bytes.saturating_add(earned);
            self.datagrams = self.datagrams.saturating_add(factor);
        }
    }

    /// Takes what a datagram of this size needs; if there is not enough, says how many bytes one may have.
    #[inline]
    pub(crate) fn spend(&mut self, size: usize) -> Result<(), usize> {
        if self.factor.is_none() {
            return Ok(());
        }
        let left = if self.datagrams == 0 { 0 } else { self.bytes };
        if self.datagrams == 0 || self.bytes < size as u64 {
            return Err(usize::try_from(left).unwrap_or(usize::MAX));
        }
        self.bytes -= size as u64;
        self.datagrams -= 1;
        Ok(())
    }

    /// The peer is who it claims to be.
    pub(crate) fn prove(&mut self) {
        self.factor = None;
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.factor.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_times_what_came_goes_out_and_not_a_byte_more() {
        let mut allowance = Allowance::new(Some(3));
        assert_eq!(allowance.spend(0), Err(0), "nothing has come yet");
        allowance.earn(10);
        assert_eq!(allowance.spend(31), Err(30));
        assert_eq!(allowance.spend(20), Ok(()));
        assert_eq!(allowance.spend(10), Ok(()));
        assert_eq!(allowance.spend(1), Err(0));
        assert_eq!(
            allowance.spend(0),
            Ok(()),
            "the third datagram, an empty one"
        );
        assert_eq!(allowance.spend(0), Err(0), "there is no fourth");
    }

    #[test]
    fn who_is_proven_has_no_limit() {
        let mut allowance = Allowance::new(Some(0));
        allowance.earn(1000);
        assert_eq!(allowance.spend(1), Err(0));
        allowance.prove();
        assert_eq!(allowance.spend(1 << 20), Ok(()));
        assert!(
            Allowance::new(None).is_proven(),
            "without the guard everybody is"
        );
    }

    #[test]
    fn what_is_earned_never_wraps() {
        let mut allowance = Allowance::new(Some(u32::MAX));
        for _ in 0..3 {
            allowance.earn(usize::MAX);
        }
        assert_eq!(allowance.spend(usize::MAX), Ok(()));
    }
}
