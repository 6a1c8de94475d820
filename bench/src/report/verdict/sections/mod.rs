//! A verdict in words, for people who want to know what to do and not how to read a table.

mod caution;
mod choice;
mod peers;
mod ranking;

use std::fmt;

use serde::Serialize;

use super::words::connections;
use super::{Doubt, Verdict};
use crate::report::Report;

/// Sentences about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What they are about: `Which mode to use`, `With 50 connections`.
    pub heading: String,
    /// How many connections they are about, when they are about one number of them; their sentences go on from the heading then.
    pub connections: Option<usize>,
    /// The sentences, the most useful first.
    pub sentences: Vec<String>,
}

/// All that have something to say.
pub(super) fn sections(report: &Report, verdict: &Verdict) -> Vec<Section> {
    let about = |heading: &str, sentences| Section {
        heading: heading.to_owned(),
        connections: None,
        sentences,
    };
    let mut sections = vec![about(
        "Which mode to use",
        choice::sentences(report, verdict),
    )];
    sections.extend(report.setup.connections.iter().map(|&count| Section {
        heading: format!("With {}", connections(count)),
        connections: Some(count),
        sentences: ranking::sentences(report, verdict, count),
    }));
    sections.push(about("Other servers", peers::sentences(report, verdict)));
    sections.push(about(
        "How sure this is",
        caution::sentences(report, verdict),
    ));
    sections.retain(|section| !section.sentences.is_empty());
    sections
}

impl Section {
    /// The sentences so that each can stand alone.
    pub fn complete(&self) -> Vec<String> {
        let complete = |sentence: &String| match self.connections {
            Some(_) => format!("{}, {sentence}", self.heading),
            None => sentence.clone(),
        };
        self.sentences.iter().map(complete).collect()
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.heading)?;
        for sentence in &self.sentences {
            writeln!(f, "  {sentence}")?;
        }
        Ok(())
    }
}

/// Why some could not be told apart, behind `because`.
fn because(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::TooFewRounds => "there were too few rounds",
        Doubt::GeneratorBound => "the load generator was the bottleneck, and not the server",
        Doubt::Overlap => "who was better changed from round to round",
        Doubt::Small => "they differ by less than 2 %",
        Doubt::Noise => "the same server, measured twice, differed as much from itself",
    }
}

/// Whether rounds were too few for anything, which is said once and not of every comparison.
fn has_too_few_rounds(verdict: &Verdict) -> bool {
    !verdict.findings.is_empty()
        && (verdict.findings.iter()).all(|finding| finding.doubt() == Some(Doubt::TooFewRounds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::samples::{Figures, report};
    use crate::report::{Datagrams, Kind};

    const ALL: &[(&str, Kind)] = &[
        ("reactor", Kind::Mode),
        ("control", Kind::Control),
        ("threads", Kind::Mode),
        ("serial", Kind::Mode),
        ("python", Kind::Peer),
    ];

    fn figures(name: &str, connections: usize) -> Figures {
        let many = connections > 200;
        let plain = Figures::default();
        match name {
            "threads" if many => Figures {
                cpu_us: 16.0,
                memory: 12e6,
                ..plain
            },
            "serial" => Figures {
                unserved: connections - 1,
                ..plain
            },
            "python" => Figures {
                p99_us: 4000.0,
                served: 12_500.0,
                cpu_us: 40.0,
                ..plain
            },
            _ => plain,
        }
    }

    #[test]
    fn a_comparison_reads_like_this() {
        let report = report(ALL, &[50, 200, 1000], 6, |name, connections, _| {
            figures(name, connections)
        });
        let expected = "\
Which mode to use:
  Use reactor for echo under this load: from 50 to 1000 connections no other mode serves better, or as well at less cost.
  With 1000 connections, compared with threads, reactor needs 1.6 times less processor time for each message and 3 times less memory.
  Up to 200 connections, threads does as well as reactor by processor time for each message and memory; from 1000 on reactor is better.

With 50 connections:
  serial left 49 of 50 clients unserved: it is ranked nowhere.
  reactor and threads answer soonest (99 of 100 answers within 1 ms) and cannot be told apart: reactor 4 times sooner than python.
  reactor and threads serve most (50,000 messages in a second) and cannot be told apart: reactor 4 times as many as python.
  reactor and threads need the least processor time (10 µs for each message) and cannot be told apart: reactor 4 times less than python.
  reactor, threads and python cannot be told apart by memory, because they differ by less than 2 %.

With 200 connections:
  serial left 199 of 200 clients unserved: it is ranked nowhere.
  reactor and threads answer soonest (99 of 100 answers within 1 ms) and cannot be told apart: reactor 4 times sooner than python.
  reactor and threads serve most (50,000 messages in a second) and cannot be told apart: reactor 4 times as many as python.
  reactor and threads need the least processor time (10 µs for each message) and cannot be told apart: reactor 4 times less than python.
  reactor, threads and python cannot be told apart by memory, because they differ by less than 2 %.

With 1000 connections:
  serial left 999 of 1000 clients unserved: it is ranked nowhere.
  reactor and threads answer soonest (99 of 100 answers within 1 ms) and cannot be told apart: reactor 4 times sooner than python.
  reactor and threads serve most (50,000 messages in a second) and cannot be told apart: reactor 4 times as many as python.
  reactor needs the least processor time (10 µs for each message): 1.6 times less than threads and 4 times less than python.
  reactor and python need the least memory (4 MB) and cannot be told apart: reactor 3 times less than threads.

Other servers:
  With 1000 connections, compared with python, reactor gives 99 of 100 answers 4 times sooner, serves 4 times as many messages in a second and needs 4 times less processor time for each message; they cannot be told apart by memory.

How sure this is:
  In every round reactor was measured twice, and its two runs differed by less than 2 %: nothing smaller counts as a difference.
";
        let verdict = report.verdict().to_string();
        assert_eq!(verdict, expected, "\n{verdict}");
    }

    /// The sentences of a comparison of two modes in which `threads` has these figures, after the report was changed.
    fn sentences(
        rounds: usize,
        threads: impl Fn(usize) -> Figures,
        change: impl Fn(&mut Report),
    ) -> String {
        let modes = [ALL[0], ALL[1], ALL[2]];
        let mut report = report(&modes, &[50, 1000], rounds, |name, connections, _| {
            if name == "threads" {
                threads(connections)
            } else {
                Figures::default()
            }
        });
        change(&mut report);
        report.verdict().sentences().join("\n")
    }

    #[track_caller]
    fn says(sentences: &str, part: &str) {
        assert!(sentences.contains(part), "'{part}' is not in:\n{sentences}");
    }

    fn slow(connections: usize) -> Figures {
        Figures {
            p99_us: if connections == 50 { 500.0 } else { 2000.0 },
            ..Figures::default()
        }
    }

    #[test]
    fn a_change_of_mode_is_told_with_its_reasons() {
        let told = sentences(6, slow, |_| ());
        says(
            &told,
            "Up to 50 connections use threads, from 1000 on use reactor: then",
        );
        says(
            &told,
            "With 50 connections, compared with reactor, threads gives 99 of 100 answers 2 times sooner.",
        );
        says(&told, "from 1000 on it is the other way round");
        says(
            &told,
            "With 1000 connections, reactor answers soonest (99 of 100 answers within 1 ms): 2 times sooner than threads.",
        );
    }

    #[test]
    fn too_few_rounds_conclude_nothing_and_say_so_once() {
        let told = sentences(3, slow, |_| ());
        says(
            &told,
            "Which mode to use is not known: there were too few rounds.",
        );
        says(&told, "There were only 3 rounds");
        assert_eq!(told.lines().count(), 3, "{told}");
    }

    #[test]
    fn what_disturbed_is_named() {
        let told = sentences(6, slow, |report| {
            report.machine.load_average = 1.75;
            report.is_complete = false;
            report.runs.truncate(30);
        });
        says(&told, "30 of 36 runs were made");
        says(&told, "1.8 programs wanted a processor");
        let told = sentences(6, slow, |report| {
            report
                .contestants
                .retain(|contestant| contestant.kind != Kind::Control);
        });
        says(&told, "nobody knows how much of a difference is noise");
        let told = sentences(6, slow, |report| {
            report.setup.load = "open loop".to_owned();
            for run in report.runs.iter_mut().filter(|run| run.connections == 1000) {
                run.generator.late_p99_us = Some(5000.0);
            }
        });
        says(
            &told,
            "With 1000 connections the load generator itself was late",
        );
    }

    #[test]
    fn who_loses_datagrams_is_named_and_who_loses_few_is_not() {
        let losing = |lost: u64, overrun: u64| {
            sentences(6, slow, |report| {
                for run in &mut report.runs {
                    run.datagrams = Some(Datagrams {
                        sent: 1000,
                        lost: if run.contestant == "threads" { lost } else { 0 },
                        overrun,
                        ..Datagrams::default()
                    });
                }
            })
        };
        says(
            &losing(23, 0),
            "Datagrams were lost (threads 2.3 % with 50 connections and threads 2.3 % with 1000 connections): a server that drops",
        );
        says(&losing(23, 1), "Of the lost datagrams 36 were answers that");
        assert!(!losing(1, 0).contains("lost"), "a thousandth is borne");
    }

    #[test]
    fn a_load_generator_that_was_the_bottleneck_is_no_verdict_on_servers() {
        let busy = |connections: usize| Figures {
            served: 10_000.0,
            cpu_us: 30.0,
            busy: if connections == 1000 { 1.0 } else { 0.5 },
            ..Figures::default()
        };
        let told = sentences(6, busy, |_| ());
        says(
            &told,
            "Some are perhaps faster than they look with 1000 connections",
        );
        says(
            &told,
            "With 1000 connections, reactor and threads cannot be told apart by latency of 99 of 100 answers and messages served in a \
             second, because the load generator was the bottleneck, and not the server.",
        );
        says(
            &told,
            "With 1000 connections, reactor needs the least processor time (10 µs for each message): 3 times less than threads.",
        );
        says(
            &told,
            "With 50 connections, reactor serves most (50,000 messages in a second): 5 times as many as threads.",
        );
    }

    #[test]
    fn servers_that_failed_are_named_with_what_happened() {
        let failing = |connections: usize| Figures {
            resets: if connections == 1000 { 2 } else { 0 },
            ..Figures::default()
        };
        let told = sentences(6, failing, |_| ());
        says(
            &told,
            "With 1000 connections, threads had errors, 12 reset (the server reset a connection): it is ranked nowhere.",
        );
        says(
            &told,
            "With 1000 connections, only reactor served all clients without fault.",
        );
        let told = sentences(6, failing, |report| {
            for run in report
                .runs
                .iter_mut()
                .filter(|run| run.contestant == "threads")
            {
                run.served = 0;
                run.errors.clear();
                run.fault = Some("it did not start.".to_owned());
            }
        });
        says(
            &told,
            "With 50 connections, threads could not be measured (it did not start): it is ranked nowhere.",
        );
        says(&told, "Use reactor for echo");
    }

    #[test]
    fn the_noise_that_was_seen_is_told() {
        let report = report(&ALL[..3], &[50], 6, |name, _, round| Figures {
            p99_us: if name == "control" && round == 1 {
                1250.0
            } else {
                1000.0
            },
            memory: if name == "threads" { 12e6 } else { 4e6 },
            ..Figures::default()
        });
        let told = report.verdict().sentences().join("\n");
        says(
            &told,
            "its two runs differed in latency of 99 of 100 answers by up to 25 %",
        );
        says(
            &told,
            "Use reactor for echo under this load: with 50 connections no other",
        );
    }

    #[test]
    fn where_the_control_has_no_value_the_noise_is_said_to_be_unknown() {
        let told = sentences(
            6,
            |_| Figures::default(),
            |report| {
                let is_gone = |run: &crate::report::Run| {
                    run.contestant == "control" && run.connections == 1000
                };
                report.runs.retain(|run| !is_gone(run));
            },
        );
        says(&told, "With 1000 connections the noise is not known");
        says(
            &told,
            "No mode is better than another one here: from 50 to 1000 connections, reactor and threads do",
        );
    }
}
