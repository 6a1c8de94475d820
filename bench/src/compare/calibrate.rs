//! What the load generator can do at most.

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socketserver::{
    Conn, Datagram, DatagramHandler, DatagramSocket, Endpoint, Handler, HandlerError, Input, Mode,
    Server, StopHandle, TcpServer, UdpServer,
};

use super::talk::Talk;
use crate::load::{self, Conversation, Form, LoadError, Plan};
use crate::report::GeneratorLimit;
use crate::watch::{Processors, as_on};

/// With how many connections: enough that neither side ever waits for the other.
const CONNECTIONS: usize = 32;
/// How long that is measured.
const DURATION: Duration = Duration::from_millis(300);
/// How that server runs: with as few threads as can be.
const MODE: Mode = Mode::Reactor { loops: 1 };

/// Measures it against a server that only sends back, over UDP or over TCP, with messages of this size in this form; of a chat against one that only
/// delivers, and in deliveries.
///
/// How fast that server is does not matter: what counts is how long the load generator itself was at work for each message.
///
/// # Errors
///
/// When such a load cannot be made.
pub fn generator_limit(
    conversation: Conversation,
    form: Form,
    has_datagrams: bool,
    message_bytes: usize,
    processors: &Processors,
    stop: &AtomicBool,
) -> Result<GeneratorLimit, LoadError> {
    let serve = match conversation {
        Conversation::Chat => chat,
        _ if has_datagrams => datagrams,
        _ => streams,
    };
    let conversation = match conversation {
        Conversation::Chat => Conversation::Chat,
        _ => Conversation::Echo,
    };
    let (endpoint, end, serving) = serve(processors.server.clone())
        .map_err(|error| LoadError::System(std::io::Error::other(error)))?;
    let form = match form {
        Form::Open { .. } => Form::Closed { window: 1 },
        form => form,
    };
    let plan = Plan {
        form,
        message_bytes,
        connections: CONNECTIONS,
        duration: DURATION,
        ..Plan::new(endpoint, conversation)
    };
    let measured = as_on(&processors.load, || load::run(&plan, &mut (), stop));
    end.cut();
    drop(serving.join());
    let measured = measured?;
    let busy_seconds = measured.seconds * measured.generator.busy;
    #[expect(
        clippy::cast_precision_loss,
        reason = "messages of a third of a second"
    )]
    let messages_per_second = if busy_seconds > 0.0 {
        measured.served as f64 / busy_seconds
    } else {
        0.0
    };
    Ok(GeneratorLimit {
        messages_per_second,
    })
}

/// Where a server listens, what ends it, and the thread that it runs on.
type Serving = (Endpoint, StopHandle, JoinHandle<()>);

/// A server for TCP on these processors.
fn streams(places: Vec<usize>) -> Result<Serving, Box<dyn Error + Send + Sync>> {
    let server = TcpServer::bind("127.0.0.1:0").map(|server| server.mode(MODE))?;
    let endpoint = server.addresses()[0].to_string().parse()?;
    let end = server.stop_handle();
    let serving = thread::spawn(move || {
        // How it ended does not matter once the load is over.
        drop(as_on(&places, || server.serve_forever(|_peer| Back)));
    });
    Ok((endpoint, end, serving))
}

/// The same for a chat.
fn chat(places: Vec<usize>) -> Result<Serving, Box<dyn Error + Send + Sync>> {
    let server = TcpServer::bind("127.0.0.1:0").map(|server| server.mode(MODE))?;
    let endpoint = server.addresses()[0].to_string().parse()?;
    let end = server.stop_handle();
    let group = Talk::group();
    let serving = thread::spawn(move || {
        drop(as_on(&places, || {
            server.serve_forever(move |_peer| Talk::new(group.clone()))
        }));
    });
    Ok((endpoint, end, serving))
}

/// The same for UDP.
fn datagrams(places: Vec<usize>) -> Result<Serving, Box<dyn Error + Send + Sync>> {
    let server = UdpServer::bind("127.0.0.1:0").map(|server| server.mode(MODE))?;
    let endpoint = server.addresses()[0].to_string().parse()?;
    let end = server.stop_handle();
    let serving = thread::spawn(move || {
        drop(as_on(&places, || server.serve_forever(|| Back)));
    });
    Ok((endpoint, end, serving))
}

/// Sends everything back.
struct Back;

impl Handler for Back {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}

impl DatagramHandler for Back {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        socket.reply(datagram, datagram.bytes())?;
        Ok(())
    }
}
