//! `load`: the load generator alone, against any server.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use socketserver::Endpoint;
use socketserver_bench::compare::generator_limit;
use socketserver_bench::load::{self, Conversation, LoadError, Measurement, Plan};
use socketserver_bench::report::{Datagrams, GeneratorLimit};
use socketserver_bench::watch::{Processors, as_on};

use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::measuring::{LoadOptions, stop_when_interrupted};
use crate::units;

/// Puts a server, ours or not, under load, compares every byte of its answers, and says how long they took.
///
/// In a closed loop each connection waits for its answer before it sends again, which shows what the server can do at most. In an
/// open loop (--rate) messages are due at fixed times and the latency counts from then, so that a server that stalls cannot make its
/// clients ask less. Over datagrams every one is counted: what was sent, and what was lost, late, duplicated, reordered or corrupted of it. Loss is
/// told and is no failure. Files are put there before, under names that nobody else has, and removed afterwards. In a chat (--handler chat) all
/// connections enter one room, some of them speak (--active, one by default), and each delivery of a message to a member is compared and timed; the
/// server must let them speak as fast as they like (--flood off).
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0 done, 1 something was wrong with the answers, 2 usage, 3 cannot connect or resolve, 130 interrupted.")]
pub(crate) struct Options {
    /// Where the server listens: tcp://HOST:PORT, HOST:PORT, :PORT (on 127.0.0.1), unix:PATH or unix:@NAME, and for datagrams udp://HOST:PORT,
    /// unixgram:PATH or unixgram:@NAME
    endpoint: Endpoint,
    /// What the server answers: echo, uppercase, or with lines work:TIME or wait:TIME; chat, where everybody hears whoever speaks; or which way it
    /// transfers files that everybody may read and write: files:get or files:put
    #[arg(long, value_name = "HANDLER", default_value_t = Conversation::Echo)]
    handler: Conversation,
    /// Connections that are open at once, the members of a chat; over datagrams, sockets with a name of their own [default: 50; with files 8]
    #[arg(long, value_name = "N", value_parser = units::count::<usize>)]
    conns: Option<usize>,
    /// How long is measured
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = units::time)]
    duration: Duration,
    /// How long connecting may take; over datagrams, how long nothing at all may come back
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_CONNECT_TIMEOUT", default_value = "10s", value_parser = units::time)]
    connect_timeout: Duration,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    load: LoadOptions,
}

pub(crate) fn run(options: &Options, console: Console) -> Result<(), Failure> {
    let [form] = options.load.forms()[..] else {
        let sentence = "a load has one rate: write --rate 20000, or compare at several";
        return Err(Failure::new(Code::Usage, sentence));
    };
    let stop = stop_when_interrupted()?;
    let conns = if options.handler.has_files() { 8 } else { 50 };
    let plan = Plan {
        form,
        message_bytes: options.load.message_bytes(options.handler),
        connections: options.conns.unwrap_or(conns),
        active: options.load.active,
        stuck: options.load.stuck,
        think: options.load.think,
        nodelay: options.load.nodelay,
        warm_up: options.load.warm_up,
        duration: options.duration,
        connect_timeout: options.connect_timeout,
        loss_timeout: options.load.loss_timeout,
        ..Plan::new(options.endpoint.clone(), options.handler)
    };
    plan.check().map_err(|error| failure(&error))?;
    let limit = limit(&plan, &stop)?;
    console.say(format_args!(
        "{} {} {}, {}, {} of {} bytes, for {}",
        plan.connections,
        if has_chat(&plan) {
            "members of a chat at"
        } else {
            "connections to"
        },
        plan.endpoint,
        plan.form.words(),
        what_is_sent(&plan),
        plan.message_bytes,
        units::written(Some(plan.duration)),
    ));
    let measured = measure(&plan, &stop)?;
    let text = if options.json {
        as_json(&plan, &measured, limit)
    } else {
        as_text(&plan, &measured, limit)
    };
    print(&text)?;
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::told(Code::Interrupted));
    }
    match &measured.fault {
        None => Ok(()),
        Some(fault) => Err(Failure::new(
            Code::Failed,
            format!("something was wrong with the answers: {fault}"),
        )),
    }
}

/// What the load generator can do at most; none with files, where a run itself says so.
fn limit(plan: &Plan, stop: &AtomicBool) -> Result<Option<GeneratorLimit>, Failure> {
    if plan.conversation.has_files() {
        return Ok(None);
    }
    let limit = generator_limit(
        plan.conversation,
        plan.form,
        plan.endpoint.is_datagram(),
        plan.message_bytes,
        &Processors::default(),
        stop,
    );
    limit.map(Some).map_err(|error| failure(&error))
}

fn has_chat(plan: &Plan) -> bool {
    plan.conversation == Conversation::Chat
}

fn what_is_sent(plan: &Plan) -> &'static str {
    if plan.conversation.has_files() {
        "files"
    } else if plan.endpoint.is_datagram() {
        "datagrams"
    } else if plan.conversation.has_lines() {
        "lines"
    } else {
        "messages"
    }
}

/// Makes the load on the last processor, where there are several: a server that is free to choose will keep away from it.
fn measure(plan: &Plan, stop: &AtomicBool) -> Result<Measurement, Failure> {
    let processors = Processors::divide();
    as_on(&processors.load, || load::run(plan, &mut (), stop)).map_err(|error| failure(&error))
}

/// The failure of a load that could not be made.
pub(crate) fn failure(error: &LoadError) -> Failure {
    let code = match error {
        LoadError::Resolve { .. } | LoadError::Connect { .. } => Code::Connect,
        LoadError::Plan(_) => Code::Usage,
        _ => Code::Failed,
    };
    Failure::new(code, error.to_string())
}

/// The result, a line for each figure.
fn as_text(plan: &Plan, measured: &Measurement, limit: Option<GeneratorLimit>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a text does not fail.
        let _ = writeln!(text, "{name:<12}{value}");
    };
    let rate = rate_of(measured);
    let offered = measured.offered.map_or_else(String::new, |offered| {
        format!(" of {offered} that were due")
    });
    if let Some(bytes) = measured.bytes {
        line("throughput", throughput(bytes, measured.seconds));
    }
    line(
        match plan.conversation {
            Conversation::Files(_) => "transfers",
            Conversation::Chat => "deliveries",
            _ => "served",
        },
        format!("{}{offered}, {rate:.0} a second", measured.served),
    );
    if let Some(chat) = measured.chat {
        let (speakers, others) = (plan.speakers(), plan.connections - 1);
        line(
            "messages",
            format!("{} by {speakers}, each to {others} others", chat.messages),
        );
    }
    for (name, part) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
        if let Some(time) = measured.latency.quantile(part) {
            line(name, microseconds(time));
        }
    }
    if measured.served > 0 {
        line("max", microseconds(measured.latency.max_us));
    }
    // In a chat everybody hears the same, or something is wrong.
    if measured.served > 0 && !has_chat(plan) {
        line("fairness", format!("{:.3}", measured.fairness));
    }
    if measured.unserved > 0 {
        let who = if has_chat(plan) {
            "members never heard anything"
        } else {
            "connections were never served"
        };
        line("unserved", format!("{} {who}", measured.unserved));
    }
    if let Some(chat) = measured.chat.filter(|_| plan.stuck > 0) {
        line(
            "stuck",
            format!(
                "{} of {} were cut by the server",
                chat.stuck_cut, plan.stuck
            ),
        );
    }
    if let Some(datagrams) = measured.datagrams {
        let (sent, received) = (datagrams.sent, datagrams.received);
        line("datagrams", format!("{sent} sent, {received} received"));
        line("lost", loss(&datagrams));
        for (word, count) in datagrams.astray().filter(|(word, _)| *word != "lost") {
            line(word, count.to_string());
        }
    }
    for (word, count) in &measured.errors {
        line("error", format!("{word}: {count}"));
    }
    let busy = measured.generator.busy;
    let bound = if measured.generator.is_bottleneck() {
        "; it was the bottleneck: the server could do more"
    } else {
        ""
    };
    line(
        "generator",
        format!(
            "busy for {:.0} % of the time, at most {}{bound}",
            busy * 100.0,
            at_most(plan, measured, limit)
        ),
    );
    if let Some(late) = measured.generator.late_p99_us {
        line(
            "",
            format!(
                "99 of 100 messages were sent no later than {} after they were due",
                microseconds(late)
            ),
        );
    }
    text.pop();
    text
}

/// `1.234 GB/s (617,000,000 bytes)`.
#[expect(clippy::cast_precision_loss, reason = "bytes of some minutes")]
fn throughput(bytes: u64, seconds: f64) -> String {
    let rate = bytes as f64 / seconds.max(1e-9) / 1e9;
    format!("{rate:.3} GB/s ({bytes} bytes)")
}

/// What the load generator could do in a second without a pause: with messages what was measured before, with files what follows from this load.
#[expect(clippy::cast_precision_loss, reason = "bytes of some minutes")]
fn at_most(plan: &Plan, measured: &Measurement, limit: Option<GeneratorLimit>) -> String {
    if let Some(limit) = limit {
        let what = if has_chat(plan) {
            "deliveries"
        } else {
            "messages"
        };
        return format!("{:.0} {what} a second", limit.messages_per_second);
    }
    let busy = (measured.seconds * measured.generator.busy).max(1e-9);
    let bytes = measured.bytes.unwrap_or(0) as f64;
    format!("{:.2} GB a second", bytes / busy / 1e9)
}

/// What was lost, and what that means where it is much.
fn loss(datagrams: &Datagrams) -> String {
    let (lost, percent) = (datagrams.lost, datagrams.loss_percent());
    if datagrams.is_lossy() {
        format!("{lost}, {percent:.3} %: a server that drops is not faster")
    } else if lost > 0 {
        format!("{lost}, {percent:.4} %")
    } else {
        "none".to_owned()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of some millions")]
fn rate_of(measured: &Measurement) -> f64 {
    measured.served as f64 / measured.seconds.max(1e-9)
}

/// A time in the unit that it is best read in.
fn microseconds(time: f64) -> String {
    match time {
        ..1e3 => format!("{time:.0} us"),
        ..1e6 => format!("{:.2} ms", time / 1e3),
        _ => format!("{:.2} s", time / 1e6),
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of some minutes")]
fn as_json(plan: &Plan, measured: &Measurement, limit: Option<GeneratorLimit>) -> String {
    json!({
        "schema": 1,
        "endpoint": plan.endpoint,
        "handler": plan.conversation.to_string(),
        "load": plan.form.words(),
        "rate": plan.form.rate(),
        "connections": plan.connections,
        "message_bytes": plan.message_bytes,
        "seconds": measured.seconds,
        "bytes": measured.bytes,
        "bytes_per_second": measured.bytes.map(|bytes| bytes as f64 / measured.seconds.max(1e-9)),
        "served": measured.served,
        "served_per_second": rate_of(measured),
        "offered": measured.offered,
        "datagrams": measured.datagrams,
        "chat": measured.chat,
        "loss_percent": measured.datagrams.map(|datagrams| datagrams.loss_percent()),
        "p50_us": measured.latency.quantile(0.5),
        "p90_us": measured.latency.quantile(0.9),
        "p99_us": measured.latency.quantile(0.99),
        "p99.9_us": measured.latency.quantile(0.999),
        "latency": measured.latency,
        "series": measured.series,
        "fairness": measured.fairness,
        "unserved": measured.unserved,
        "errors": measured.errors,
        "fault": measured.fault,
        "generator": measured.generator,
        "generator_limit": limit,
    })
    .to_string()
}

/// Prints a result; a reader who has seen enough is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::system("cannot write to standard output", &error))
        }
        _ => Ok(()),
    }
}
