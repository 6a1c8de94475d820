//! Reports that nobody has measured, with everything in them that a measured one may have.

use socketserver_bench::report::{
    Chat, Contestant, Cost, Datagrams, GeneratorCost, GeneratorLimit, Kind, Latency, Machine,
    Point, Report, Run, SCHEMA, Setup,
};

/// Twelve contestants, five numbers of connections and six rounds, with all that can be missing or go wrong.
pub(crate) fn large() -> Report {
    let mut report = report(&NAMES, &[1, 10, 100, 1000, 10_000], 6);
    for run in &mut report.runs {
        spoil(run);
    }
    report.notes = vec![
        "System calls of foreign servers are not counted: they do not count them themselves."
            .to_owned(),
        "python could not be started with 10,000 connections: too many open files.".to_owned(),
    ];
    report
}

/// Three contestants with one number of connections.
pub(crate) fn single() -> Report {
    report(&NAMES[..5], &[1000], 6)
}

/// One contestant, one number of connections, one round.
pub(crate) fn smallest() -> Report {
    report(&NAMES[..1], &[10], 1)
}

/// Nothing at all.
pub(crate) fn empty() -> Report {
    Report {
        is_complete: false,
        ..report(&[], &[], 0)
    }
}

/// An open loop at a fixed rate.
pub(crate) fn open_loop() -> Report {
    let mut report = report(&NAMES[..6], &[10, 100, 1000], 6);
    "open loop".clone_into(&mut report.setup.load);
    report.setup.rate = Some(20_000.0);
    for run in &mut report.runs {
        run.offered = Some(200_000);
        run.served = run.served.min(200_000);
        run.generator.late_p99_us = Some(if run.connections == 1000 {
            1500.0
        } else {
            20.0
        });
    }
    report
}

/// Over datagrams, of which each server loses more than the one before and some find no room with the load generator.
pub(crate) fn datagrams() -> Report {
    let mut report = report(&NAMES[..4], &[1, 100], 6);
    "udp".clone_into(&mut report.setup.transport);
    report.setup.loss_timeout_seconds = Some(1.0);
    for run in &mut report.runs {
        let place = NAMES.iter().position(|(name, _)| *name == run.contestant);
        let lost = 40 * place.unwrap_or_default() as u64;
        run.datagrams = Some(Datagrams {
            sent: 10_000,
            received: 10_000 - lost,
            lost,
            reordered: lost / 20,
            overrun: lost / 40,
            ..Datagrams::default()
        });
    }
    report
}

/// A chat at a fixed rate, with members that never read and that some servers cut in some rounds.
pub(crate) fn chat() -> Report {
    let mut report = report(&NAMES[..4], &[10, 100, 1000], 6);
    "chat".clone_into(&mut report.setup.handler);
    "open loop".clone_into(&mut report.setup.load);
    report.setup.rate = Some(100.0);
    report.setup.active = Some(1);
    report.setup.stuck = 3;
    for run in &mut report.runs {
        let others = run.connections as u64 - 1;
        run.served = 1000 * others;
        run.offered = Some(run.served);
        run.chat = Some(Chat {
            messages: 1000,
            stuck_cut: if run.contestant == "reactor" {
                3
            } else {
                run.round % 3
            },
        });
    }
    report
}

/// An open loop at rising rates.
pub(crate) fn rates() -> Report {
    let mut report = report(&NAMES[..6], &[100], 12);
    "open loop".clone_into(&mut report.setup.load);
    report.setup.rate = Some(20_000.0);
    for run in &mut report.runs {
        let offered = 50_000 << (run.round % 6);
        run.offered = Some(offered);
        run.served = run.served.min(offered);
    }
    report
}

/// Names, commands and faults that want to break out.
pub(crate) fn hostile() -> Report {
    let evil = "</svg><script>alert(1)</script>\u{1b}[31m\u{202e}|`*\"'&\u{0}\u{ffff}\nx";
    let long = "a server with a name that is much longer than anything that anybody would want to read in a table";
    let mut report = report(
        &[(evil, Kind::Foreign), (long, Kind::Foreign)],
        &[1, 3, 4],
        2,
    );
    report.command = vec![evil.to_owned()];
    report.notes = vec![evil.to_owned()];
    evil.clone_into(&mut report.setup.handler);
    evil.clone_into(&mut report.machine.processor);
    for run in &mut report.runs {
        run.fault = Some(evil.to_owned());
        run.errors = [(evil.to_owned(), 2)].into();
    }
    report
}

/// What a verdict may say.
pub(crate) fn verdict() -> Vec<String> {
    [
        "reactor had the lowest p99 with 1,000 connections: 2.6 times below threads, and the intervals of 6 rounds do not overlap.",
        "It did so with a tenth of the memory. Up to 100 connections the servers did not differ measurably.",
        "Noise between two runs of the same server: 4 %.",
    ]
    .map(str::to_owned)
    .to_vec()
}

const NAMES: [(&str, Kind); 12] = [
    ("reactor", Kind::Mode),
    ("threads, blocking", Kind::Mode),
    ("pool of 64, blocking", Kind::Mode),
    ("reactor, coroutines", Kind::Mode),
    ("serial", Kind::Mode),
    ("reactor again", Kind::Control),
    ("threads, coroutines", Kind::Mode),
    ("reactors, 4 workers", Kind::Mode),
    ("epoll in C", Kind::Peer),
    ("tokio", Kind::Peer),
    ("python ThreadingTCPServer", Kind::Foreign),
    ("go net", Kind::Foreign),
];

/// A report of as many contestants, each a bit slower than the one before.
fn report(names: &[(&str, Kind)], connections: &[usize], rounds: usize) -> Report {
    let mut dice = Dice(7);
    let mut runs = Vec::new();
    for round in 1..=rounds {
        for &connections in connections {
            for (index, (name, _)) in names.iter().enumerate() {
                runs.push(run(name, index, connections, round, &mut dice));
            }
        }
    }
    let contestant = |&(name, kind): &(&str, Kind)| Contestant {
        name: name.to_owned(),
        kind,
        command: vec![
            "socketserver".to_owned(),
            "serve".to_owned(),
            "--mode".to_owned(),
            name.to_owned(),
        ],
    };
    Report {
        schema: SCHEMA,
        when: "2026-03-14T09:26:53Z".to_owned(),
        command: "socketserver compare echo --conns 1,10,100,1000,10000 --rounds 6 --seconds 10"
            .split(' ')
            .map(str::to_owned)
            .collect(),
        machine: machine(),
        setup: setup(connections, rounds),
        generator: GeneratorLimit {
            messages_per_second: 612_345.0,
        },
        contestants: names.iter().map(contestant).collect(),
        runs,
        notes: Vec::new(),
        is_complete: true,
    }
}

fn machine() -> Machine {
    Machine {
        processor: "AMD EPYC 7B13".to_owned(),
        processors: 8,
        system: "Linux 6.1.0-18-amd64".to_owned(),
        memory_bytes: 33_600_000_000,
        load_average: 0.34,
        server_processors: vec![0, 1, 2, 3],
        load_processors: vec![4],
    }
}

fn setup(connections: &[usize], rounds: usize) -> Setup {
    Setup {
        handler: "echo".to_owned(),
        transport: "tcp".to_owned(),
        load: "closed loop".to_owned(),
        message_bytes: 64,
        window: 1,
        nodelay: true,
        connections: connections.to_vec(),
        seconds: 10.0,
        warm_up_seconds: 2.0,
        rounds,
        seed: 42,
        ..Setup::default()
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "invented numbers"
)]
fn run(name: &str, index: usize, connections: usize, round: usize, dice: &mut Dice) -> Run {
    let crowd = (connections as f64).log10();
    let slowness = 1.0 + index as f64 * 0.18;
    let noise = 0.95 + 0.1 * dice.throw();
    let middle = 22.0 * slowness * noise * (1.0 + crowd * crowd * 0.8);
    let per_second =
        (2e5 / slowness * noise * (0.25 + crowd * 0.3).min(1.0 - crowd * 0.05)).max(900.0);
    let served = (per_second * 10.0) as u64;
    let threads = if name.starts_with("threads") || name.starts_with("python") {
        connections + 1
    } else {
        1 + index
    };
    let latency = latency(middle, 1.0 + 0.09 * index as f64, served);
    Run {
        contestant: name.to_owned(),
        connections,
        round,
        seconds: 10.0,
        served,
        series: series(middle * 9.0, index, dice),
        latency,
        server: Some(Cost {
            user_seconds: served as f64 * 1.1e-6 * slowness * noise,
            system_seconds: served as f64 * 4.2e-6 * slowness * noise,
            context_switches: (served as f64 * 0.013 * slowness * slowness) as u64,
            system_calls_per_message: (index < 8).then_some(2.0 + 0.04 * index as f64),
            resident_bytes: 3_100_000 + (threads * 46_000 + connections * 700) as u64,
            bytes_per_connection: 700.0 + 46_000.0 * (threads as f64 / connections as f64).min(1.0),
            threads: threads as u64,
        }),
        generator: GeneratorCost {
            busy: 0.6,
            late_p99_us: None,
        },
        fairness: 0.999 - 0.01 * index as f64,
        ..Run::default()
    }
}

/// A latency whose tail is the longer, the larger `tail` is.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "invented numbers"
)]
fn latency(middle: f64, tail: f64, count: u64) -> Latency {
    let mut buckets = Vec::new();
    let mut left = count;
    for step in 0..28_i32 {
        let end = middle * 0.6 * (1.0 + 0.32 * tail).powi(step);
        let part = if step < 3 { 0.3 } else { 0.68 };
        let here = ((left as f64) * part).ceil() as u64;
        buckets.push(((end * 10.0).round() / 10.0, here.min(left)));
        left -= here.min(left);
        if left == 0 {
            break;
        }
    }
    let max_us = buckets.last().map_or(0.0, |bucket| bucket.0);
    Latency { max_us, buckets }
}

fn series(p99: f64, index: usize, dice: &mut Dice) -> Vec<Point> {
    let point = |tenth: u32| {
        let stalls = index % 4 == 2 && tenth % 20 == 7;
        let is_silent = index == 8 && (40..46).contains(&tenth);
        Point {
            at_seconds: f64::from(tenth) / 10.0,
            served: u64::from(!is_silent) * 1000,
            p99_us: (!is_silent)
                .then(|| p99 * (0.8 + 0.4 * dice.throw()) * if stalls { 40.0 } else { 1.0 }),
        }
    };
    (1..=100).map(point).collect()
}

/// What goes wrong in the large report.
fn spoil(run: &mut Run) {
    match (run.contestant.as_str(), run.connections) {
        ("serial", connections @ 10..) => {
            run.unserved = connections - 1;
            run.served = 9000;
            run.fairness = 1.0 / 10.0;
        }
        ("epoll in C", 1000..) if run.round < 4 => run.generator.busy = 0.97,
        ("go net", 100) if run.round == 2 => {
            run.errors = [("reset".to_owned(), 12), ("connect".to_owned(), 3)].into();
            run.fault =
                Some("connection reset by peer while reading the answer to message 17".to_owned());
        }
        ("tokio", _) => run.server = None,
        ("python ThreadingTCPServer", 10_000) => {
            run.served = 0;
            run.latency = Latency::default();
            run.series.clear();
            run.server = None;
            run.fault = Some("the server did not listen within 10 s".to_owned());
        }
        _ => {}
    }
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from((self.0 >> 33) as u32) / f64::from(u32::MAX >> 1)
    }
}
