//! Which processors servers and the load run on: each on its own, so that neither takes time from the other.

/// A division of the processors: the last one is for the load, all others are for servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processors {
    /// For servers.
    pub server: Vec<usize>,
    /// For the load.
    pub load: Vec<usize>,
}

impl Processors {
    /// Divides the processors that this thread may use. Where there is only one, nothing is divided and both lists are empty.
    pub fn divide() -> Self {
        let mut server = allowed();
        match server.pop() {
            Some(last) if !server.is_empty() => Self {
                server,
                load: vec![last],
            },
            _ => Self::default(),
        }
    }
}

/// Does something on these processors: what it starts, threads and processes, stays there. An empty list changes nothing.
pub fn as_on<T>(processors: &[usize], act: impl FnOnce() -> T) -> T {
    let before = allowed();
    move_to(processors);
    let result = act();
    move_to(&before);
    result
}

/// The processors that this thread may use, as far as that can be known.
#[cfg(target_os = "linux")]
fn allowed() -> Vec<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity};
    sched_getaffinity(None).map_or_else(
        |_| Vec::new(),
        |set| {
            (0..CpuSet::MAX_CPU)
                .filter(|&cpu| set.is_set(cpu))
                .collect()
        },
    )
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Vec<usize> {
    Vec::new()
}

/// Has this thread run on these processors from now on. Where that is not permitted, the system decides, as it does everywhere else.
#[cfg(target_os = "linux")]
fn move_to(processors: &[usize]) {
    use rustix::thread::{CpuSet, sched_setaffinity};
    if !processors.is_empty() {
        let mut set = CpuSet::new();
        for &cpu in processors {
            set.set(cpu);
        }
        let _ = sched_setaffinity(None, &set);
    }
}

#[cfg(not(target_os = "linux"))]
fn move_to(_: &[usize]) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_load_has_a_processor_of_its_own() {
        let processors = Processors::divide();
        assert!(
            processors
                .load
                .iter()
                .all(|cpu| !processors.server.contains(cpu))
        );
        assert_eq!(processors.load.is_empty(), processors.server.is_empty());
    }

    #[test]
    fn what_is_done_elsewhere_stays_there_and_no_longer() {
        let here = allowed();
        let there = as_on(&here[..1], allowed);
        assert_eq!(there, here[..1]);
        assert_eq!(allowed(), here);
    }
}
