//! `serve`: binds every endpoint, says where, serves until a signal comes, and reports.

mod descriptors;
mod files;
mod report;
mod service;
mod settings;
mod signals;
mod summary;

use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;

use clap::Args;
use socketserver::{Address, Config, DatagramServer, Endpoint, Server, StopHandle, StreamServer};

use self::files::FileService;
use self::report::Served;
use self::service::{HandlerOptions, Service, ServiceParser};
use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::groups;

/// Runs a server until SIGTERM or SIGINT.
///
/// Standard output has one line for each endpoint, `listening tcp://127.0.0.1:9001`, as soon as clients may connect, and
/// nothing else. On the first signal the server takes no more connections and lets the live ones finish; a second one
/// cuts them.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// What to serve, work and wait with a time if it is not 200us and 5ms (wait:20ms); without it echo and uppercase, each
    /// on its default port
    #[arg(value_parser = ServiceParser)]
    handler: Option<Service>,
    /// Where to listen: tcp://HOST:PORT, HOST:PORT, :PORT (on 127.0.0.1), unix:PATH or unix:@NAME, and for datagrams
    /// udp://HOST:PORT, unixgram:PATH or unixgram:@NAME [default: 127.0.0.1 and the handler's port: echo 9001, uppercase
    /// 9002, files 9004, work 9005, wait 9006]
    #[arg(value_name = "ENDPOINT")]
    endpoints: Vec<Endpoint>,
    #[command(flatten)]
    of_handler: HandlerOptions,
    /// Write the final report here, as JSON: all counts, summed over all handlers, and under "servers" those of each
    #[arg(long, value_name = "FILE", env = "SOCKETSERVER_STATS_FILE")]
    stats_file: Option<PathBuf>,
    #[command(flatten)]
    settings: settings::Settings,
}

/// A server that listens, and what it is going to serve.
struct Bound {
    service: Service,
    server: Carrier,
}

impl Bound {
    fn is_for_streams(&self) -> bool {
        matches!(self.server, Carrier::Streams(_))
    }
}

/// A server, by what carries the messages.
enum Carrier {
    Streams(StreamServer),
    Datagrams(DatagramServer),
}

impl Carrier {
    fn server(&self) -> &dyn Server {
        match self {
            Self::Streams(server) => server,
            Self::Datagrams(server) => server,
        }
    }
}

pub(crate) fn run(options: Options, console: Console) -> Result<(), Failure> {
    options
        .of_handler
        .check(options.handler, &options.endpoints)?;
    let files = options.of_handler.open_files(options.handler)?;
    let config = options.settings.config()?;
    let config = match &files {
        Some(files) => files.config(config),
        None => config,
    };
    if let Some(path) = &options.stats_file {
        report::check_writable(path)?;
    }
    let plan = plan(options.handler, options.endpoints);
    for endpoint in plan.iter().flat_map(|(_, endpoints)| endpoints) {
        groups::check(endpoint, &config.multicast_groups)?;
    }
    let servers = bind(plan, &config)?;
    let for_streams = servers.iter().filter(|bound| bound.is_for_streams());
    let for_streams = for_streams.count();
    // All datagrams of a server come through the sockets that it has already.
    descriptors::make_room(&config, for_streams);
    let stops: Vec<_> = servers
        .iter()
        .map(|bound| bound.server.server().stop_handle())
        .collect();
    let stopping = summary::of_stopping(&config, for_streams > 0);
    signals::stop_at_signals(stops.clone(), stopping, console)?;
    announce(&servers)?;
    let memory = match &files {
        Some(files) => files.memory_bytes_max(&config),
        None => options.of_handler.memory_bytes_max(&config),
    };
    summarize(&servers, &config, memory, console);
    if options.handler.is_none() {
        invite(&servers, console);
    }

    if let Some(files) = &files {
        let addresses = servers
            .iter()
            .flat_map(|bound| bound.server.server().addresses());
        files.introduce(&addresses.cloned().collect::<Vec<_>>(), console);
    }
    let (served, failures) = serve(servers, &options.of_handler, files, &stops)?;
    for served in &served {
        console.say(served);
    }
    if let Some(path) = &options.stats_file {
        report::write(path, &served)?;
    }
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// What listens where: one server each for the streams and the datagrams of the handler that was asked for, or one for each handler to begin with.
fn plan(handler: Option<Service>, endpoints: Vec<Endpoint>) -> Vec<(Service, Vec<Endpoint>)> {
    match handler {
        Some(service) if !endpoints.is_empty() => {
            let (datagrams, streams): (Vec<_>, Vec<_>) =
                endpoints.into_iter().partition(Endpoint::is_datagram);
            let servers = [(service, streams), (service, datagrams)];
            let has_endpoints = |(_, endpoints): &(Service, Vec<Endpoint>)| !endpoints.is_empty();
            servers.into_iter().filter(has_endpoints).collect()
        }
        Some(service) => vec![service.by_default()],
        None => Service::TO_BEGIN_WITH.map(Service::by_default).into(),
    }
}

fn bind(plan: Vec<(Service, Vec<Endpoint>)>, config: &Config) -> Result<Vec<Bound>, Failure> {
    let mut servers = Vec::new();
    for (service, endpoints) in plan {
        let is_datagram = endpoints.iter().any(Endpoint::is_datagram);
        let builder = StreamServer::builder()
            .config(config.clone())
            .endpoints(endpoints);
        let bound = if is_datagram {
            builder.bind_datagrams().map(Carrier::Datagrams)
        } else {
            builder.bind().map(Carrier::Streams)
        };
        let server = bound.map_err(|error| Failure::start(&error))?;
        servers.push(Bound { service, server });
    }
    Ok(servers)
}

/// Says where clients may connect.
fn announce(servers: &[Bound]) -> Result<(), Failure> {
    match print_addresses(servers) {
        // Whoever reads no further knows enough; clients come all the same.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| {
            Failure::system("cannot say on standard output where it listens", &error)
        }),
    }
}

fn print_addresses(servers: &[Bound]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for address in servers
        .iter()
        .flat_map(|bound| bound.server.server().addresses())
    {
        writeln!(stdout, "listening {address}")?;
    }
    stdout.flush()
}

/// Says how the servers behave, in a line for those of either kind; a server for streams takes so much memory at most.
fn summarize(servers: &[Bound], config: &Config, stream_memory_bytes_max: u128, console: Console) {
    let (streams, datagrams): (Vec<_>, Vec<_>) =
        servers.iter().partition(|bound| bound.is_for_streams());
    if !streams.is_empty() {
        let memory = stream_memory_bytes_max.saturating_mul(streams.len() as u128);
        console.say(summary::of_streams(config, memory));
    }
    if !datagrams.is_empty() {
        let endpoints = datagrams
            .iter()
            .map(|bound| bound.server.server().addresses().len());
        let memory = config.datagram_memory_bytes_max();
        let memory = memory.saturating_mul(endpoints.sum::<usize>() as u128);
        console.say(summary::of_datagrams(config, memory));
    }
}

/// Says how to try the servers.
fn invite(servers: &[Bound], console: Console) {
    for bound in servers {
        let ports = bound
            .server
            .server()
            .addresses()
            .iter()
            .filter_map(Address::port);
        ports.for_each(|port| console.say(bound.service.invitation(port)));
    }
}

/// Serves until all servers have stopped, each on a thread of its own. Where one ends, all do.
fn serve(
    servers: Vec<Bound>,
    options: &HandlerOptions,
    mut files: Option<FileService>,
    stops: &[StopHandle],
) -> Result<(Vec<Served>, Vec<Failure>), Failure> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for bound in servers {
            let builder = thread::Builder::new().name(bound.service.to_string());
            let files = files.take();
            let spawned = builder.spawn_scoped(scope, || {
                let _all_end_together = StopAll(stops);
                serve_one(bound, options, files)
            });
            threads
                .push(spawned.map_err(|error| Failure::system("cannot start a thread", &error))?);
        }
        let (mut served, mut failures) = (Vec::new(), Vec::new());
        for thread in threads {
            match thread.join() {
                Ok(Ok(one)) => served.push(one),
                Ok(Err(failure)) => failures.push(failure),
                Err(_) => failures.push(Failure::new(
                    Code::Failed,
                    "a server has panicked (this is a bug)",
                )),
            }
        }
        Ok((served, failures))
    })
}

fn serve_one(
    bound: Bound,
    options: &HandlerOptions,
    files: Option<FileService>,
) -> Result<Served, Failure> {
    let Bound { service, server } = bound;
    let addresses = server.server().addresses().to_vec();
    let result = match server {
        Carrier::Streams(server) => service.serve(server, options, files),
        Carrier::Datagrams(server) => service.serve_datagrams(server, options),
    };
    match result {
        Ok(report) => Ok(Served {
            service,
            addresses,
            report,
        }),
        Err(error) => Err(Failure::new(Code::Failed, format!("{service}: {error}"))),
    }
}

/// Stops all servers when it is dropped, also by a panic.
struct StopAll<'a>(&'a [StopHandle]);

impl Drop for StopAll<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(StopHandle::stop);
    }
}
