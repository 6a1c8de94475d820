//! Datagram servers in every mode over every carrier, and clients that exchange datagrams with them.

use std::io;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use socketserver::{
    Address, Config, DatagramHandler, DatagramServer, Endpoint, Hooks, Mode, PeerHandler,
};

use crate::{PATIENCE, Running, fresh_path};

/// What carries a test's datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// UDP over IPv4.
    UdpV4,
    /// UDP over IPv6.
    UdpV6,
    /// Unix sockets with paths.
    Unix,
}

/// One cell of the matrix of datagrams.
#[derive(Clone, Copy, Debug)]
pub struct DatagramCase {
    /// How datagrams are scheduled.
    pub mode: Mode,
    /// What carries them.
    pub carrier: Carrier,
}

impl DatagramCase {
    /// A configuration for this case, with the defaults.
    pub fn config(&self) -> Config {
        Config {
            mode: self.mode,
            ..Config::default()
        }
    }

    /// Whether handlers run on threads of their own.
    pub fn has_workers(&self) -> bool {
        matches!(self.mode, Mode::Threads | Mode::Pool { .. })
    }

    /// Whether the datagrams of one peer that are handled each by itself keep their order.
    pub fn keeps_order(&self) -> bool {
        self.mode != Mode::Threads
    }

    /// An endpoint that no other test uses.
    pub fn endpoint(&self) -> Endpoint {
        let udp = |host: &str| Endpoint::Udp {
            host: host.into(),
            port: 0,
        };
        match self.carrier {
            Carrier::UdpV4 => udp("127.0.0.1"),
            Carrier::UdpV6 => udp("::1"),
            Carrier::Unix => Endpoint::Unixgram(fresh_path()),
        }
    }

    /// A server that receives and does not serve yet.
    pub fn bind(&self, config: Config) -> DatagramServer {
        let builder = DatagramServer::builder()
            .config(config)
            .endpoints([self.endpoint()]);
        builder
            .bind_datagrams()
            .expect("a fresh endpoint can be bound")
    }

    /// Serves each datagram by itself, with the default configuration.
    pub fn serve<H: DatagramHandler + 'static>(
        &self,
        factory: impl Fn() -> H + Send + Sync + 'static,
    ) -> Running {
        self.serve_with(self.config(), factory)
    }

    /// Serves each datagram by itself.
    pub fn serve_with<H: DatagramHandler + 'static>(
        &self,
        config: Config,
        factory: impl Fn() -> H + Send + Sync + 'static,
    ) -> Running {
        Running::spawn(self.bind(config), move |server| {
            server.serve_forever(factory)
        })
    }

    /// Serves each datagram by itself, with hooks.
    pub fn serve_hooked<H: DatagramHandler + 'static>(
        &self,
        hooks: impl Hooks + 'static,
        factory: impl Fn() -> H + Send + Sync + 'static,
    ) -> Running {
        let builder = DatagramServer::builder()
            .config(self.config())
            .endpoints([self.endpoint()])
            .hooks(hooks);
        let server = builder
            .bind_datagrams()
            .expect("a fresh endpoint can be bound");
        Running::spawn(server, move |server| server.serve_forever(factory))
    }

    /// Serves each peer with a handler of its own, with the default configuration.
    pub fn serve_peers<H: PeerHandler + 'static>(
        &self,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        self.serve_peers_with(self.config(), factory)
    }

    /// Serves each peer with a handler of its own.
    pub fn serve_peers_with<H: PeerHandler + 'static>(
        &self,
        config: Config,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        Running::spawn(self.bind(config), move |server| server.serve_peers(factory))
    }
}

/// A client that exchanges datagrams with one server, and can be answered.
#[derive(Debug)]
pub enum Caller {
    /// Over UDP.
    Udp(UdpSocket),
    /// Over Unix sockets, with the path that is its name.
    Unix(UnixDatagram, PathBuf),
}

impl Caller {
    /// A client of the server at this address, which takes answers from there alone.
    ///
    /// # Panics
    ///
    /// When the system has no socket for it.
    pub fn new(server: &Address) -> Self {
        let caller = match server {
            Address::Udp(address) => {
                let any = if address.is_ipv4() {
                    "127.0.0.1:0"
                } else {
                    "[::1]:0"
                };
                let socket = UdpSocket::bind(any).expect("a socket");
                // The port may have been another test's, to which somebody still answers.
                socket.connect(address).expect("an address");
                Self::Udp(socket)
            }
            Address::UnixgramPath(path) => {
                let own = fresh_path();
                let socket = UnixDatagram::bind(&own).expect("a socket");
                socket.connect(path).expect("the server is there");
                Self::Unix(socket, own)
            }
            other => panic!("{other} takes no datagrams"),
        };
        caller.set_patience(PATIENCE);
        caller
    }

    /// How long the next answers are waited for.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn set_patience(&self, patience: Duration) {
        let set = match self {
            Self::Udp(socket) => socket.set_read_timeout(Some(patience)),
            Self::Unix(socket, _) => socket.set_read_timeout(Some(patience)),
        };
        set.expect("a socket has a timeout");
    }

    /// Where it is, as the server sees it.
    ///
    /// # Panics
    ///
    /// When the socket has no address.
    pub fn address(&self) -> Address {
        match self {
            Self::Udp(socket) => Address::Udp(socket.local_addr().expect("it is bound")),
            Self::Unix(_, path) => Address::UnixgramPath(path.as_path().into()),
        }
    }

    /// Sends one datagram.
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(bytes),
            Self::Unix(socket, _) => socket.send(bytes),
        }
        .map(drop)
    }

    /// Sends one datagram.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    #[track_caller]
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes.as_ref())
            .expect("a datagram can be sent");
    }

    /// Waits for one datagram; none when none came in time.
    ///
    /// # Panics
    ///
    /// When receiving fails for another reason.
    #[track_caller]
    pub fn try_receive(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 70_000];
        let received = match self {
            Self::Udp(socket) => socket.recv(&mut bytes),
            Self::Unix(socket, _) => socket.recv(&mut bytes),
        };
        match received {
            Ok(size) => {
                bytes.truncate(size);
                Some(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("receiving failed: {error}"),
        }
    }

    /// Waits for one datagram.
    ///
    /// # Panics
    ///
    /// When none comes.
    #[track_caller]
    pub fn receive(&self) -> Vec<u8> {
        self.try_receive().expect("a datagram comes in time")
    }

    /// Waits for one datagram, which is a text.
    ///
    /// # Panics
    ///
    /// When none comes, or none that is a text.
    #[track_caller]
    pub fn receive_text(&self) -> String {
        String::from_utf8(self.receive()).expect("a text")
    }

    /// Sends one datagram and waits for one.
    ///
    /// # Panics
    ///
    /// When either fails.
    #[track_caller]
    pub fn ask(&self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        self.send(bytes);
        self.receive()
    }

    /// As [`ask`](Caller::ask), for texts.
    ///
    /// # Panics
    ///
    /// When either fails, or when the answer is no text.
    #[track_caller]
    pub fn ask_text(&self, text: &str) -> String {
        String::from_utf8(self.ask(text)).expect("a text")
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // It was made by this client alone.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Makes one test of each function for every mode and carrier of datagrams, with the path `mode::carrier::name`. The section `udp` is for what
/// Unix sockets do not have.
///
/// ```ignore
/// socketserver_tests::datagram_matrix! {
///     all: in_every_mode, in_every_mode_too;
///     udp: where_there_are_ports;
/// }
/// ```
#[macro_export]
macro_rules! datagram_matrix {
    ($(all: $($all:ident),+;)? $(udp: $($udp:ident),+;)?) => {
        mod serial {
            $crate::carriers! { socketserver::Mode::Serial; [$($($all,)+)?] [$($($udp,)+)?] }
        }
        mod threads {
            $crate::carriers! { socketserver::Mode::Threads; [$($($all,)+)?] [$($($udp,)+)?] }
        }
        mod pool {
            $crate::carriers! { socketserver::Mode::Pool { workers: 4 }; [$($($all,)+)?] [$($($udp,)+)?] }
        }
        mod reactor {
            $crate::carriers! { socketserver::Mode::Reactor { loops: 1 }; [$($($all,)+)?] [$($($udp,)+)?] }
        }
        mod reactors {
            $crate::carriers! { socketserver::Mode::Reactor { loops: 2 }; [$($($all,)+)?] [$($($udp,)+)?] }
        }
    };
}

/// The part of [`datagram_matrix!`] that belongs to one mode.
#[macro_export]
macro_rules! carriers {
    ($mode:expr; [$($all:ident,)*] [$($udp:ident,)*]) => {
        mod udp_v4 { $crate::datagram_cell! { $mode, UdpV4; $($all,)* $($udp,)* } }
        mod udp_v6 { $crate::datagram_cell! { $mode, UdpV6; $($all,)* $($udp,)* } }
        mod unix { $crate::datagram_cell! { $mode, Unix; $($all,)* } }
    };
}

/// The part of [`datagram_matrix!`] that belongs to one mode and one carrier.
#[macro_export]
macro_rules! datagram_cell {
    ($mode:expr, $carrier:ident; $($body:ident,)*) => {
        $(
            #[test]
            fn $body() {
                super::super::$body(&$crate::DatagramCase {
                    mode: $mode,
                    carrier: $crate::Carrier::$carrier,
                });
            }
        )*
    };
}
