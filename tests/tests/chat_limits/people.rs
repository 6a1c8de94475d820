//! Who talks in these tests: people with a connection, and people who send datagrams.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use socketserver::{Address, Config, SlowMember};
use socketserver_handlers::chat::{Chat, Rate, Settings};
use socketserver_tests::{Caller, Case, Client, DatagramCase, PATIENCE, Running};

/// A chat in which everybody is as fast as he can.
pub(crate) fn chat() -> Chat {
    Chat::new(Settings::default(), None)
}

/// A chat that holds people back.
pub(crate) fn slow_chat(rate: &str) -> Chat {
    let rate: Rate = rate.parse().expect("a rate");
    Chat::new(Settings::default(), Some(rate))
}

/// A chat that deals in another way with those who do not read.
pub(crate) fn chat_with(slow_members: SlowMember) -> Chat {
    let settings = Settings {
        slow_members,
        ..Settings::default()
    };
    Chat::new(settings, None)
}

/// Opens the line door of a chat.
pub(crate) fn serve(case: &Case, chat: &Chat) -> Running {
    serve_with(case, chat, case.config())
}

/// The same, with other settings than the chat's where they are not the default ones.
pub(crate) fn serve_with(case: &Case, chat: &Chat, config: Config) -> Running {
    let chat = chat.clone();
    case.serve_events_with(chat.config(config), move |peer| chat.line_door(peer))
}

/// Opens the datagram door of a chat.
pub(crate) fn receive(case: &DatagramCase, chat: &Chat) -> Running {
    receive_with(case, chat, case.config())
}

/// The same, with other settings.
pub(crate) fn receive_with(case: &DatagramCase, chat: &Chat, config: Config) -> Running {
    let chat = chat.clone();
    case.serve_peers_with(chat.config(config), move |peer| chat.datagram_door(peer))
}

/// Somebody at the line door.
pub(crate) struct Person {
    client: Client,
    /// What has come and is no whole line yet.
    rest: Vec<u8>,
    /// Everything that has ever come, for those who look at each byte.
    pub(crate) received: Vec<u8>,
}

impl Person {
    /// A connection whose owner has not said a name.
    pub(crate) fn connect(server: &Running) -> Self {
        Self::of(server.connect())
    }

    pub(crate) fn of(client: Client) -> Self {
        Self {
            client,
            rest: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Somebody who is in the lobby.
    #[track_caller]
    pub(crate) fn enter(server: &Running, name: &str) -> Self {
        Self::of(server.connect()).introduce(name)
    }

    #[track_caller]
    pub(crate) fn introduce(mut self, name: &str) -> Self {
        self.say(name);
        self.until(&format!("-- Hello, {name}. "));
        self
    }

    /// Somebody who is in the lobby, whose system keeps no more of what he does not read than it has to.
    #[track_caller]
    pub(crate) fn enter_with_little_room(server: &Running, name: &str) -> Self {
        let client = match server.address() {
            Address::Tcp(address) => {
                // The option counts only before the connection is made.
                let domain = Domain::for_address(*address);
                let socket = Socket::new(domain, Type::STREAM, None).expect("a socket");
                // Less than two of its segments, and TCP would rather wait than fill it.
                socket.set_recv_buffer_size(128 * 1024).expect("an option");
                socket.set_tcp_nodelay(true).expect("an option");
                socket.connect(&(*address).into()).expect("it listens");
                socket.set_read_timeout(Some(PATIENCE)).expect("an option");
                socket.set_write_timeout(Some(PATIENCE)).expect("an option");
                Client::Tcp(socket.into())
            }
            _ => server.connect(),
        };
        Self::of(client).introduce(name)
    }

    /// Sends a line.
    #[track_caller]
    pub(crate) fn say(&mut self, line: &str) {
        self.client.send(format!("{line}\n"));
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.client.send(bytes);
    }

    /// The next line, without its end; none at the end of the connection.
    #[track_caller]
    pub(crate) fn try_line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.rest.drain(..=end).collect();
                line.pop();
                return Some(String::from_utf8(line).expect("the server sends text"));
            }
            let mut buffer = [0; 16 * 1024];
            let count = match self.client.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&self.rest)),
            };
            if count == 0 {
                return None;
            }
            self.rest.extend_from_slice(&buffer[..count]);
            self.received.extend_from_slice(&buffer[..count]);
        }
    }

    /// The next line, without its end.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        self.try_line().expect("the connection goes on")
    }

    /// The next line is this.
    #[track_caller]
    pub(crate) fn hears(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// The lines up to one that begins so, which is the last of them.
    #[track_caller]
    pub(crate) fn until(&mut self, beginning: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let Some(line) = self.try_line() else {
                panic!("the end comes, and not {beginning:?}, after {lines:#?}");
            };
            let is_it = line.starts_with(beginning);
            lines.push(line);
            if is_it {
                return lines;
            }
        }
    }

    /// Everything up to now: what the server answers last is what was asked last.
    #[track_caller]
    pub(crate) fn all(&mut self) -> Vec<String> {
        // Nobody says such a thing by chance, and it is refused at once to this one alone.
        self.say("/fence");
        let mut lines = self.until("!! there is no such command");
        lines.pop();
        lines
    }

    /// The server has ended the connection: what comes until then.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.try_line()).collect()
    }

    pub(crate) fn client(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// Somebody at the datagram door.
pub(crate) struct Sender {
    pub(crate) caller: Caller,
    pub(crate) cookie: String,
    /// Everything that has ever come.
    pub(crate) received: Vec<Vec<u8>>,
}

impl Sender {
    /// Somebody who is in the lobby.
    #[track_caller]
    pub(crate) fn enter(server: &Running, name: &str) -> Self {
        let mut sender = Self {
            caller: server.caller(),
            cookie: String::new(),
            received: Vec::new(),
        };
        sender.join(name);
        sender.until(&format!("-- Hello, {name}. "));
        sender
    }

    /// Asks for a cookie, and brings it back.
    #[track_caller]
    pub(crate) fn join(&mut self, name: &str) {
        let asked = format!("/nick {name}");
        self.caller.send(&asked);
        let answer = self.until(&asked).pop().expect("it is the last");
        let (_, cookie) = answer.rsplit_once(' ').expect("there is a cookie");
        cookie.clone_into(&mut self.cookie);
        self.caller.send(&answer);
    }

    #[track_caller]
    pub(crate) fn say(&self, text: &str) {
        self.caller.send(format!("{} {text}", self.cookie));
    }

    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let bytes = self.caller.receive();
        self.received.push(bytes.clone());
        String::from_utf8(bytes).expect("the server sends text")
    }

    #[track_caller]
    pub(crate) fn hears(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// The datagrams up to one that begins so, which is the last of them.
    #[track_caller]
    pub(crate) fn until(&mut self, beginning: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.line());
            if lines.last().is_some_and(|line| line.starts_with(beginning)) {
                return lines;
            }
        }
    }

    /// Everything up to now.
    #[track_caller]
    pub(crate) fn all(&mut self) -> Vec<String> {
        self.say("/fence");
        let mut lines = self.until("!! there is no such command");
        lines.pop();
        lines
    }
}

/// Runs something on a thread while something else goes on, and fails when it does.
pub(crate) fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl FnOnce() -> T {
    let thread = std::thread::spawn(work);
    move || {
        let deadline = Instant::now() + 3 * PATIENCE;
        while !thread.is_finished() {
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::park_timeout(Duration::from_millis(1));
        }
        thread.join().expect("it does not fail")
    }
}
