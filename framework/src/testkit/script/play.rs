//! Playing a script to a peer, move by move.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::layout::{Layout, Stage};
use super::pattern::{Matching, Verdict};
use super::{End, Failure, Pattern, Peer, Script, Step, Transcript};

/// The most that is received in one run: a server that never stops must not fill the memory.
const RECEIVED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many bytes are received at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// One playing of a script, with its input cut at certain places. It goes on move by move, so that several can take turns.
pub(crate) struct Player<'a> {
    script: &'a Script,
    layout: &'a Layout,
    /// Where the input is cut, in order, as far as that lies ahead.
    cuts: &'a [usize],
    /// How long each step may take.
    patience: Duration,
    /// When the present one must be over, on the peer's clock.
    deadline: Duration,
    /// How long to wait between two pieces of input.
    gap: Duration,
    stage: usize,
    /// How much of the input is sent.
    sent: usize,
    transcript: Transcript,
    /// Into which is received.
    chunk: Vec<u8>,
    /// How much of the output was expected so far.
    taken: usize,
    /// Nothing can be sent any more.
    mute: bool,
    /// We have left.
    left: bool,
}

impl<'a> Player<'a> {
    pub(crate) fn new(
        script: &'a Script,
        layout: &'a Layout,
        cuts: &'a [usize],
        patience: Duration,
        gap: Duration,
    ) -> Self {
        Self {
            script,
            layout,
            cuts,
            patience,
            deadline: Duration::ZERO,
            gap,
            stage: 0,
            sent: 0,
            transcript: Transcript::default(),
            chunk: vec![0; CHUNK_BYTES],
            taken: 0,
            mute: false,
            left: false,
        }
    }

    pub(crate) fn into_transcript(self) -> Transcript {
        self.transcript
    }

    /// Plays the script to its end.
    pub(crate) fn play(&mut self, peer: &mut impl Peer) -> Result<(), Box<Failure>> {
        while self.advance(peer)? {}
        Ok(())
    }

    /// Makes the next move: sends one piece, or does one step. False when there is nothing left to do.
    pub(crate) fn advance(&mut self, peer: &mut impl Peer) -> Result<bool, Box<Failure>> {
        match self.layout.stages.get(self.stage) {
            None => return Ok(false),
            Some(Stage::Send { part, step }) => {
                let mut start = self.sent.max(part.start);
                self.deadline = peer.now().saturating_add(self.patience);
                if start > part.start && self.gap > Duration::ZERO {
                    peer.wait(self.gap);
                }
                while self.cuts.first().is_some_and(|&cut| cut <= start) {
                    self.cuts = &self.cuts[1..];
                }
                let cut = self.cuts.first().copied().unwrap_or(part.end);
                let end = cut.min(part.end);
                while start < end {
                    start += self.send(&self.layout.input[start..end], *step, peer)?;
                }
                self.sent = end;
                if end < part.end {
                    return Ok(true);
                }
            }
            Some(Stage::Other(index)) => {
                self.deadline = peer.now().saturating_add(self.patience);
                self.step(*index, peer)?;
            }
        }
        self.stage += 1;
        Ok(true)
    }

    /// After the last move: ends our side, and takes everything that still comes until the other side has ended too, but no
    /// longer than `patience`.
    pub(crate) fn take_leave(
        &mut self,
        peer: &mut impl Peer,
        patience: Duration,
    ) -> Result<(), Box<Failure>> {
        let last = self.script.steps().len();
        self.deadline = peer.now().saturating_add(patience);
        if self.left {
            return Ok(());
        }
        if !self.mute && self.transcript.end.is_none() {
            self.mute = true;
            // Who cannot be told has gone, which the next read tells too.
            let _ = peer.half_close();
        }
        while self.transcript.end.is_none() && self.receive(last, peer)? {}
        Ok(())
    }

    fn step(&mut self, index: usize, peer: &mut impl Peer) -> Result<(), Box<Failure>> {
        match &self.script.steps()[index] {
            Step::Send(_) => {}
            Step::Expect(pattern) => self.expect(pattern, index, peer)?,
            Step::ExpectEnd(end) => self.expect_end(*end, index, peer)?,
            Step::Wait(time) => peer.wait(*time),
            Step::HalfClose => {
                self.mute = true;
                let _ = peer.half_close();
            }
            Step::Reset => {
                self.left = true;
                let _ = peer.reset();
            }
        }
        Ok(())
    }

    /// Sends some bytes, and says how many. What cannot reach anybody counts as sent: the expectations will tell.
    fn send(
        &mut self,
        bytes: &[u8],
        step: usize,
        peer: &mut impl Peer,
    ) -> Result<usize, Box<Failure>> {
        if self.mute || self.left {
            return Ok(bytes.len());
        }
        match peer.send(bytes, self.deadline.saturating_sub(peer.now())) {
            Ok(0) => {
                self.receive(step, peer)?;
                Ok(0)
            }
            Ok(count) => Ok(count),
            Err(error) if is_timeout(&error) => {
                let patience = self.patience;
                let sentence = format!("the other side took nothing for {patience:?}");
                Err(self.fail(step, self.transcript.output.len(), sentence))
            }
            Err(_) => {
                self.mute = true;
                Ok(bytes.len())
            }
        }
    }

    /// Receives what comes next. False when nothing came in time.
    fn receive(&mut self, step: usize, peer: &mut impl Peer) -> Result<bool, Box<Failure>> {
        let before = self.transcript.output.len();
        if before > RECEIVED_BYTES_MAX {
            let sentence = format!("more than {RECEIVED_BYTES_MAX} bytes came (is there no end?)");
            return Err(self.fail(step, before, sentence));
        }
        let patience = self.deadline.saturating_sub(peer.now());
        match peer.receive(&mut self.chunk, patience) {
            Ok(0) => self.transcript.end = Some(End::Closed),
            Ok(count) => (self.transcript.output).extend_from_slice(&self.chunk[..count]),
            Err(error) if is_timeout(&error) => return Ok(false),
            Err(_) => self.transcript.end = Some(End::Reset),
        }
        Ok(true)
    }

    fn expect(
        &mut self,
        pattern: &Pattern,
        step: usize,
        peer: &mut impl Peer,
    ) -> Result<(), Box<Failure>> {
        let mut matching = Matching::default();
        loop {
            let end = self.transcript.end;
            let come = &self.transcript.output[self.taken..];
            let (offset, sentence) = match matching.look(pattern, come, end.is_some()) {
                Verdict::Matches(count) => {
                    for skipped in matching.skipped {
                        let (start, end) = (self.taken + skipped.start, self.taken + skipped.end);
                        self.transcript.skipped.push(start..end);
                    }
                    self.taken += count;
                    return Ok(());
                }
                Verdict::Differs(place) => {
                    let offset = self.taken + place;
                    let sentence = format!("byte {offset} of the output is not as expected");
                    (offset, sentence)
                }
                Verdict::Incomplete => {
                    let there = self.transcript.output.len();
                    if end.is_none() && self.receive(step, peer)? {
                        continue;
                    }
                    let patience = self.patience;
                    let why = self.transcript.end.map_or_else(
                        || format!("nothing more came within {patience:?}"),
                        |end| format!("the other side {}", end.sentence()),
                    );
                    let sentence = format!("{why} after {there} bytes, and more was expected");
                    (there, sentence)
                }
            };
            let failure = self.fail(step, offset, sentence);
            return Err(match matching.expected(pattern) {
                Some((start, bytes)) => Box::new(failure.expected(self.taken + start, bytes)),
                None => failure,
            });
        }
    }

    fn expect_end(
        &mut self,
        wanted: Option<End>,
        step: usize,
        peer: &mut impl Peer,
    ) -> Result<(), Box<Failure>> {
        loop {
            let there = self.transcript.output.len();
            let sentence = match self.transcript.end {
                _ if there > self.taken => "the end was expected here, and more came".to_owned(),
                Some(end) if wanted.is_none_or(|wanted| wanted == end) => return Ok(()),
                Some(end) => format!("the other side {}, which was not expected", end.sentence()),
                None => {
                    if self.receive(step, peer)? {
                        continue;
                    }
                    format!("no end came within {:?}", self.patience)
                }
            };
            return Err(self.fail(step, self.taken, sentence));
        }
    }

    #[expect(
        clippy::unnecessary_box_returns,
        reason = "errors are large, and travel in boxes"
    )]
    fn fail(&self, step: usize, offset: usize, problem: String) -> Box<Failure> {
        let line = self.script.lines.get(step).or(self.script.lines.last());
        let failure = Failure::new(line.copied().unwrap_or(1), offset, problem);
        Box::new(failure.received(&self.transcript.output))
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::script::Data;

    /// Says one byte and ends, at the end of all time.
    #[derive(Default)]
    struct Late {
        now: Duration,
        has_said: bool,
    }

    impl Peer for Late {
        fn now(&self) -> Duration {
            self.now
        }

        fn send(&mut self, bytes: &[u8], _: Duration) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn receive(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<usize> {
            buffer[0] = b'a';
            Ok(usize::from(!std::mem::replace(&mut self.has_said, true)))
        }

        fn half_close(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn reset(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn wait(&mut self, time: Duration) {
            self.now = self.now.saturating_add(time);
        }
    }

    #[test]
    fn time_may_be_as_long_as_it_can_be_said() {
        let wait = Step::Wait(Duration::MAX);
        let steps = [
            wait.clone(),
            wait,
            Step::Send("x".into()),
            Step::Expect(Data::text("a").into()),
            Step::ExpectEnd(None),
        ];
        let script: Script = steps.into_iter().collect();
        let transcript = script.play(&mut Late::default(), Duration::MAX).unwrap();
        assert_eq!(
            (&*transcript.output, transcript.end),
            (&b"a"[..], Some(End::Closed))
        );
    }
}
