//! The machine on which something is measured, as a report has it.

use std::fs;
use std::thread::available_parallelism;

use super::Processors;
use crate::report::Machine;

/// What can be known of this machine, and how its processors are divided.
pub fn machine(processors: &Processors) -> Machine {
    let system = rustix::system::uname();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().and_then(|load| load.parse().ok());
    Machine {
        processor: value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
        processors: available_parallelism().map_or(1, usize::from),
        system: format!(
            "{} {}",
            system.sysname().to_string_lossy(),
            system.release().to_string_lossy()
        ),
        memory_bytes: memory_bytes().unwrap_or(0),
        load_average: load.unwrap_or(0.0),
        server_processors: processors.server.clone(),
        load_processors: processors.load.clone(),
    }
}

fn memory_bytes() -> Option<u64> {
    let text = value("/proc/meminfo", "MemTotal")?;
    let kibibytes: u64 = text.split(' ').next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// What stands behind a name and a colon in a file of lines.
fn value(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}
