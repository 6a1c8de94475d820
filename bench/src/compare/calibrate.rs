//! What the load generator can do at most.

use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use socketserver::{Conn, Handler, HandlerError, Input, Mode, Server, TcpServer};

use crate::load::{self, Conversation, Form, LoadError, Plan};
use crate::report::GeneratorLimit;
use crate::watch::{Processors, as_on};

/// With how many connections: enough that neither side ever waits for the other.
const CONNECTIONS: usize = 32;
/// How long that is measured.
const DURATION: Duration = Duration::from_millis(300);

/// Measures it against a server that only sends back, with messages of this size in this form.
///
/// How fast that server is does not matter: what counts is how long the load generator itself was at work for each message.
pub fn generator_limit(
    form: Form,
    message_bytes: usize,
    processors: &Processors,
    stop: &AtomicBool,
) -> Result<GeneratorLimit, LoadError> {
    let mode = Mode::Reactor { loops: 1 };
    let server = TcpServer::bind("127.0.0.1:0")
        .map_err(|error| LoadError::System(std::io::Error::other(error)))?;
    let server = server.mode(mode);
    let address = server.addresses()[0].clone();
    let end = server.stop_handle();
    let places = processors.server.clone();
    let serving = thread::spawn(move || as_on(&places, || server.serve_forever(|_peer| Back)));
    let form = match form {
        Form::Open { .. } => Form::Closed { window: 1 },
        form => form,
    };
    let endpoint = (address.to_string().parse())
        .map_err(|error| LoadError::System(std::io::Error::other(error)))?;
    let plan = Plan {
        form,
        message_bytes,
        connections: CONNECTIONS,
        duration: DURATION,
        ..Plan::new(endpoint, Conversation::Echo)
    };
    let measured = as_on(&processors.load, || load::run(&plan, &mut (), stop));
    end.cut();
    // How it ended does not matter once the load is over.
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

/// Sends everything back.
struct Back;

impl Handler for Back {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}
