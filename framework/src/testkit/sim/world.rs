//! The network in memory: connections, clients, faults and the time, all in the hands of one seed.

use std::collections::VecDeque;
use std::time::Duration;

use rustix::io::Errno;

use super::client::{Client, Progress, State};
use super::clock::{self, begin, now};
use super::faults::{Fault, Kind};
use super::notice::Notice;
use super::pipe::Pipe;
use super::system::{WAITS_MAX, WAITS_PER_BYTE_MAX};
use super::trace::Trace;
use crate::server::StopHandle;
use crate::testkit::random::Random;
use crate::timer::Time;

/// In which simulated time a client that no fault has struck must have been served. Only waiting and jumps take any.
const SERVED_WITHIN: Duration = Duration::from_secs(60);

/// The network, and everybody in it but the server.
pub(super) struct World {
    random: Random,
    pub(super) trace: Trace,
    pub(super) lines: Vec<Line>,
    /// Connections that were not accepted yet.
    backlog: VecDeque<usize>,
    port_token: Option<usize>,
    /// Somebody has come to the port since that was last reported.
    port_edge: bool,
    accept_errors: VecDeque<Errno>,
    faults: VecDeque<Fault>,
    steps: u64,
    /// How often the server may wait yet.
    waits_left: u32,
    stop: StopHandle,
    pub(super) is_stopped: bool,
    /// A stop has come that the loop should hear of before anything else happens.
    pub(super) must_be_heard: bool,
    /// What was found to be wrong, first.
    pub(super) wrong: Option<String>,
}

/// One connection.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each noted by itself"
)]
pub(super) struct Line {
    pub(super) client: Client,
    /// From the client to the server.
    pub(super) up: Pipe,
    /// From the server to the client.
    pub(super) down: Pipe,
    /// What the loop calls it, once it watches it.
    pub(super) token: usize,
    pub(super) is_watched: bool,
    pub(super) watches_output: bool,
    /// What is ready and was not reported.
    edge: Edge,
    /// The server has found the socket full.
    pub(super) is_blocked: bool,
    pub(super) is_accepted: bool,
    pub(super) is_closed: bool,
    /// The client has reset, or is gone while bytes are coming.
    pub(super) is_reset: bool,
    /// The server's close will be a reset.
    pub(super) resets_on_close: bool,
    /// The server has reset.
    pub(super) was_reset: bool,
    /// How often the socket still says that it would block.
    would_block: u32,
}

/// What has become ready and was not reported yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each reported by itself"
)]
struct Edge {
    readable: bool,
    writable: bool,
    hung_up: bool,
    failed: bool,
}

impl World {
    pub(super) fn new(
        seed: u64,
        clients: Vec<Client>,
        faults: Vec<Fault>,
        stop: StopHandle,
    ) -> Self {
        clock::restart();
        let mut random = Random::new(seed);
        let mut lines: Vec<_> = clients
            .into_iter()
            .map(|client| Line::new(client, &mut random))
            .collect();
        for fault in &faults {
            // A handler panics when its time has come, whatever the network does.
            if let Kind::Panic { client, .. } = fault.kind {
                lines[client].client.is_harmed = true;
            }
        }
        Self {
            random,
            trace: Trace::default(),
            lines,
            backlog: VecDeque::new(),
            port_token: None,
            port_edge: false,
            accept_errors: VecDeque::new(),
            faults: faults.into(),
            steps: 0,
            waits_left: WAITS_MAX,
            stop,
            is_stopped: false,
            must_be_heard: false,
            wrong: None,
        }
    }

    pub(super) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// How often something was let happen.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Counts a wait of the server; false when there were too many.
    pub(super) fn count_wait(&mut self) -> bool {
        self.waits_left = self.waits_left.saturating_sub(1);
        self.waits_left > 0
    }

    pub(super) fn set_port_token(&mut self, token: Option<usize>) {
        self.port_token = token;
    }

    /// Notes what is wrong; the first finding counts.
    pub(super) fn blame(&mut self, what: impl FnOnce() -> String) {
        if self.wrong.is_none() {
            let what = what();
            self.trace.note("wrong", 0, 0, || what.clone());
            self.wrong = Some(what);
        }
    }

    pub(super) fn advance_to(&mut self, time: Time) {
        if clock::advance_to(time) {
            self.trace.note("time", 0, 0, || format!("{time:?}"));
        }
    }

    /// When the first client that waits will act by itself.
    pub(super) fn next_wake(&self) -> Option<Time> {
        self.lines
            .iter()
            .filter_map(|line| line.client.wakes_at())
            .min()
    }

    /// Whether nothing will ever come from the clients any more.
    pub(super) fn is_deserted(&self) -> bool {
        (self.lines.iter()).all(|line| line.client.state == State::Gone || line.client.is_frozen)
    }

    /// Lets one thing happen; false when nothing can but the passing of time.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        while self
            .faults
            .front()
            .is_some_and(|fault| fault.step <= self.steps)
        {
            if let Some(fault) = self.faults.pop_front() {
                self.strike(&fault.kind);
            }
        }
        let count = self.lines.len();
        let first = self.random.below(count);
        let order = self.random.below(3);
        for offset in 0..count {
            let index = (first + offset) % count;
            for turn in 0..3 {
                let moved = match (order + turn) % 3 {
                    0 => self.let_client_act(index),
                    1 => self.let_bytes_arrive_up(index),
                    _ => self.let_bytes_arrive_down(index),
                };
                if moved {
                    return true;
                }
            }
        }
        false
    }

    /// Stops the server; the loop hears of it next.
    pub(super) fn stop(&mut self, at_once: bool) {
        if at_once {
            self.stop.cut();
        } else {
            self.stop.stop();
        }
        self.is_stopped = true;
        self.must_be_heard = true;
        self.strike_everybody();
    }

    /// Nobody who is still there need be served to the end. Who has left already was.
    fn strike_everybody(&mut self) {
        let lines = self.lines.iter_mut();
        for line in lines.filter(|line| line.client.state != State::Gone) {
            line.client.is_harmed = true;
            line.client.hears_farewell = true;
        }
    }

    fn strike(&mut self, kind: &Kind) {
        self.trace.note("fault", 0, 0, || format!("{kind:?}"));
        match *kind {
            Kind::Reset { client } => self.reset_by_client(client),
            Kind::Freeze { client } => {
                self.lines[client].client.is_frozen = true;
                self.lines[client].client.is_harmed = true;
            }
            Kind::Slow { client } => self.lines[client].client.is_slow = true,
            Kind::WouldBlock { client, times } => self.lines[client].would_block += times,
            Kind::Accept(error) => self.accept_errors.push_back(error),
            Kind::Jump(time) => self.advance_to(now().after(time)),
            Kind::Panic { .. } => {}
            Kind::Stop => self.stop(false),
            Kind::Cut => self.stop(true),
        }
    }

    fn reset_by_client(&mut self, index: usize) {
        let line = &mut self.lines[index];
        if line.client.state != State::Talking {
            return;
        }
        line.client.is_harmed = true;
        line.client.state = State::Gone;
        line.is_reset = true;
        line.up.drop_everything();
        line.down.drop_everything();
        line.edge = Edge {
            readable: true,
            writable: true,
            hung_up: true,
            failed: true,
        };
    }

    fn let_client_act(&mut self, index: usize) -> bool {
        let line = &mut self.lines[index];
        match line.client.state {
            State::Gone => return false,
            State::Away => {
                line.client.state = State::Talking;
                self.backlog.push_back(index);
                self.port_edge = true;
                self.trace.note("connect", index, 0, String::new);
                return true;
            }
            State::Talking if line.client.resets_next() => {
                self.trace.note("reset", index, 0, String::new);
                self.reset_by_client(index);
                return true;
            }
            State::Talking => {}
        }
        let progress = line.client.act(
            &mut line.up,
            &mut line.down,
            line.was_reset,
            now(),
            &mut self.random,
        );
        match progress {
            Progress::Stuck if line.client.is_through() => {
                line.leave();
                let is_late = !line.client.is_harmed && now() > begin().after(SERVED_WITHIN);
                self.trace.note("leave", index, 0, String::new);
                if is_late {
                    self.blame(|| {
                        format!("client {index} was served only after {SERVED_WITHIN:?}")
                    });
                }
                true
            }
            Progress::Stuck => false,
            Progress::Moved(count) => {
                line.note_room();
                let waits = WAITS_PER_BYTE_MAX.saturating_mul(count as u32);
                self.waits_left = self.waits_left.saturating_add(waits);
                self.trace.note("act", index, count, String::new);
                true
            }
            Progress::Wrong(what) => {
                line.leave();
                self.blame(|| format!("client {index}: {what}"));
                true
            }
        }
    }

    fn let_bytes_arrive_up(&mut self, index: usize) -> bool {
        let line = &mut self.lines[index];
        if !line.up.is_flying() || line.client.is_frozen {
            return false;
        }
        let count = piece(line.up.flying(), &mut self.random);
        line.up.arrive(count);
        if line.is_closed && count > 0 {
            // Nobody reads that: the server's system answers with a reset.
            line.up.drop_everything();
            line.was_reset = true;
        }
        line.edge.readable = true;
        line.edge.hung_up |= line.up.has_end_arrived();
        self.trace.note("arrive", index, count, String::new);
        true
    }

    fn let_bytes_arrive_down(&mut self, index: usize) -> bool {
        let line = &mut self.lines[index];
        if !line.down.is_flying() || line.client.is_frozen {
            return false;
        }
        let count = piece(line.down.flying(), &mut self.random);
        line.down.arrive(count);
        if line.client.state == State::Gone && count > 0 {
            // Nobody reads that: the client's system answers with a reset.
            line.down.drop_everything();
            line.is_reset = true;
            line.edge.readable = true;
            line.edge.hung_up = true;
            line.edge.failed = true;
        }
        self.trace.note("deliver", index, count, String::new);
        true
    }
}

/// What the server sees and does.
impl World {
    pub(super) fn accept(&mut self) -> Result<usize, Errno> {
        if let Some(error) = self.accept_errors.pop_front() {
            self.lose_client_to(error);
            return Err(error);
        }
        let index = self.backlog.pop_front().ok_or(Errno::AGAIN)?;
        self.lines[index].is_accepted = true;
        self.trace.note("accept", index, 0, String::new);
        Ok(index)
    }

    /// What an error of `accept` means for those who wait.
    fn lose_client_to(&mut self, error: Errno) {
        match error {
            Errno::CONNABORTED | Errno::PERM => {
                if let Some(index) = self.backlog.pop_front() {
                    self.lines[index].turn_away();
                }
            }
            // Everybody who waits may be turned away with the descriptor in reserve.
            Errno::MFILE => {
                for line in &mut self.lines {
                    line.client.is_harmed |= !line.is_accepted;
                }
            }
            // The only listener is broken, so that the server stops.
            Errno::BADF => self.strike_everybody(),
            _ => {}
        }
    }

    /// The port is closed: those who still wait are reset.
    pub(super) fn close_port(&mut self) {
        self.port_token = None;
        for index in self.backlog.drain(..) {
            self.lines[index].turn_away();
        }
        for line in &mut self.lines {
            if line.client.state == State::Away {
                line.client.state = State::Gone;
            }
        }
    }

    /// Reports what is ready, though not always at once.
    pub(super) fn report(&mut self, events: &mut Vec<Notice>) {
        if let Some(token) = self.port_token
            && self.port_edge
            && !self.random.one_in(8)
        {
            self.port_edge = false;
            events.push(Notice {
                token,
                readable: true,
                writable: false,
                hung_up: false,
                failed: false,
            });
        }
        for line in &mut self.lines {
            if line.has_news() && !self.random.one_in(8) {
                events.push(line.take_news());
            }
        }
    }

    /// Whether something is ready that was not reported.
    pub(super) fn has_news(&self) -> bool {
        (self.port_edge && self.port_token.is_some()) || self.lines.iter().any(Line::has_news)
    }

    pub(super) fn receive(&mut self, index: usize, buffer: &mut [u8]) -> Result<usize, Errno> {
        let line = &mut self.lines[index];
        if line.is_reset {
            return Err(Errno::CONNRESET);
        }
        if line.would_block > 0 {
            line.would_block -= 1;
            line.edge.readable = true;
            return Err(Errno::AGAIN);
        }
        let count = line.up.receive(buffer);
        if count == 0 && !line.up.has_end_arrived() {
            return Err(Errno::AGAIN);
        }
        self.trace.bytes("receive", index, &buffer[..count]);
        Ok(count)
    }

    pub(super) fn send(&mut self, index: usize, bytes: &[u8]) -> Result<usize, Errno> {
        let line = &mut self.lines[index];
        if line.is_reset {
            return Err(Errno::PIPE);
        }
        if line.down.is_end_sent() {
            self.blame(|| format!("the server sends to client {index} after its own end"));
            return Err(Errno::PIPE);
        }
        let blocks = line.would_block > 0;
        line.would_block = line.would_block.saturating_sub(1);
        let max = if blocks {
            0
        } else {
            1 + self.random.below(bytes.len() * 2)
        };
        let line = &mut self.lines[index];
        let count = line.down.send(bytes, max);
        if count < bytes.len() {
            line.is_blocked = true;
            // There is room already: only this call has not used it.
            line.edge.writable |= line.down.room() > 0;
        }
        self.trace.bytes("send", index, &bytes[..count]);
        if count == 0 {
            Err(Errno::AGAIN)
        } else {
            Ok(count)
        }
    }

    pub(super) fn close(&mut self, index: usize) {
        let line = &mut self.lines[index];
        if std::mem::replace(&mut line.is_closed, true) {
            self.blame(|| format!("the connection of client {index} is closed twice"));
            return;
        }
        line.is_watched = false;
        // Input that nobody has read makes a reset of a close, and the reset destroys what is on its way.
        if line.resets_on_close || line.up.arrived() > 0 {
            line.was_reset = true;
            line.down.drop_everything();
        }
        line.down.send_end();
        self.trace.note("close", index, 0, String::new);
    }
}

impl Line {
    fn new(client: Client, random: &mut Random) -> Self {
        let mut capacity = || *random.pick(&[1, 3, 16, 100, 4096]);
        Self {
            client,
            up: Pipe::new(capacity()),
            down: Pipe::new(capacity()),
            token: 0,
            is_watched: false,
            watches_output: false,
            edge: Edge::default(),
            is_blocked: false,
            is_accepted: false,
            is_closed: false,
            is_reset: false,
            resets_on_close: false,
            was_reset: false,
            would_block: 0,
        }
    }

    /// The client closes its socket.
    fn leave(&mut self) {
        self.client.state = State::Gone;
        self.up.send_end();
        if self.down.arrived() > 0 {
            self.is_reset = true;
            self.edge.readable = true;
            self.edge.failed = true;
            self.edge.hung_up = true;
        }
    }

    fn turn_away(&mut self) {
        self.client.is_harmed = true;
        self.was_reset = true;
        self.is_closed = true;
        self.down.send_end();
    }

    /// The client has read: who was blocked is told that there is room.
    fn note_room(&mut self) {
        if self.is_blocked && self.down.room() > 0 {
            self.is_blocked = false;
            self.edge.writable = true;
        }
    }

    fn has_news(&self) -> bool {
        self.is_watched
            && (self.edge.readable
                || self.edge.hung_up
                || self.edge.failed
                || (self.edge.writable && self.watches_output))
    }

    fn take_news(&mut self) -> Notice {
        let edge = std::mem::take(&mut self.edge);
        // As the kernel does, an event tells everything that is so now, not only what is new.
        Notice {
            token: self.token,
            readable: edge.readable || self.up.arrived() > 0,
            writable: self.watches_output && (edge.writable || self.down.room() > 0),
            hung_up: edge.hung_up || self.up.has_end_arrived(),
            failed: edge.failed,
        }
    }

    /// The loop watches this line from now on: what is ready is news.
    pub(super) fn watch(&mut self, token: usize, output: bool) {
        self.token = token;
        self.is_watched = true;
        self.watches_output = output;
        self.edge.readable |= self.up.arrived() > 0 || self.up.has_end_arrived();
        self.edge.hung_up |= self.up.has_end_arrived();
        self.edge.writable |= output && self.down.room() > 0;
    }
}

/// How much of what is flying arrives together: often all of it, often one byte.
fn piece(flying: usize, random: &mut Random) -> usize {
    match random.below(3) {
        _ if flying == 0 => 0,
        0 => flying,
        1 => 1,
        _ => 1 + random.below(flying),
    }
}
