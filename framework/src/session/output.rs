//! What a connection has still to send: bytes, shared messages and ranges of files, in order.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Range;

use bytes::Bytes;

use crate::group::SlowMember;

/// The most pieces that one system call is given.
const GATHER_MAX: usize = 32;
/// A piece of copied bytes grows up to this size before a new one is begun, so that sending never moves much memory.
const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Shared messages up to this size are copied behind others: a piece of its own would take more memory than that.
const SHARED_BYTES_MIN: usize = 256;
/// The most pieces that may wait when a group's message comes, however short they are.
const PIECES_MAX: usize = 8 * 1024;
/// The most bytes of a file that one system call is asked to send. Large pieces fall out of the processor's cache before they are
/// received: on loopback 128 KiB cost a fifth less than 1 MiB, and 64 KiB more than either.
const FILE_BYTES_MAX: u64 = 128 * 1024;

/// Where a session's output goes: what a driver supplies.
///
/// Each method sends what it can and returns how much that was, or an error of kind `WouldBlock` when there is no room.
pub(crate) trait Wire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn send_gathered(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Sends from a file; zero means that the file ends before `offset`.
    fn send_file(&mut self, file: &File, offset: u64, count: u64) -> io::Result<usize>;
}

/// The queue of a connection whose peer has not taken everything yet.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: VecDeque<Piece>,
    /// Bytes in memory that are queued; what lies in files is not counted.
    bytes: usize,
}

#[derive(Debug)]
enum Piece {
    Copied {
        bytes: Vec<u8>,
        sent: usize,
    },
    Shared {
        bytes: Bytes,
        droppable: bool,
        begun: bool,
    },
    File {
        file: File,
        range: Range<u64>,
    },
}

/// How sending went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Everything is sent.
    All,
    /// There is more, and room for it: only the budget was used up.
    Some,
    /// There is more, and the wire is full.
    Blocked,
}

/// Why sending cannot go on.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The wire failed.
    Wire(io::Error),
    /// A file ended before the range that was promised, or cannot be read.
    File,
}

impl Output {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets everything that was queued. The memory of the queue itself stays for its next owner.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
    }

    pub(crate) fn push_copied(&mut self, new: &[u8]) {
        if new.is_empty() {
            return;
        }
        self.bytes += new.len();
        match self.pieces.back_mut() {
            Some(Piece::Copied { bytes, .. }) if bytes.len() + new.len() <= PIECE_BYTES_MAX => {
                bytes.extend_from_slice(new);
                return;
            }
            _ => {}
        }
        self.pieces.push_back(Piece::Copied {
            bytes: new.to_vec(),
            sent: 0,
        });
    }

    pub(crate) fn push_shared(&mut self, bytes: Bytes) {
        if bytes.len() < SHARED_BYTES_MIN {
            self.push_copied(&bytes);
        } else {
            self.bytes += bytes.len();
            self.pieces.push_back(Piece::Shared {
                bytes,
                droppable: false,
                begun: false,
            });
        }
    }

    pub(crate) fn push_file(&mut self, file: File, range: Range<u64>) {
        if !range.is_empty() {
            self.pieces.push_back(Piece::File { file, range });
        }
    }

    /// Queues a message of a group unless more than `bytes_max` would then wait, in which case `policy` decides.
    /// Returns false when the policy is to disconnect.
    pub(crate) fn push_message(
        &mut self,
        message: Bytes,
        bytes_max: usize,
        policy: SlowMember,
        dropped: &mut u64,
    ) -> bool {
        if self.is_too_full(&message, bytes_max) {
            match policy {
                SlowMember::Disconnect => return false,
                SlowMember::DropNewest => {
                    *dropped += 1;
                    return true;
                }
                SlowMember::DropOldest => {
                    *dropped += self.drop_oldest(bytes_max.saturating_sub(message.len()));
                }
            }
        }
        if self.is_too_full(&message, bytes_max) {
            *dropped += 1;
        } else if !message.is_empty() {
            self.bytes += message.len();
            self.pieces.push_back(Piece::Shared {
                bytes: message,
                droppable: true,
                begun: false,
            });
        }
        true
    }

    /// Whether more than `bytes_max` would wait with so much more, or many pieces do already, however short they are.
    pub(crate) fn is_filled_by(&self, bytes: usize, bytes_max: usize) -> bool {
        self.bytes + bytes > bytes_max || self.pieces.len() >= PIECES_MAX / 4
    }

    /// Queues the rest of a group's message that has begun to be sent, so that it is not dropped any more.
    pub(crate) fn push_begun(&mut self, rest: Bytes) {
        self.bytes += rest.len();
        self.pieces.push_back(Piece::Shared {
            bytes: rest,
            droppable: true,
            begun: true,
        });
    }

    fn is_too_full(&self, message: &Bytes, bytes_max: usize) -> bool {
        self.bytes + message.len() > bytes_max || self.pieces.len() >= PIECES_MAX
    }

    /// Drops whole messages of groups, oldest first, until at most `bytes_max` are queued. What has begun to be sent stays.
    fn drop_oldest(&mut self, bytes_max: usize) -> u64 {
        let before = self.pieces.len();
        let (mut bytes_queued, mut pieces_queued) = (self.bytes, before);
        self.pieces.retain(|piece| match piece {
            Piece::Shared {
                bytes,
                droppable: true,
                begun: false,
            } if bytes_queued > bytes_max || pieces_queued >= PIECES_MAX => {
                bytes_queued -= bytes.len();
                pieces_queued -= 1;
                false
            }
            _ => true,
        });
        self.bytes = bytes_queued;
        (before - pieces_queued) as u64
    }

    /// Sends until everything is gone, the wire is full, or `budget` is used up. `progress` is told of every byte that was taken.
    pub(crate) fn send(
        &mut self,
        wire: &mut impl Wire,
        budget: &mut usize,
        progress: &mut u64,
    ) -> Result<Sent, SendError> {
        while !self.pieces.is_empty() {
            if *budget == 0 {
                return Ok(Sent::Some);
            }
            let (wanted, result) = self.send_once(wire);
            let sent = match result {
                Ok(sent) => sent,
                Err(SendError::Wire(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Sent::Blocked);
                }
                Err(error) => return Err(error),
            };
            *progress += sent as u64;
            *budget = budget.saturating_sub(sent);
            self.advance(sent);
            if sent < wanted {
                return Ok(Sent::Blocked);
            }
        }
        Ok(Sent::All)
    }

    /// One system call: the file at the front, or as many pieces of memory as lie before the next file.
    /// Returns how much was offered, and how much was taken.
    fn send_once(&self, wire: &mut impl Wire) -> (usize, Result<usize, SendError>) {
        if let Some(Piece::File { file, range }) = self.pieces.front() {
            let count = (range.end - range.start).min(FILE_BYTES_MAX);
            let sent = match wire.send_file(file, range.start, count) {
                Ok(0) => Err(SendError::File),
                Ok(sent) => Ok(sent),
                Err(error) => Err(SendError::Wire(error)),
            };
            // A short count may mean a full wire or the end of the file: only the next call tells.
            return (0, sent);
        }
        let mut pieces = [IoSlice::new(&[]); GATHER_MAX];
        let mut count = 0;
        let mut wanted = 0;
        for bytes in self.pieces.iter().map_while(Piece::bytes).take(GATHER_MAX) {
            pieces[count] = IoSlice::new(bytes);
            wanted += bytes.len();
            count += 1;
        }
        let result = match &pieces[..count] {
            [one] => wire.send(one),
            several => wire.send_gathered(several),
        };
        (wanted, result.map_err(SendError::Wire))
    }

    /// Removes the `sent` first bytes.
    fn advance(&mut self, mut sent: usize) {
        while sent > 0 {
            let Some(piece) = self.pieces.front_mut() else {
                return;
            };
            let length = match piece {
                Piece::Copied { bytes, sent } => bytes.len() - *sent,
                Piece::Shared { bytes, .. } => bytes.len(),
                Piece::File { range, .. } => {
                    usize::try_from(range.end - range.start).unwrap_or(usize::MAX)
                }
            };
            let taken = sent.min(length);
            sent -= taken;
            if !matches!(piece, Piece::File { .. }) {
                self.bytes -= taken;
            }
            if taken == length {
                self.pieces.pop_front();
            } else {
                piece.advance(taken);
            }
        }
    }
}

impl Piece {
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Copied { bytes, sent } => Some(&bytes[*sent..]),
            Self::Shared { bytes, .. } => Some(bytes),
            Self::File { .. } => None,
        }
    }

    fn advance(&mut self, taken: usize) {
        match self {
            Self::Copied { sent, .. } => *sent += taken,
            Self::Shared { bytes, begun, .. } => {
                *bytes = bytes.slice(taken..);
                *begun = true;
            }
            Self::File { range, .. } => range.start += taken as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wire that takes so many bytes at each call, and then none.
    struct Narrow {
        rooms: VecDeque<usize>,
        seen: Vec<u8>,
        calls: usize,
    }

    impl Narrow {
        fn new(rooms: &[usize]) -> Self {
            Self {
                rooms: rooms.iter().copied().collect(),
                seen: Vec::new(),
                calls: 0,
            }
        }
    }

    impl Wire for Narrow {
        fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            let room = self.rooms.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
            let sent = room.min(bytes.len());
            self.seen.extend_from_slice(&bytes[..sent]);
            Ok(sent)
        }

        fn send_gathered(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
            self.send(&all)
        }

        fn send_file(&mut self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
            use std::os::unix::fs::FileExt;
            let mut bytes = vec![0; usize::try_from(count).unwrap()];
            let read = file.read_at(&mut bytes, offset)?;
            if read == 0 {
                Ok(0)
            } else {
                self.send(&bytes[..read])
            }
        }
    }

    fn send(output: &mut Output, wire: &mut Narrow) -> Result<Sent, SendError> {
        output.send(wire, &mut usize::MAX.clone(), &mut 0)
    }

    #[test]
    fn pieces_of_memory_leave_in_one_call_and_in_order() {
        let mut output = Output::default();
        output.push_copied(b"ab");
        output.push_shared(Bytes::from_static(b"cd"));
        output.push_copied(b"ef");
        let mut wire = Narrow::new(&[100]);
        assert_eq!(send(&mut output, &mut wire).unwrap(), Sent::All);
        assert_eq!(
            (wire.seen.as_slice(), wire.calls, output.bytes()),
            (b"abcdef".as_slice(), 1, 0)
        );
    }

    #[test]
    fn a_wire_that_takes_one_byte_at_a_time_gets_the_same_bytes() {
        let mut output = Output::default();
        output.push_shared(Bytes::from_static(b"abc"));
        output.push_copied(b"def");
        let mut wire = Narrow::new(&[1; 6]);
        for left in (0..6).rev() {
            let expected = if left == 0 { Sent::All } else { Sent::Blocked };
            assert_eq!(send(&mut output, &mut wire).unwrap(), expected);
            assert_eq!(output.bytes(), left);
        }
        assert_eq!(wire.seen, b"abcdef");
    }

    #[test]
    fn a_file_that_ends_early_is_an_error_and_not_an_end() {
        let path = std::env::temp_dir().join(format!("socketserver-output-{}", std::process::id()));
        std::fs::write(&path, b"0123456789").unwrap();
        let mut output = Output::default();
        output.push_copied(b"<");
        output.push_file(File::open(&path).unwrap(), 2..5);
        output.push_copied(b">");
        let mut wire = Narrow::new(&[100; 9]);
        assert_eq!(send(&mut output, &mut wire).unwrap(), Sent::All);
        assert_eq!(wire.seen, b"<234>");
        output.push_file(File::open(&path).unwrap(), 8..20);
        assert!(matches!(send(&mut output, &mut wire), Err(SendError::File)));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn each_policy_for_slow_members_keeps_the_queue_within_its_limit() {
        let message = |text: &'static str| Bytes::from_static(text.as_bytes());
        for (policy, expected, expected_dropped) in [
            (SlowMember::DropNewest, b"1234".as_slice(), 1),
            (SlowMember::DropOldest, b"3456".as_slice(), 1),
        ] {
            let (mut output, mut dropped) = (Output::default(), 0);
            for text in ["12", "34", "56"] {
                assert!(output.push_message(message(text), 4, policy, &mut dropped));
            }
            let mut wire = Narrow::new(&[100]);
            send(&mut output, &mut wire).unwrap();
            assert_eq!(
                (wire.seen.as_slice(), dropped),
                (expected, expected_dropped)
            );
        }
        let (mut output, mut dropped) = (Output::default(), 0);
        assert!(output.push_message(message("1234"), 4, SlowMember::Disconnect, &mut dropped));
        assert!(!output.push_message(message("5"), 4, SlowMember::Disconnect, &mut dropped));
    }

    #[test]
    fn dropping_the_oldest_never_cuts_a_message_that_has_begun() {
        let (mut output, mut dropped) = (Output::default(), 0);
        output.push_message(
            Bytes::from_static(b"abcd"),
            6,
            SlowMember::DropOldest,
            &mut dropped,
        );
        let mut wire = Narrow::new(&[1]);
        assert_eq!(send(&mut output, &mut wire).unwrap(), Sent::Blocked);
        output.push_message(
            Bytes::from_static(b"ef"),
            6,
            SlowMember::DropOldest,
            &mut dropped,
        );
        output.push_message(
            Bytes::from_static(b"gh"),
            6,
            SlowMember::DropOldest,
            &mut dropped,
        );
        wire.rooms.push_back(100);
        send(&mut output, &mut wire).unwrap();
        assert_eq!((wire.seen.as_slice(), dropped), (b"abcdgh".as_slice(), 1));
    }
}
