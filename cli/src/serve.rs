//! `serve`: binds every endpoint, says where, serves until a signal comes, and reports.

mod chat;
mod descriptors;
mod files;
mod report;
mod service;
mod settings;
mod signals;
mod summary;
mod talk;

use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;

use clap::Args;
use socketserver::{Address, Config, DatagramServer, Endpoint, Server, StopHandle, StreamServer};

use self::report::Served;
use self::service::{HandlerOptions, Prepared, Service, ServiceParser};
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
    /// What to serve, work and wait with a time if it is not 200us and 5ms (wait:20ms); without it echo, uppercase and chat,
    /// each on its default port
    #[arg(value_parser = ServiceParser)]
    handler: Option<Service>,
    /// Where to listen: tcp://HOST:PORT, HOST:PORT, :PORT (on 127.0.0.1), unix:PATH or unix:@NAME, and for datagrams
    /// udp://HOST:PORT, unixgram:PATH or unixgram:@NAME [default: 127.0.0.1 and the handler's port: echo 9001, uppercase
    /// 9002, chat 9003, files 9004, work 9005, wait 9006,
    /// talk 9007]
    #[arg(value_name = "ENDPOINT")]
    endpoints: Vec<Endpoint>,
    #[command(flatten)]
    of_handler: HandlerOptions,
    /// Write the final report here, as JSON: all counts, summed over all handlers, and under "servers" those of each
    #[arg(long, value_name = "FILE", env = "SOCKETSERVER_STATS_FILE", help_heading = None)]
    stats_file: Option<PathBuf>,
    #[command(flatten)]
    settings: settings::Settings,
}

/// A server that listens, and what it is going to serve.
struct Bound {
    service: Service,
    prepared: Prepared,
    config: Config,
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
    let services = match options.handler {
        Some(service) => vec![service],
        None => Service::TO_BEGIN_WITH.to_vec(),
    };
    let prepared: Vec<_> = services
        .into_iter()
        .map(|service| Ok((service, options.of_handler.prepare(service)?)))
        .collect::<Result<_, Failure>>()?;
    let config = options.settings.config()?;
    if let Some(path) = &options.stats_file {
        report::check_writable(path)?;
    }
    let mut servers = Vec::new();
    for (service, prepared) in &prepared {
        for endpoints in plan(*service, &options.endpoints) {
            for endpoint in &endpoints {
                groups::check(endpoint, &config.multicast_groups)?;
            }
            servers.push(bind(*service, prepared, endpoints, &config)?);
        }
    }
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
    summarize(&servers, &options.of_handler, console);
    if options.handler.is_none() {
        invite(&servers, console);
    }
    introduce(&prepared, &servers, console);

    let (served, failures) = serve(servers, &options.of_handler, &stops, console)?;
    for served in &served {
        console.say(served);
    }
    let chat = prepared
        .iter()
        .find_map(|(_, prepared)| prepared.chat_stats());
    if let Some(chat) = &chat {
        console.say(report::of_chat(chat));
    }
    if let Some(path) = &options.stats_file {
        report::write(path, &served, chat.as_ref())?;
    }
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// What each server of a handler listens at: one has the streams and one the datagrams, or there is one with the default endpoint.
fn plan(service: Service, endpoints: &[Endpoint]) -> Vec<Vec<Endpoint>> {
    if endpoints.is_empty() {
        return vec![service.by_default()];
    }
    let (datagrams, streams): (Vec<_>, Vec<_>) =
        endpoints.iter().cloned().partition(Endpoint::is_datagram);
    let has_endpoints = |endpoints: &Vec<Endpoint>| !endpoints.is_empty();
    [streams, datagrams]
        .into_iter()
        .filter(has_endpoints)
        .collect()
}

fn bind(
    service: Service,
    prepared: &Prepared,
    endpoints: Vec<Endpoint>,
    config: &Config,
) -> Result<Bound, Failure> {
    let is_datagram = endpoints.iter().any(Endpoint::is_datagram);
    let config = prepared.config(config.clone());
    let builder = StreamServer::builder()
        .config(config.clone())
        .endpoints(endpoints);
    let bound = if is_datagram {
        builder.bind_datagrams().map(Carrier::Datagrams)
    } else {
        builder.bind().map(Carrier::Streams)
    };
    Ok(Bound {
        service,
        prepared: prepared.clone(),
        config,
        server: bound.map_err(|error| Failure::start(&error))?,
    })
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

/// Says how the servers behave, in a line for those that behave alike.
fn summarize(servers: &[Bound], options: &HandlerOptions, console: Console) {
    let mut alike: Vec<Vec<&Bound>> = Vec::new();
    for bound in servers {
        let same = |group: &&mut Vec<&Bound>| {
            group[0].config == bound.config && group[0].is_for_streams() == bound.is_for_streams()
        };
        match alike.iter_mut().find(same) {
            Some(group) => group.push(bound),
            None => alike.push(vec![bound]),
        }
    }
    for group in alike {
        let config = &group[0].config;
        if group[0].is_for_streams() {
            let memory = group
                .iter()
                .map(|bound| options.memory_bytes_max(&bound.prepared, config));
            console.say(summary::of_streams(config, memory.sum()));
        } else {
            let endpoints = group
                .iter()
                .map(|bound| bound.server.server().addresses().len());
            let memory = config.datagram_memory_bytes_max();
            let memory = memory.saturating_mul(endpoints.sum::<usize>() as u128);
            console.say(summary::of_datagrams(config, memory));
        }
    }
}

/// Says what is served to whom, where there is more to say than the name.
fn introduce(prepared: &[(Service, Prepared)], servers: &[Bound], console: Console) {
    for (service, prepared) in prepared {
        let own = servers.iter().filter(|bound| bound.service == *service);
        let addresses: Vec<_> = own
            .flat_map(|bound| bound.server.server().addresses().iter().cloned())
            .collect();
        prepared.introduce(&addresses, console);
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
    stops: &[StopHandle],
    console: Console,
) -> Result<(Vec<Served>, Vec<Failure>), Failure> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for bound in servers {
            let builder = thread::Builder::new().name(bound.service.to_string());
            let spawned = builder.spawn_scoped(scope, || {
                let _all_end_together = StopAll(stops);
                serve_one(bound, options, console)
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

fn serve_one(bound: Bound, options: &HandlerOptions, console: Console) -> Result<Served, Failure> {
    let Bound {
        service,
        prepared,
        server,
        ..
    } = bound;
    let addresses = server.server().addresses().to_vec();
    let result = match server {
        Carrier::Streams(server) => service.serve(server, options, prepared, console),
        Carrier::Datagrams(server) => service.serve_datagrams(server, options, prepared),
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
