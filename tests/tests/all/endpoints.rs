//! Where a server listens: several endpoints at once, wildcards, Unix sockets and their files, and what cannot be bound.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use socketserver::{
    Address, BindError, Config, Conn, Endpoint, Handler, HandlerError, Input, Mode, Server,
    StartError, StreamServer,
};
use socketserver_handlers::Echo;
use socketserver_tests::{Client, Running, eventually, fresh_path};

/// One mode of event loops and one of threads, since their accepting threads are different ones.
const MODES: [Mode; 2] = [Mode::Reactor { loops: 1 }, Mode::Threads];
const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Says where its connection comes from and where it arrived, and closes.
struct Where;

impl Handler for Where {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let text = format!("{:?} to {:?}", conn.peer().ip(), conn.local());
        conn.write(text.as_bytes());
        conn.close();
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        Ok(())
    }
}

fn config(mode: Mode) -> Config {
    Config {
        mode,
        ..Config::default()
    }
}

fn try_bind(
    config: Config,
    endpoints: impl IntoIterator<Item = Endpoint>,
) -> Result<StreamServer, StartError> {
    StreamServer::builder()
        .config(config)
        .endpoints(endpoints)
        .bind()
}

/// A server on endpoints that must be free.
#[track_caller]
fn bind(config: Config, endpoints: impl IntoIterator<Item = Endpoint>) -> StreamServer {
    try_bind(config, endpoints).expect("the endpoints are free")
}

/// The error about an endpoint that must not be free.
#[track_caller]
fn bind_error(config: Config, endpoints: impl IntoIterator<Item = Endpoint>) -> BindError {
    match try_bind(config, endpoints) {
        Err(StartError::Bind(error)) => error,
        other => panic!("an endpoint should not be bound: {other:?}"),
    }
}

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp {
        host: host.into(),
        port,
    }
}

fn port_of(server: &StreamServer) -> u16 {
    server.addresses()[0].port().expect("it listens on TCP")
}

fn client_of(ip: IpAddr, port: u16) -> Client {
    Client::connect(&Address::Tcp(SocketAddr::new(ip, port)))
}

/// Has one conversation with a server that echoes.
#[track_caller]
fn converse(mut client: Client) {
    client
        .send("hello")
        .expect("hello")
        .half_close()
        .expect_end();
}

#[test]
fn every_endpoint_of_a_server_is_served() {
    for mode in MODES {
        let endpoints = [
            tcp("127.0.0.1", 0),
            tcp("::1", 0),
            Endpoint::Unix(fresh_path()),
            tcp("127.0.0.1", 0),
        ];
        let server = bind(config(mode), endpoints);
        let addresses = server.addresses().to_vec();
        assert_eq!(addresses.len(), 4);
        assert_ne!(addresses[0], addresses[3]);
        let server = Running::start(server, |_| Echo);
        // All are open at once, and each is served while the others are.
        let mut clients: Vec<Client> = addresses.iter().map(Client::connect).collect();
        for client in clients.iter_mut().rev() {
            client.send("hello").expect("hello");
        }
        clients.into_iter().for_each(converse);
        assert_eq!(server.stop().stats.accepted, 4);
    }
}

#[test]
fn a_wildcard_of_both_families_knows_an_ipv4_peer_by_its_plain_address() {
    for mode in MODES {
        let server = bind(config(mode), [tcp("::", 0)]);
        let port = port_of(&server);
        // It has the port in both families.
        let error = bind_error(config(mode), [tcp("0.0.0.0", port)]);
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        let _server = Running::start(server, |peer| Says(format!("{:?}", peer.ip())));
        for ip in [V4, V6] {
            client_of(ip, port)
                .expect(format!("{:?}", Some(ip)))
                .expect_end();
        }
    }
}

#[test]
fn a_wildcard_of_one_family_leaves_the_other_alone() {
    for mode in MODES {
        let config = Config {
            dual_stack: false,
            ..config(mode)
        };
        // The port is the system's choice for IPv6, so that another program may have it for IPv4: then another one is tried.
        let (v6, v4) = eventually("a port that is free in both families", || {
            let v6 = bind(config.clone(), [tcp("::", 0)]);
            let v4 = try_bind(config.clone(), [tcp("0.0.0.0", port_of(&v6))]).ok()?;
            Some((v6, v4))
        });
        let port = port_of(&v6);
        let _v6 = Running::start(v6, |_| Says("IPv6".into()));
        let _v4 = Running::start(v4, |_| Says("IPv4".into()));
        for _ in 0..10 {
            client_of(V4, port).expect("IPv4").expect_end();
            client_of(V6, port).expect("IPv6").expect_end();
        }
    }
}

/// Says one thing and closes.
struct Says(String);

impl Handler for Says {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(self.0.as_bytes());
        conn.close();
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        Ok(())
    }
}

#[test]
fn behind_a_wildcard_a_connection_knows_where_it_arrived() {
    for mode in MODES {
        for (host, ip) in [("0.0.0.0", V4), ("::", V4), ("::", V6)] {
            let server = bind(config(mode), [tcp(host, 0)]);
            let port = port_of(&server);
            let _server = Running::start(server, |_| Where);
            // An IPv4 address that came through an IPv6 socket is shown by `local` as the system has it.
            let local = match (host, ip) {
                ("::", IpAddr::V4(ip)) => IpAddr::V6(ip.to_ipv6_mapped()),
                _ => ip,
            };
            let local = Address::Tcp(SocketAddr::new(local, port));
            assert_eq!(local.ip(), Some(ip));
            client_of(ip, port)
                .expect(format!("{:?} to {local:?}", Some(ip)))
                .expect_end();
        }
    }
}

#[test]
fn a_host_name_is_bound_to_one_of_its_addresses() {
    for mode in MODES {
        let endpoint = tcp("localhost", 0);
        let resolved = endpoint.resolve().expect("every machine has a localhost");
        let server = bind(config(mode), [endpoint]);
        let address = server.addresses()[0].clone();
        assert!(
            resolved.iter().any(|one| Some(one.ip()) == address.ip()),
            "{address} is none of {resolved:?}"
        );
        let server = Running::start(server, |_| Echo);
        converse(server.connect());
    }
}

#[test]
fn a_stale_socket_file_is_replaced() {
    for mode in MODES {
        let path = fresh_path();
        // A listener of the standard library leaves its file behind, as a server that was killed does.
        drop(UnixListener::bind(&path).expect("the path is fresh"));
        assert!(path.exists());
        let server = bind(config(mode), [Endpoint::Unix(path.clone())]);
        let server = Running::start(server, |_| Echo);
        converse(server.connect());
        server.stop();
        assert!(!path.exists(), "the file is removed with the server");
    }
}

#[test]
fn a_live_socket_file_is_left_to_its_server() {
    for mode in MODES {
        let endpoint = Endpoint::Unix(fresh_path());
        let server = Running::start(bind(config(mode), [endpoint.clone()]), |_| Echo);
        for _ in 0..3 {
            let error = bind_error(config(mode), [endpoint.clone()]);
            assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
            assert_eq!(error.endpoint, endpoint.to_string());
            converse(server.connect());
        }
        server.stop();
    }
}

#[test]
fn a_socket_file_has_the_mode_that_was_asked_for() {
    for (unix_mode, mode) in [0o600, 0o660, 0o666, 0o777]
        .into_iter()
        .zip(MODES.repeat(2))
    {
        let path = fresh_path();
        let config = Config {
            unix_mode: Some(unix_mode),
            ..config(mode)
        };
        let server = bind(config, [Endpoint::Unix(path.clone())]);
        let metadata = path.metadata().expect("the file is there");
        assert_eq!(metadata.permissions().mode() & 0o7777, unix_mode);
        let server = Running::start(server, |_| Echo);
        converse(server.connect());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_is_served_and_belongs_to_one_server() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixStream};

    for mode in MODES {
        let path = fresh_path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.expect("a name of ours is text");
        let endpoint = Endpoint::UnixAbstract(name.into());
        let server = bind(config(mode), [endpoint.clone()]);
        assert_eq!(
            server.addresses()[0],
            Address::UnixAbstract(name.as_bytes().into())
        );
        assert_eq!(server.addresses()[0].to_string(), endpoint.to_string());
        let error = bind_error(config(mode), [endpoint.clone()]);
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        let server = Running::start(server, |_| Echo);
        let address = SocketAddr::from_abstract_name(name).expect("the name is short");
        let stream = UnixStream::connect_addr(&address).expect("the server listens");
        let patience = Some(socketserver_tests::PATIENCE);
        stream.set_read_timeout(patience).expect("a time");
        converse(Client::Unix(stream));
        server.stop();
        // The name is free as soon as the server is gone.
        bind(config(mode), [endpoint]);
    }
}

#[test]
fn a_busy_port_is_one_clear_sentence() {
    for mode in MODES {
        let server = bind(config(mode), [tcp("127.0.0.1", 0)]);
        let port = port_of(&server);
        let error = try_bind(config(mode), [tcp("127.0.0.1", port)]).unwrap_err();
        let sentence = error.to_string();
        let beginning = format!("cannot bind tcp://127.0.0.1:{port}: address already in use (");
        assert!(sentence.starts_with(&beginning), "{sentence}");
        assert!(
            sentence.ends_with(')') && !sentence.contains(['\n', '"']),
            "{sentence}"
        );
        assert_eq!(format!("{error:?}"), sentence);
    }
}

#[test]
fn one_endpoint_that_fails_leaves_none_listening() {
    for mode in MODES {
        let other = bind(config(mode), [tcp("127.0.0.1", 0)]);
        let busy = tcp("127.0.0.1", port_of(&other));
        // A port that was free a moment ago may be somebody else's by now: then the next one is tried.
        eventually("good endpoints to be free after a failure", || {
            let port = port_of(&bind(config(mode), [tcp("127.0.0.1", 0)]));
            let path = fresh_path();
            let good = [tcp("127.0.0.1", port), Endpoint::Unix(path.clone())];
            let error = bind_error(config(mode), good.iter().chain([&busy]).cloned());
            assert!(!path.exists(), "the socket file is removed again");
            (error.endpoint == busy.to_string()).then_some(())?;
            try_bind(config(mode), good).ok()
        });
    }
}

#[test]
fn failures_to_bind_leave_no_descriptor_behind() {
    const FAILURES: usize = 1024;
    /// What other tests of this process may have opened meanwhile.
    const OTHERS_MAX: usize = 500;
    let other = bind(
        Config::default(),
        [tcp("127.0.0.1", 0), Endpoint::Unix(fresh_path())],
    );
    let busy: Vec<Endpoint> = other
        .addresses()
        .iter()
        .map(|address| address.to_string().parse().expect("it is printed as read"))
        .collect();
    let nowhere = Endpoint::Unix(fresh_path().join("socket"));
    let before = descriptors();
    for number in 0..FAILURES {
        let bad = match number % 3 {
            0 => &busy[0],
            1 => &busy[1],
            _ => &nowhere,
        };
        let good = [tcp("127.0.0.1", 0), Endpoint::Unix(fresh_path())];
        let error = bind_error(Config::default(), good.into_iter().chain([bad.clone()]));
        assert_eq!(error.endpoint, bad.to_string());
    }
    eventually("the descriptors to be as many as before", || {
        (descriptors() < before + OTHERS_MAX).then_some(())
    });
}

/// How many descriptors this process has open.
fn descriptors() -> usize {
    std::fs::read_dir("/dev/fd")
        .expect("a process can see its descriptors")
        .count()
}

#[test]
fn a_port_is_shared_if_both_servers_say_so() {
    for mode in MODES {
        let config = Config {
            reuse_port: true,
            ..config(mode)
        };
        let first = bind(config.clone(), [tcp("127.0.0.1", 0)]);
        let port = port_of(&first);
        let second = bind(config, [tcp("127.0.0.1", port)]);
        let first = Running::start(first, |_| Echo);
        let second = Running::start(second, |_| Echo);
        // The system spreads clients by their ports, so that each server gets some sooner or later.
        eventually("both servers to have served", || {
            converse(client_of(V4, port));
            let both = first.stats().accepted > 0 && second.stats().accepted > 0;
            both.then_some(())
        });
        // When one of them leaves, the other has all.
        first.stop();
        for _ in 0..10 {
            converse(client_of(V4, port));
        }
        second.stop();
    }
}

#[test]
fn a_port_is_not_shared_unless_both_servers_say_so() {
    for mode in MODES {
        for (first, second) in [(false, false), (false, true), (true, false)] {
            let config = |reuse_port| Config {
                reuse_port,
                ..config(mode)
            };
            let server = bind(config(first), [tcp("127.0.0.1", 0)]);
            let error = bind_error(config(second), [tcp("127.0.0.1", port_of(&server))]);
            assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        }
    }
    assert!(!Config::default().reuse_port);
}

/// Tells the test where each connection has arrived.
struct Arrival(std::sync::mpsc::Sender<Address>);

impl Handler for Arrival {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.send(conn.local().clone())?;
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        Ok(())
    }
}

#[test]
fn a_crowd_at_one_endpoint_keeps_nobody_waiting_at_another() {
    let config = Config {
        mode: Mode::Serial,
        ..Config::default()
    };
    let builder = StreamServer::builder().config(config);
    let builder = builder.endpoint(":0").unwrap().endpoint(":0").unwrap();
    let server = builder.bind().unwrap();
    let addresses = server.addresses().to_vec();
    // All of them are queued before the server begins to accept.
    let crowd: Vec<_> = (0..10).map(|_| Client::connect(&addresses[0])).collect();
    let single = Client::connect(&addresses[1]);
    for mut client in crowd.into_iter().chain([single]) {
        client.half_close();
    }
    let (sender, arrivals) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let server = Running::start(server, move |_| Arrival(sender.lock().unwrap().clone()));
    let order: Vec<_> = (0..11).map(|_| arrivals.recv().unwrap()).collect();
    let place = order.iter().position(|address| *address == addresses[1]);
    assert!(place.is_some_and(|place| place < 2), "{order:?}");
    server.stop();
}
