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
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of some minutes")]
    pub fn since(&self, earlier: &Self) -> Cost {
        let user = self.user_seconds - earlier.user_seconds;
        let system = self.system_seconds - earlier.system_seconds;
        let coarse = user + system;
        // Threads that have come or gone in between have spent what only the coarse clock has seen.
        let same = self.threads.keys().eq(earlier.threads.keys());
        let fine: u64 = (self.threads.values().zip(earlier.threads.values()))
            .map(|(after, before)| after.saturating_sub(*before))
            .sum();
        let scale = if same && fine > 0 && coarse > 0.0 {
            fine as f64 / 1e9 / coarse
        } else {
            1.0
        };
        Cost {
            user_seconds: user * scale,
            system_seconds: system * scale,
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
