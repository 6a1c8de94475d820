//! One connection of a loop: its socket, its session, and what the poll has said about it.

use rustix::io::Errno;

use super::system::Readiness;
use crate::driver::CountingWire;
use crate::group::Parcel;
use crate::net::Link;
use crate::session::{Sent, Session, Turn};
use crate::timer::Time;

/// A connection, with its socket in the slot that its key names, so that no descriptor outlives its token.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each noted by itself"
)]
pub(super) struct Connection<L> {
    pub(super) socket: L,
    pub(super) session: Session,
    /// When the wheel will have this connection looked at.
    pub(super) armed: Time,
    /// There may be something to read.
    pub(super) readable: bool,
    /// The socket may take output.
    pub(super) writable: bool,
    /// The peer's end was reported, so that a short read is followed by another one.
    pub(super) hung_up: bool,
    /// It is in the ready list.
    pub(super) queued: bool,
    /// The poll reports when the socket may take output again.
    pub(super) watches_output: bool,
}

/// How messages of a group were delivered.
pub(super) enum Delivered {
    /// They are sent, and nothing follows.
    Sent,
    /// They wait in the queue.
    Waits,
    /// The socket is full since then, and the rest waits in the queue.
    Blocked,
    /// Anything else: what there is to send is to be sent, and the session asked what comes next.
    Other,
}

impl<L: Link> Connection<L> {
    /// Remembers what an event says.
    pub(super) fn note(&mut self, event: impl Readiness) {
        if !self.writable {
            self.writable = event.is_writable();
        }
        let hung_up = event.is_read_closed() || event.is_error();
        self.hung_up |= hung_up;
        self.readable |= event.is_readable() || hung_up;
    }

    /// The poll has reported an error. A connection that is read from meets it there; one that is paused would not.
    #[cold]
    pub(super) fn look_at_error(&mut self, turn: &mut Turn) {
        if !self.session.wants_input(turn) {
            turn.counters.calls.other += 1;
            if let Some(error) = self.socket.take_error() {
                self.session.fail(error, turn);
            }
        }
    }

    /// Sends and receives, until there is no more to do or the budget is used up.
    pub(super) fn exchange(&mut self, buffer: &mut [u8], budget: usize, turn: &mut Turn) {
        self.exchange_inline(buffer, budget, turn);
    }

    #[expect(
        clippy::inline_always,
        reason = "the path of every message: each call less is a tenth of its cost"
    )]
    #[inline(always)]
    pub(super) fn exchange_inline(&mut self, buffer: &mut [u8], budget: usize, turn: &mut Turn) {
        if self.session.core().has_queue() {
            self.flush(budget, turn);
        }
        let mut left = budget;
        while self.readable && self.session.wants_input(turn) {
            turn.counters.calls.receive += 1;
            let received = self.socket.receive(buffer);
            match received {
                Ok(0) => {
                    self.readable = false;
                    self.session.end(turn);
                }
                Ok(count) => {
                    // A short read has taken everything, unless an end lies behind it (epoll(7)).
                    self.readable = count == buffer.len() || self.hung_up;
                    self.session.receive(&buffer[..count], turn);
                }
                Err(Errno::AGAIN) => self.readable = false,
                Err(error) => self.session.fail(error, turn),
            }
            self.flush_inline(budget, turn);
            if self.readable {
                left = left.saturating_sub(received.unwrap_or(left));
                if left == 0 {
                    break;
                }
            }
        }
    }

    /// Whether something waits only for the connection's turn, and not for room.
    pub(super) fn has_room_for_queue(&self) -> bool {
        self.writable && self.session.core().has_queue()
    }

    /// Sends messages of a group at once if nothing waits, unless they may wait, too.
    pub(super) fn deliver(
        &mut self,
        parcel: &Parcel<'_>,
        may_wait: bool,
        turn: &mut Turn,
    ) -> Delivered {
        if !may_wait && !self.session.core().has_queue() {
            let mut wire = CountingWire::new(&self.socket);
            let sent = self.session.deliver_at_once(parcel, &mut wire, turn);
            turn.counters.calls.send += wire.calls;
            match sent {
                Some(Sent::All) if self.session.is_open() => return Delivered::Sent,
                Some(Sent::Blocked) => {
                    self.writable = false;
                    return Delivered::Blocked;
                }
                Some(_) => return Delivered::Other,
                None => {
                    self.session.deliver(parcel, turn);
                    return Delivered::Other;
                }
            }
        }
        self.session.deliver(parcel, turn);
        if self.session.core().has_queue() {
            self.session.tell_queued(turn);
            Delivered::Waits
        } else {
            Delivered::Other
        }
    }

    /// Whether output waits already, or more than one turn's work does: then it waits in line, however often the poll reports it.
    pub(super) fn has_much_to_do(&self) -> bool {
        self.queued || self.session.core().has_queue()
    }

    /// Whether nothing is left over and the next look at it is arranged, as after most messages.
    pub(super) fn is_settled(&self) -> bool {
        self.session.is_quiet() && !self.readable && self.armed != Time::NEVER
    }

    /// Sends what there is to send, at most `budget` bytes.
    pub(super) fn flush(&mut self, budget: usize, turn: &mut Turn) {
        self.flush_inline(budget, turn);
    }

    #[expect(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(super) fn flush_inline(&mut self, budget: usize, turn: &mut Turn) {
        let mut wire = CountingWire::new(&self.socket);
        let sent = self.session.flush(&mut wire, budget, turn);
        turn.counters.calls.send += wire.calls;
        if sent == Sent::Blocked {
            self.writable = false;
        }
    }
}
