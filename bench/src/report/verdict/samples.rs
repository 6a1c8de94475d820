//! Reports that nobody has measured, for tests: what every run shall have found is said by a closure.

use crate::report::{
    Contestant, Cost, GeneratorCost, GeneratorLimit, Kind, Latency, Machine, Report, Run, SCHEMA,
    Setup,
};

/// Two modes and what tells the noise.
pub(in crate::report) const TWO_MODES: &[(&str, Kind)] = &[
    ("reactor", Kind::Mode),
    ("control", Kind::Control),
    ("threads", Kind::Mode),
];

/// What a run shall have found.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Figures {
    pub(in crate::report) served: f64,
    pub(in crate::report) p99_us: f64,
    pub(in crate::report) cpu_us: f64,
    pub(in crate::report) memory: f64,
    /// How busy the load generator was.
    pub(in crate::report) busy: f64,
    pub(in crate::report) unserved: usize,
    pub(in crate::report) resets: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            served: 50_000.0,
            p99_us: 1000.0,
            cpu_us: 10.0,
            memory: 4e6,
            busy: 0.5,
            unserved: 0,
            resets: 0,
        }
    }
}

impl Figures {
    /// The same with noise upon the figures that are measured: each is off by about so large a part.
    pub(in crate::report) fn with_noise(self, part: f64, random: &mut Random) -> Self {
        let mut off = |value: f64| value * (part * random.bell()).exp();
        Self {
            served: off(self.served),
            p99_us: off(self.p99_us),
            cpu_us: off(self.cpu_us),
            memory: off(self.memory),
            ..self
        }
    }
}

/// A complete report on a quiet machine; the closure has the contestant, the connections and the round.
pub(in crate::report) fn report(
    contestants: &[(&str, Kind)],
    connections: &[usize],
    rounds: usize,
    mut figures: impl FnMut(&str, usize, usize) -> Figures,
) -> Report {
    let mut runs = Vec::new();
    for round in 1..=rounds {
        for &connections in connections {
            for &(name, _) in contestants {
                runs.push(run(
                    name,
                    connections,
                    round,
                    figures(name, connections, round),
                ));
            }
        }
    }
    Report {
        schema: SCHEMA,
        when: "2026-01-01T00:00:00Z".to_owned(),
        command: vec!["socketserver".to_owned(), "compare".to_owned()],
        machine: Machine {
            processors: 2,
            ..Machine::default()
        },
        setup: Setup {
            handler: "echo".to_owned(),
            transport: "tcp".to_owned(),
            load: "closed loop".to_owned(),
            message_bytes: 64,
            window: 1,
            nodelay: true,
            connections: connections.to_vec(),
            seconds: 1.0,
            rounds,
            ..Setup::default()
        },
        generator: GeneratorLimit::default(),
        contestants: (contestants.iter())
            .map(|&(name, kind)| Contestant {
                name: name.to_owned(),
                kind,
                command: vec![name.to_owned()],
            })
            .collect(),
        runs,
        notes: Vec::new(),
        is_complete: true,
    }
}

#[expect(clippy::cast_sign_loss, reason = "figures of tests are positive")]
fn run(name: &str, connections: usize, round: usize, figures: Figures) -> Run {
    let errors = [("reset".to_owned(), figures.resets)];
    Run {
        contestant: name.to_owned(),
        connections,
        round,
        seconds: 1.0,
        served: figures.served as u64,
        latency: Latency {
            max_us: figures.p99_us,
            buckets: vec![(figures.p99_us, 1000)],
        },
        server: Some(Cost {
            user_seconds: figures.cpu_us * figures.served / 1e6,
            resident_bytes: figures.memory as u64,
            threads: 1,
            ..Cost::default()
        }),
        generator: GeneratorCost {
            busy: figures.busy,
            late_p99_us: None,
        },
        fairness: 1.0,
        unserved: figures.unserved,
        errors: errors.into_iter().filter(|&(_, count)| count > 0).collect(),
        fault: (figures.resets > 0).then(|| "the server reset a connection".to_owned()),
        ..Run::default()
    }
}

/// Numbers that look random and are the same for the same seed.
#[derive(Debug)]
pub(in crate::report) struct Random(pub(in crate::report) u64);

impl Random {
    /// From 0 to 1: splitmix, whose top bits a float can hold.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around 0, with a spread of 1: twelve numbers together are nearly a bell.
    pub(in crate::report) fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}
