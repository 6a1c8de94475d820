//! A line for each run, for spreadsheets and scripts, as RFC 4180 has it: the plain figures, in units that the first line names.

use std::borrow::Cow;

use crate::report::{Datagrams, Metric, Report, Run, Unit};

/// The runs of a report as comma-separated values.
pub fn csv(report: &Report) -> String {
    let mut out = String::new();
    let metrics = Metric::ALL.map(|metric| Cow::from(heading(metric)));
    let counts = Datagrams::default().counts();
    let counts = counts.map(|(word, _)| Cow::from(format!("{word}_datagrams")));
    let counts = counts.into_iter().chain(CHAT.map(Cow::from));
    let first = BEFORE.into_iter().map(Cow::from);
    let last = AFTER.into_iter().map(Cow::from);
    line(&mut out, first.chain(metrics).chain(counts).chain(last));
    for run in &report.runs {
        let metrics = Metric::ALL.map(|metric| Cow::from(plain(metric.of(run))));
        let first = before(run).into_iter();
        let last = after(run).into_iter();
        line(
            &mut out,
            (first.chain(metrics))
                .chain(datagrams(run))
                .chain(chat(run))
                .chain(last),
        );
    }
    out
}

const BEFORE: [&str; 6] = [
    "contestant",
    "connections",
    "round",
    "seconds",
    "served_messages",
    "offered_messages",
];

const CHAT: [&str; 2] = ["chat_messages", "stuck_members_cut"];

const AFTER: [&str; 5] = [
    "unserved_connections",
    "generator_busy",
    "generator_late_p99_us",
    "error_kinds",
    "fault",
];

fn before(run: &Run) -> [Cow<'_, str>; 6] {
    [
        Cow::from(run.contestant.as_str()),
        Cow::from(run.connections.to_string()),
        Cow::from(run.round.to_string()),
        Cow::from(run.seconds.to_string()),
        Cow::from(run.served.to_string()),
        Cow::from(
            run.offered
                .map(|offered| offered.to_string())
                .unwrap_or_default(),
        ),
    ]
}

fn after(run: &Run) -> [Cow<'_, str>; 5] {
    let kinds: Vec<_> = run
        .errors
        .iter()
        .map(|(kind, count)| format!("{kind}={count}"))
        .collect();
    [
        Cow::from(run.unserved.to_string()),
        Cow::from(run.generator.busy.to_string()),
        Cow::from(plain(run.generator.late_p99_us)),
        Cow::from(kinds.join(" ")),
        Cow::from(run.fault.as_deref().unwrap_or_default()),
    ]
}

/// What became of the datagrams of a run. Of streams these fields are empty, which is not the same as zero.
fn datagrams(run: &Run) -> impl Iterator<Item = Cow<'_, str>> {
    let counts = run.datagrams.unwrap_or_default().counts();
    let written = |(_, count): (_, u64)| run.datagrams.map(|_| count.to_string());
    (counts.into_iter()).map(move |count| Cow::from(written(count).unwrap_or_default()))
}

/// What was said in the chat of a run, whose deliveries are what was served. Empty where there was none.
fn chat(run: &Run) -> [Cow<'_, str>; 2] {
    let written = |count: Option<String>| Cow::from(count.unwrap_or_default());
    [
        written(run.chat.map(|chat| chat.messages.to_string())),
        written(run.chat.map(|chat| chat.stuck_cut.to_string())),
    ]
}

/// The word of a metric with its unit, fit for a variable of a script.
fn heading(metric: Metric) -> String {
    let word = metric.word().replace(['.', '-'], "_");
    match (metric, metric.unit()) {
        (Metric::Cpu | Metric::User | Metric::System, _) => format!("{word}_us_per_message"),
        (Metric::SystemCalls | Metric::ContextSwitches, _) => format!("{word}_per_message"),
        (Metric::ServedPerCpuSecond, _) => word,
        (Metric::MemoryPerConnection, _) => "memory_bytes_per_connection".to_owned(),
        (_, Unit::PerSecond) => format!("{word}_per_second"),
        (_, Unit::BytesPerSecond) => format!("{word}_bytes_per_second"),
        (_, Unit::Microseconds) => format!("{word}_us"),
        (_, Unit::Bytes) => format!("{word}_bytes"),
        (_, Unit::Count) => word,
        (_, Unit::Percent) => format!("{word}_percent"),
    }
}

fn plain(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn line<'a>(out: &mut String, fields: impl IntoIterator<Item = Cow<'a, str>>) {
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if field.contains(['"', ',', '\r', '\n']) {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&field);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut out = String::new();
        line(
            &mut out,
            ["plain", "a,b", "say \"so\"", "two\nlines", ""].map(Cow::from),
        );
        assert_eq!(out, "plain,\"a,b\",\"say \"\"so\"\"\",\"two\nlines\",\r\n");
    }

    #[test]
    fn headings_name_their_units() {
        let headings = Metric::ALL.map(heading);
        assert_eq!(headings[0], "served_per_second");
        assert_eq!(headings[4], "p99_9_us");
        assert!(headings.contains(&"memory_bytes".to_owned()));
    }
}
