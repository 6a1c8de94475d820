//! Time as a value, and a timing wheel that schedules and cancels in constant time.
//!
//! Nothing below the drivers reads a clock: every method that depends on time takes a [`Time`],
//! so that a test (or a simulator) can hand in any time it likes.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds on the monotonic clock since an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(u64);

impl Time {
    /// Later than every time that is ever reached: "no deadline".
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// The time that lies `duration` after this one; [`Time::NEVER`] when that is too far away to count.
    pub(crate) fn after(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// The time that lies `limit` after this one, or never where there is no limit.
    pub(crate) fn after_limit(self, limit: Limit) -> Self {
        Self(self.0.saturating_add(limit.0))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The same time as the standard library says it, whose clock runs as this one does. Times of before there were any are the first one.
    pub(crate) fn instant(self) -> Instant {
        static ORIGIN: LazyLock<(Instant, Time)> = LazyLock::new(|| (Instant::now(), Clock::now()));
        let (instant, time) = *ORIGIN;
        instant
            .checked_sub(time.since(self))
            .map_or(instant, |instant| instant + self.since(time))
    }

    /// Whether this is more than `limit` after `earlier`.
    pub(crate) fn exceeds(self, earlier: Self, limit: Limit) -> bool {
        self.0.saturating_sub(earlier.0) > limit.0
    }

    /// The tick in which everything due at this time may fire: rounded up, so that no timer fires early.
    fn tick(self) -> u64 {
        (self.0.saturating_add((1 << TICK_BITS) - 1)) >> TICK_BITS
    }
}

/// How long something may take: what a setting says, in the form in which it costs one addition to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(u64);

impl Limit {
    /// No limit: nothing takes that long.
    pub(crate) const NONE: Self = Self(u64::MAX);
}

impl From<Option<Duration>> for Limit {
    fn from(limit: Option<Duration>) -> Self {
        let nanos = |limit: Duration| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        limit.map_or(Self::NONE, |limit| Self(nanos(limit)))
    }
}

/// The monotonic clock. A wall clock that jumps changes nothing here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock;

impl Clock {
    /// The time now, exact to the nanosecond.
    pub(crate) fn now() -> Time {
        Self::read(ClockId::Monotonic)
    }

    /// The time now as of the kernel's last tick (up to 10 ms ago), at a fraction of the cost of [`Clock::now`].
    ///
    /// It serves limits of tens of milliseconds that are looked at once per message. Only Linux has it.
    #[cfg(target_os = "linux")]
    pub(crate) fn coarse() -> Time {
        Self::read(ClockId::MonotonicCoarse)
    }

    /// The time now: this system has no cheaper clock.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn coarse() -> Time {
        Self::now()
    }

    #[expect(clippy::cast_sign_loss, reason = "monotonic times are not negative")]
    fn read(id: ClockId) -> Time {
        let now = clock_gettime(id);
        // Neither part of a monotonic time is negative, and together they fit for five centuries of uptime.
        Time(
            (now.tv_sec as u64)
                .wrapping_mul(1_000_000_000)
                .wrapping_add(now.tv_nsec as u64),
        )
    }
}

/// A tick is a little more than a millisecond: a power of two, so that times become ticks by a shift.
const TICK_BITS: u32 = 20;
#[cfg(test)]
const TICK_NANOS: u64 = 1 << TICK_BITS;
const LEVELS: usize = 6;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// The wheel's horizon in ticks: two years. What is due later waits at the horizon and is looked at again there.
const HORIZON: u64 = 1 << (SLOT_BITS as usize * LEVELS);
const NONE: u32 = u32::MAX;
const UNSCHEDULED: u16 = u16::MAX;

/// A hierarchical timing wheel with ticks of about a millisecond (Varghese and Lauck, scheme 7), keyed by small integers.
///
/// Each key has at most one deadline. Scheduling, moving and cancelling cost O(1) and no allocation once the key has
/// been used; an idle wheel costs nothing, since [`Wheel::next_deadline`] says how long there is nothing to do.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// Every tick up to this one has fired.
    elapsed: u64,
    /// One bit per slot of each level: is anything in it?
    occupied: [u64; LEVELS],
    /// The first key of each slot's list.
    heads: [u32; SLOTS * LEVELS],
    /// The list links of each key.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    tick: u64,
    previous: u32,
    next: u32,
    /// `level * SLOTS + slot`, or [`UNSCHEDULED`].
    place: u16,
}

impl Wheel {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            elapsed: now.0 >> TICK_BITS,
            occupied: [0; LEVELS],
            heads: [NONE; SLOTS * LEVELS],
            nodes: Vec::new(),
        }
    }

    /// Sets the deadline of `key`, replacing the one it had.
    pub(crate) fn schedule(&mut self, key: u32, deadline: Time) {
        let index = key as usize;
        if let Some(node) = self.nodes.get(index) {
            if node.place != UNSCHEDULED {
                self.cancel(key);
            }
        } else {
            let unused = Node {
                tick: 0,
                previous: NONE,
                next: NONE,
                place: UNSCHEDULED,
            };
            self.nodes.resize(index + 1, unused);
        }
        let tick = deadline
            .tick()
            .clamp(self.elapsed + 1, self.elapsed + HORIZON - 1);
        self.link(key, tick);
    }

    /// Forgets the deadline of `key`, if it has one.
    pub(crate) fn cancel(&mut self, key: u32) {
        let Some(&Node {
            previous,
            next,
            place,
            ..
        }) = self.nodes.get(key as usize)
        else {
            return;
        };
        if place == UNSCHEDULED {
            return;
        }
        let (level, slot) = (place as usize / SLOTS, place as usize % SLOTS);
        if previous == NONE {
            self.heads[place as usize] = next;
            if next == NONE {
                self.occupied[level] &= !(1 << slot);
            }
        } else {
            self.nodes[previous as usize].next = next;
        }
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        self.nodes[key as usize].place = UNSCHEDULED;
    }

    /// When [`Wheel::expire`] has something to do next. It may be earlier than the first deadline, never later.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.next_slot().map(|(_, _, tick)| Time(tick << TICK_BITS))
    }

    /// Moves every key whose deadline has come by `now` to `fired`.
    pub(crate) fn expire(&mut self, now: Time, fired: &mut Vec<u32>) {
        let now = now.0 >> TICK_BITS;
        while let Some((level, slot, tick)) = self.next_slot() {
            if tick > now {
                break;
            }
            self.elapsed = self.elapsed.max(tick);
            self.empty_slot(level, slot, fired);
        }
        self.elapsed = self.elapsed.max(now);
    }

    /// Fires the keys of a slot that are due, and sorts the others into finer slots.
    fn empty_slot(&mut self, level: usize, slot: usize, fired: &mut Vec<u32>) {
        let mut key = std::mem::replace(&mut self.heads[level * SLOTS + slot], NONE);
        self.occupied[level] &= !(1 << slot);
        while key != NONE {
            let node = &mut self.nodes[key as usize];
            let (tick, next) = (node.tick, node.next);
            node.place = UNSCHEDULED;
            if tick <= self.elapsed {
                fired.push(key);
            } else {
                self.link(key, tick);
            }
            key = next;
        }
    }

    fn link(&mut self, key: u32, tick: u64) {
        // The highest bit in which the tick differs from the present decides the level.
        let distance = (tick ^ self.elapsed) | (SLOTS as u64 - 1);
        let level = ((distance.ilog2() / SLOT_BITS) as usize).min(LEVELS - 1);
        let slot = slot_of(tick, level);
        let place = level * SLOTS + slot;
        let next = std::mem::replace(&mut self.heads[place], key);
        if next != NONE {
            self.nodes[next as usize].previous = key;
        }
        self.occupied[level] |= 1 << slot;
        self.nodes[key as usize] = Node {
            tick,
            previous: NONE,
            next,
            place: place as u16,
        };
    }

    /// The occupied slot that is reached first: its level, its index, and the tick at which it begins.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        // A finer level always holds the earlier keys, so the first one that is occupied decides.
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let here = slot_of(self.elapsed, level);
        let ahead = self.occupied[level]
            .rotate_right(here as u32)
            .trailing_zeros() as usize;
        let slot = (here + ahead) % SLOTS;
        let width = 1u64 << (SLOT_BITS as usize * level);
        let turn = width << SLOT_BITS;
        let mut tick = (self.elapsed & !(turn - 1)) + slot as u64 * width;
        if slot < here {
            // Only the coarsest level wraps around: its far slots belong to its next turn.
            tick += turn;
        }
        Some((level, slot, tick))
    }
}

fn slot_of(tick: u64, level: usize) -> usize {
    (tick >> (SLOT_BITS as usize * level)) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time(millis * TICK_NANOS)
    }

    fn expired(wheel: &mut Wheel, millis: u64) -> Vec<u32> {
        let mut fired = Vec::new();
        wheel.expire(at(millis), &mut fired);
        fired.sort_unstable();
        fired
    }

    #[test]
    fn times_are_as_far_apart_as_instants() {
        let now = Clock::now();
        let later = now.after(Duration::from_secs(5));
        assert_eq!(later.instant() - now.instant(), Duration::from_secs(5));
        assert!(now.instant() <= Instant::now());
        // Also those that were made up, and lie before everything else.
        let (first, second) = (Time(1_000_000_000), Time(3_000_000_000));
        assert_eq!(second.instant() - first.instant(), Duration::from_secs(2));
    }

    #[test]
    fn deadlines_of_every_distance_fire_at_their_tick_and_not_before() {
        for distance in [
            1,
            63,
            64,
            65,
            4095,
            4096,
            262_143,
            262_144,
            600_000,
            86_400_000,
            10_000_000_000,
        ] {
            for start in [0, 1, 63, 64, 4_100, 999_999] {
                let mut wheel = Wheel::new(at(start));
                wheel.schedule(7, at(start + distance));
                assert!(expired(&mut wheel, start + distance - 1).is_empty());
                assert_eq!(
                    expired(&mut wheel, start + distance),
                    [7],
                    "{start} + {distance}"
                );
                assert_eq!(wheel.next_deadline(), None);
            }
        }
    }

    #[test]
    fn the_wheel_agrees_with_a_sorted_map_over_many_random_steps() {
        let mut wheel = Wheel::new(at(5));
        let mut model = std::collections::BTreeMap::new();
        let (mut now, mut seed) = (5u64, 0x9E37_79B9_7F4A_7C15u64);
        for _ in 0..100_000 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let key = u32::try_from((seed >> 33) % 50).unwrap();
            match (seed >> 60) % 4 {
                0 => {
                    wheel.cancel(key);
                    model.remove(&key);
                }
                1 | 2 => {
                    let deadline = now + 1 + (seed >> 20) % (1 << ((seed >> 40) % 24));
                    wheel.schedule(key, at(deadline));
                    model.insert(key, deadline);
                }
                _ => {
                    let earliest = model.values().min().copied();
                    assert!(wheel.next_deadline() <= earliest.map(at) || earliest.is_none());
                    now += (seed >> 20) % (1 << ((seed >> 40) % 20));
                    let due: Vec<u32> = model
                        .iter()
                        .filter(|&(_, &d)| d <= now)
                        .map(|(&k, _)| k)
                        .collect();
                    model.retain(|_, deadline| *deadline > now);
                    assert_eq!(expired(&mut wheel, now), due);
                }
            }
        }
    }

    #[test]
    fn waiting_for_one_far_deadline_takes_few_steps() {
        let mut wheel = Wheel::new(at(1));
        wheel.schedule(0, at(600_000));
        let mut steps = 0;
        let mut fired = Vec::new();
        while let Some(next) = wheel.next_deadline() {
            wheel.expire(next, &mut fired);
            steps += 1;
        }
        assert_eq!(fired, [0]);
        assert!(steps <= LEVELS, "{steps} wake-ups for one deadline");
    }

    #[test]
    fn coarse_time_is_close_behind_exact_time() {
        let (coarse, exact) = (Clock::coarse(), Clock::now());
        assert!(coarse <= exact, "{coarse:?} {exact:?}");
    }
}
