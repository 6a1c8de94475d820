//! The body of an upload: collected as it comes, stored and hashed by others.

use socketserver::{Conn, Input, Offloaded};

use super::{FileHandler, Next, State, too_busy};
use crate::files::transfer::Transfer;
use crate::files::work::{Outcome, Step};
use crate::files::{Hash, Refusal};

/// How many bytes are collected before they are stored. While so many are being stored, as many more may come.
const CHUNK_BYTES: usize = 256 * 1024;
/// From which size on what has come is a piece of its own. Less is added to the last piece: a vector for each byte of a peer that sends one at a time would take fifty times as much.
const PIECE_BYTES_MIN: usize = 4096;
/// How long a piece may become by adding to it.
const PIECE_BYTES_MAX: usize = 16 * 1024;
/// How much a piece grows at least, so that it is not copied for each byte.
const STEP_BYTES: usize = 256;
/// For how many more pieces there is room at a time.
const PIECES_STEP: usize = 8;

/// The most that a session has of a body in memory, besides what was read at once.
pub(in crate::files) const BODY_BYTES_MAX: usize = 2 * CHUNK_BYTES;

/// A body that comes.
pub(super) struct Receiving {
    /// How many bytes are still to come.
    left: u64,
    /// What has come and was not given away, in pieces as it came.
    pieces: Vec<Vec<u8>>,
    bytes: usize,
    /// Where it is stored, while nobody has it.
    transfer: Option<Box<Transfer>>,
    /// Storing what came before.
    storing: Option<Offloaded<Result<Box<Transfer>, Refusal>>>,
    /// What is done after the last byte.
    end: End,
}

/// What is done when the whole body has come.
pub(super) enum End {
    /// Version 1: it is a whole file, perhaps with a hash.
    Commit(Option<Hash>),
    /// Version 2: it is a part of one.
    Part,
}

impl Receiving {
    /// Takes what belongs to the body.
    pub(super) fn take(&mut self, input: &mut Input<'_>) {
        let count = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        self.left -= count as u64;
        self.bytes += count;
        let bytes = input.take(count);
        match self.pieces.last_mut() {
            Some(last) if count < PIECE_BYTES_MIN && last.len() + count <= PIECE_BYTES_MAX => {
                if last.capacity() - last.len() < count {
                    let step = STEP_BYTES.min(PIECE_BYTES_MAX - last.len());
                    last.reserve_exact(count.max(step));
                }
                last.extend_from_slice(bytes);
            }
            _ => {
                if self.pieces.len() == self.pieces.capacity() {
                    self.pieces.reserve_exact(PIECES_STEP);
                }
                self.pieces.push(bytes.to_vec());
            }
        }
    }

    /// The result of storing, once it is there.
    pub(super) fn take_result(&mut self) -> Option<Result<Box<Transfer>, Refusal>> {
        self.storing.as_mut()?.take()
    }
}

impl FileHandler {
    /// A body of so many bytes comes, for an upload that is open.
    pub(super) fn receive(
        &mut self,
        transfer: Box<Transfer>,
        bytes: u64,
        end: End,
        conn: &mut Conn<'_>,
    ) {
        self.state = State::Receiving(Box::new(Receiving {
            left: bytes,
            pieces: Vec::new(),
            bytes: 0,
            transfer: Some(transfer),
            storing: None,
            end,
        }));
        conn.resume_reading();
        self.store(conn);
    }

    /// Has stored what has come, if it is enough and nothing is being stored.
    pub(super) fn store(&mut self, conn: &mut Conn<'_>) {
        let State::Receiving(receiving) = &mut self.state else {
            return;
        };
        let is_complete = receiving.left == 0;
        if is_complete || (receiving.storing.is_some() && receiving.bytes >= CHUNK_BYTES) {
            conn.pause_reading();
        }
        if receiving.bytes < CHUNK_BYTES && !is_complete {
            return;
        }
        let Some(transfer) = receiving.transfer.take() else {
            return;
        };
        let pieces = std::mem::take(&mut receiving.pieces);
        receiving.bytes = 0;
        if is_complete {
            let end = std::mem::replace(&mut receiving.end, End::Part);
            self.have_done(
                move || finish(transfer, &pieces, end),
                Next::Acknowledge,
                conn,
            );
            return;
        }
        if let Ok(result) = conn.offload(move || transfer.append(&pieces)) {
            receiving.storing = Some(result);
        } else {
            let left = receiving.left;
            self.refuse(too_busy(), left, conn);
        }
    }

    /// What had come was stored, or could not be.
    pub(super) fn stored(&mut self, result: Result<Box<Transfer>, Refusal>, conn: &mut Conn<'_>) {
        let State::Receiving(receiving) = &mut self.state else {
            return;
        };
        receiving.storing = None;
        match result {
            Ok(transfer) => {
                receiving.transfer = Some(transfer);
                conn.resume_reading();
                self.store(conn);
            }
            Err(refusal) => {
                let left = receiving.left;
                self.refuse(self.as_seen_from_home(refusal), left, conn);
            }
        }
    }
}

/// Stores the last bytes, and does what is to be done then.
fn finish(transfer: Box<Transfer>, pieces: &[Vec<u8>], end: End) -> Step {
    match (transfer.append(pieces), end) {
        (Ok(transfer), End::Commit(promised)) => transfer
            .commit(promised.as_ref(), None)
            .map(|stored| stored.first_reply())
            .into(),
        (Ok(transfer), End::Part) => Step::Done(Outcome::Appended(transfer)),
        (Err(refusal), _) => Step::refused(refusal),
    }
}
