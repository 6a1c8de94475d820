//! What the processes of a server have spent so far.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::report::Cost;

/// A look at a server at one moment. Two of them make a [`Cost`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Time on a processor, in its own code and in the kernel, in seconds; also of threads that have ended.
    user_seconds: f64,
    system_seconds: f64,
    /// Time on a processor of each thread that lives, in nanoseconds: finer than the two above.
    threads: BTreeMap<u32, u64>,
    context_switches: u64,
    resident_bytes: u64,
}

/// Looks at a process and those that it has started. None when it is not there, or nothing can be seen.
pub fn sample(process: u32) -> Option<Sample> {
    let mut sample = Sample::default();
    let family = family(process);
    // A child may have ended by now, the first one must be there.
    for (index, member) in family.iter().enumerate() {
        if add(&mut sample, *member).is_none() && index == 0 {
            return None;
        }
    }
    Some(sample)
}

impl Sample {
    /// Memory that is resident, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.resident_bytes
    }

    /// What was spent since an earlier look.
    pub fn since(&self, earlier: &Self) -> Cost {
        let user = self.user_seconds - earlier.user_seconds;
        let system = self.system_seconds - earlier.system_seconds;
        let (user_seconds, system_seconds) = match self.finely_since(earlier) {
            None => (user, system),
            Some(spent) => {
                // The coarse clock only divides. Where it has not ticked, it does so with the whole life.
                let parts = if user + system > 0.0 {
                    (user, system)
                } else {
                    (self.user_seconds, self.system_seconds)
                };
                let whole = parts.0 + parts.1;
                let user = if whole > 0.0 { parts.0 / whole } else { 0.0 };
                (spent * user, spent * (1.0 - user))
            }
        };
        Cost {
            user_seconds,
            system_seconds,
            context_switches: self
                .context_switches
                .saturating_sub(earlier.context_switches),
            system_calls_per_message: None,
            resident_bytes: self.resident_bytes,
            bytes_per_connection: 0.0,
            threads: self.threads.len() as u64,
        }
    }
}

impl Sample {
    /// Time on a processor since an earlier look, in seconds, by the fine clock; none where that says nothing: threads that have gone in between have
    /// spent what only the coarse one has seen.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of some minutes")]
    fn finely_since(&self, earlier: &Self) -> Option<f64> {
        let has_all = earlier
            .threads
            .keys()
            .all(|thread| self.threads.contains_key(thread));
        let before = |thread| earlier.threads.get(thread).copied().unwrap_or(0);
        let spent: u64 = (self.threads.iter())
            .map(|(thread, after)| after.saturating_sub(before(thread)))
            .sum();
        (has_all && spent > 0).then_some(spent as f64 / 1e9)
    }
}

/// A process and all that descend from it.
fn family(process: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for child in numbers("/proc") {
        if let Some(parent) = stat(&format!("/proc/{child}/stat")).and_then(|stat| stat.parent()) {
            children.entry(parent).or_default().insert(child);
        }
    }
    let mut family = vec![process];
    let mut next = 0;
    while let Some(&member) = family.get(next) {
        family.extend(children.remove(&member).into_iter().flatten());
        next += 1;
    }
    family
}

/// Adds what one process has spent.
fn add(sample: &mut Sample, process: u32) -> Option<()> {
    let stat = stat(&format!("/proc/{process}/stat"))?;
    let (user, system) = stat.processor_seconds()?;
    sample.user_seconds += user;
    sample.system_seconds += system;
    sample.resident_bytes += resident_bytes(process);
    let tasks = format!("/proc/{process}/task");
    for thread in numbers(&tasks) {
        let fine = fs::read_to_string(format!("{tasks}/{thread}/schedstat")).unwrap_or_default();
        let time = fine.split(' ').next().and_then(|time| time.parse().ok());
        sample.threads.insert(thread, time.unwrap_or(0));
        let status = fs::read_to_string(format!("{tasks}/{thread}/status")).unwrap_or_default();
        sample.context_switches += field(&status, "voluntary_ctxt_switches:")
            + field(&status, "nonvoluntary_ctxt_switches:");
    }
    Some(())
}

/// The memory of a process. What `statm` says may be behind by some pages for each processor; the roll-up is exact.
fn resident_bytes(process: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
    if let Ok(rollup) = rollup {
        return field(&rollup, "Rss:") * 1024;
    }
    let statm = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages: u64 = (statm.split(' ').nth(1))
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|rest| rest.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The names in a folder that are numbers.
fn numbers(folder: &str) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.collect()
}

/// The fields of `/proc/PID/stat` behind the name, which may have spaces and brackets in it.
struct Stat(Vec<String>);

fn stat(path: &str) -> Option<Stat> {
    let text = fs::read_to_string(path).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(Stat(fields.split(' ').map(str::to_owned).collect()))
}

impl Stat {
    fn parent(&self) -> Option<u32> {
        self.0.get(1)?.parse().ok()
    }

    #[expect(clippy::cast_precision_loss, reason = "ticks of some days")]
    fn processor_seconds(&self) -> Option<(f64, f64)> {
        let tick = rustix::param::clock_ticks_per_second() as f64;
        let seconds = |index: usize| {
            let ticks: u64 = self.0.get(index)?.parse().ok()?;
            Some(ticks as f64 / tick)
        };
        Some((seconds(11)?, seconds(12)?))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn this_process_is_seen_to_work() {
        let before = sample(std::process::id()).expect("this process is there");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(100) {
            std::hint::spin_loop();
        }
        let after = sample(std::process::id()).expect("this process is still there");
        let cost = after.since(&before);
        assert!(cost.user_seconds > 0.0, "{cost:?}");
        assert!(cost.threads >= 1 && cost.resident_bytes > 100_000);
    }

    #[test]
    fn the_fine_clock_counts_also_where_the_coarse_one_has_not_ticked_or_threads_have_come() {
        let sample = |user, system, threads: &[(u32, u64)]| Sample {
            user_seconds: user,
            system_seconds: system,
            threads: threads.iter().copied().collect(),
            ..Sample::default()
        };
        let spent = |after: &Sample, before: &Sample| {
            let cost = after.since(before);
            let milliseconds = |seconds: f64| (seconds * 1e3).round();
            (
                milliseconds(cost.user_seconds),
                milliseconds(cost.system_seconds),
            )
        };
        let ms = 1_000_000;
        let before = sample(0.01, 0.03, &[(1, 40 * ms)]);
        let without_tick = sample(0.01, 0.03, &[(1, 48 * ms)]);
        assert_eq!(spent(&without_tick, &before), (2.0, 6.0));
        let with_another = sample(0.02, 0.04, &[(1, 50 * ms), (2, 12 * ms)]);
        assert_eq!(spent(&with_another, &before), (11.0, 11.0));
        let one_has_gone = sample(0.02, 0.05, &[(2, 5 * ms)]);
        assert_eq!(spent(&one_has_gone, &before), (10.0, 20.0));
    }

    #[test]
    fn children_belong_to_their_parents() {
        let child = std::process::Command::new("sleep").arg("60").spawn();
        let mut child = child.expect("sleep can be started");
        let family = family(std::process::id());
        let is_there = family.contains(&child.id());
        child.kill().expect("it is ours");
        child.wait().expect("it has ended");
        assert!(is_there, "{family:?}");
    }

    #[test]
    fn what_is_not_there_is_not_seen() {
        assert_eq!(sample(u32::MAX), None);
    }
}
