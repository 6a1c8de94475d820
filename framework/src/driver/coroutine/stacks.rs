//! The stacks of coroutines: lent, taken back, and limited in number.

use std::io;
use std::sync::{Mutex, PoisonError};

use corosensei::stack::DefaultStack;

/// How many stacks are kept for the next connections. Their touched pages stay in memory, most of them one each.
const SPARE_MAX: usize = 256;
/// What the system needs of its limit on mappings for everything else.
#[cfg(target_os = "linux")]
const MAPPINGS_RESERVED: usize = 2048;
/// A stack is two mappings: itself, and the guard page below it.
#[cfg(target_os = "linux")]
const MAPPINGS_PER_STACK: usize = 2;

/// Where the stacks of one server's coroutines come from and go back to.
///
/// Each ends in a guard page: a handler that recurses too deeply ends the process instead of writing into another one's stack.
#[derive(Debug)]
pub(crate) struct Stacks {
    bytes: usize,
    spare: Mutex<Spare>,
}

#[derive(Default)]
struct Spare(Vec<DefaultStack>);

impl Stacks {
    /// Stacks of so many bytes each, which the system rounds up to whole pages.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            spare: Mutex::default(),
        }
    }

    pub(crate) fn lend(&self) -> io::Result<DefaultStack> {
        let spare = self.lock().0.pop();
        match spare {
            Some(stack) => Ok(stack),
            None => DefaultStack::new(self.bytes).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!(
                        "cannot make a stack for the handler: {error} (lower connections_max or coroutine_stack_bytes)"
                    ),
                )
            }),
        }
    }

    pub(crate) fn take_back(&self, stack: DefaultStack) {
        let mut spare = self.lock();
        if spare.0.len() < SPARE_MAX {
            spare.0.push(stack);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many coroutines the system has room for, besides the stacks that are kept. Linux limits the number of mappings
    /// (`vm.max_map_count`, proc(5)).
    #[cfg(target_os = "linux")]
    pub(crate) fn coroutines_max() -> usize {
        let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count")
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok());
        limit.map_or(usize::MAX, coroutines_within)
    }

    /// How many coroutines the system has room for: as far as is known, any number.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn coroutines_max() -> usize {
        usize::MAX
    }
}

#[cfg(target_os = "linux")]
fn coroutines_within(mappings_max: usize) -> usize {
    let stacks = mappings_max.saturating_sub(MAPPINGS_RESERVED) / MAPPINGS_PER_STACK;
    stacks.saturating_sub(SPARE_MAX).max(1)
}

impl std::fmt::Debug for Spare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Spare").field(&self.0.len()).finish()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_coroutines_respects_the_limit_on_mappings() {
        assert_eq!(coroutines_within(65_530), (65_530 - 2048) / 2 - 256);
        assert_eq!(coroutines_within(100), 1);
    }

    #[test]
    fn stacks_are_used_again_and_few_are_kept() {
        let stacks = Stacks::new(16 * 1024);
        let lent: Vec<_> = (0..SPARE_MAX + 10)
            .map(|_| stacks.lend().unwrap())
            .collect();
        for stack in lent {
            stacks.take_back(stack);
        }
        assert_eq!(stacks.lock().0.len(), SPARE_MAX);
        let stack = stacks.lend().unwrap();
        assert_eq!(stacks.lock().0.len(), SPARE_MAX - 1);
        stacks.take_back(stack);
    }
}
