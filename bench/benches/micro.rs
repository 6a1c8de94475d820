//! How long codecs, sessions and the timing wheel take, by the clock: to compare two ways of writing something on one quiet machine.
//!
//! `cargo bench -p socketserver-bench --features micro --bench micro`, with `--` and a part of a name behind it for some of them only. What must not become
//! dearer unnoticed is counted by `instructions.rs`, which needs no quiet machine.

mod subjects;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use self::subjects::{Subject, TIMES, with_subjects};

macro_rules! table {
    ($($group:ident { $($name:ident),+ })+) => {
        const GROUPS: &[(&str, &[(&str, fn() -> Subject)])] = &[
            $((stringify!($group), &[$((stringify!($name), subjects::$group::$name)),+])),+
        ];
    };
}
with_subjects!(table);

/// Measures all subjects. Their throughput is in messages, connections or timers.
fn all(criterion: &mut Criterion) {
    for (group, members) in GROUPS {
        let mut group = criterion.benchmark_group(*group);
        group.throughput(Throughput::Elements(TIMES as u64));
        for (name, prepare) in *members {
            group.bench_function(*name, |bencher| bencher.iter(prepare()));
        }
        group.finish();
    }
}

criterion_group!(micro, all);
criterion_main!(micro);
