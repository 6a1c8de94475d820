//! What a user writes: a [`Handler`], or a [`BlockingHandler`].

use crate::{CloseReason, Conn, HandlerError, Input, Stream};

/// The conversation with one connection, written as callbacks.
///
/// A factory closure makes one handler for each connection. The server owns the handler, calls it whenever something
/// happens to its connection, and drops it when the connection is over. It never calls two callbacks of one handler at
/// the same time, and never keeps a handler waiting for another one in [`Mode::Threads`](crate::Mode::Threads).
///
/// The order is always: [`opened`](Handler::opened), then any number of [`received`](Handler::received),
/// [`drained`](Handler::drained), [`timer`](Handler::timer), [`woken`](Handler::woken) and at most one each of [`ended`](Handler::ended) and
/// [`stopping`](Handler::stopping), then [`closed`](Handler::closed), exactly once.
///
/// Callbacks write with [`Conn::write`], which never blocks and never fails: what was written in one callback leaves in
/// one system call when the callback returns.
///
/// # In thread modes and in reactor modes
///
/// The callbacks, their order and the bytes that result are the same in every [`Mode`](crate::Mode). On a thread of its own a handler
/// may take its time; on a reactor every connection of the loop waits meanwhile, so a callback that takes longer than
/// [`Config::slow_callback`](crate::Config::slow_callback) is logged and counted.
///
/// # Errors
///
/// An error from any callback ends this connection with [`CloseReason::HandlerError`], after what was written before has
/// been sent. The server and all other connections go on. A [`FrameError`](crate::FrameError) says that it is the peer's fault:
/// then the reason is [`CloseReason::ProtocolError`].
///
/// # Panics
///
/// A panic in a callback, or in the handler's `Drop`, ends this connection with [`CloseReason::Panic`] and nothing else. This needs the default
/// `panic = "unwind"`.
///
/// # Example
///
/// ```
/// use socketserver::{Conn, Handler, HandlerError, Input};
///
/// /// Answers every line with its length.
/// struct Measure;
///
/// impl Handler for Measure {
///     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
///         // What is not taken is offered again, together with the bytes that come next.
///         while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
///             let line = input.take(end + 1);
///             conn.write(format!("{}\n", line.len() - 1).as_bytes());
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Handler: Send {
    /// The connection was accepted. Here a server that speaks first writes its greeting.
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let _ = conn;
        Ok(())
    }

    /// Bytes have come, as TCP happened to cut them: one call is never a message by itself.
    ///
    /// What the handler leaves in `input` is kept and offered again: at once if this call took anything,
    /// else together with new bytes. [`Conn::want`] says how many bytes there must be before the next call.
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError>;

    /// The peer has sent its last byte, but may still read. `input` holds what `received` had left.
    ///
    /// The default closes, which sends everything that is queued first. A handler that still has something to say may leave the connection
    /// open and close it later.
    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let _ = input;
        conn.close();
        Ok(())
    }

    /// Output that had grown to [`Config::output_high`](crate::Config::output_high) has fallen to
    /// [`Config::output_low`](crate::Config::output_low): there is room again for who produces much. Or everything is sent that
    /// [`Conn::pause_until_sent`] has waited for.
    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let _ = conn;
        Ok(())
    }

    /// The time set with [`Conn::set_timer`] has come. A timer rings once.
    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let _ = (timer, conn);
        Ok(())
    }

    /// Another thread has called [`Remote::wake`](crate::Remote::wake).
    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let _ = conn;
        Ok(())
    }

    /// The server is stopping. Everything that had arrived before has been given to [`received`](Handler::received).
    ///
    /// The default is [`Conn::finish`]: close as soon as no message is half received. A handler whose answer comes
    /// later, from a timer or a [`Remote`](crate::Remote), overrides this and closes when it has answered. A connection
    /// with nothing left to wait for is finished in any case, and all are cut after
    /// [`Config::drain_timeout`](crate::Config::drain_timeout).
    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.finish();
        Ok(())
    }

    /// The connection is over: called exactly once for every handler that was made, last of all.
    fn closed(&mut self, reason: &CloseReason) {
        let _ = reason;
    }
}

impl<H: Handler + ?Sized> Handler for Box<H> {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        (**self).opened(conn)
    }
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        (**self).received(input, conn)
    }
    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        (**self).ended(input, conn)
    }
    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        (**self).drained(conn)
    }
    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        (**self).timer(timer, conn)
    }
    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        (**self).woken(conn)
    }
    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        (**self).stopping(conn)
    }
    fn closed(&mut self, reason: &CloseReason) {
        (**self).closed(reason);
    }
}

/// The conversation with one connection, written in straight lines, as in `handle()` of Python's `socketserver`.
///
/// A factory closure makes one handler for each connection. The connection lasts as long as [`handle`](BlockingHandler::handle) does: when it
/// returns, what was written is sent and the connection is closed politely. What Python does in `setup` and `finish`
/// stands before and after the conversation, or in the handler's `Drop`, which runs however the conversation ends.
///
/// Closures are blocking handlers too.
///
/// # In thread modes and in reactor modes
///
/// On a thread the handler runs there, with plain system calls. On a reactor it runs in a coroutine with a stack of
/// [`Config::coroutine_stack_bytes`](crate::Config::coroutine_stack_bytes), which is suspended wherever its [`Stream`] would wait, so that thousands
/// of handlers share one thread. A handler that shall run in every mode
///
/// * waits in its stream only: [`Stream::sleep`] and not `std::thread::sleep`, [`Stream::offload`] for files, databases, long computations and
///   whatever else blocks. What it does elsewhere keeps every connection of the loop waiting; from
///   [`Config::slow_callback`](crate::Config::slow_callback) on that is logged and counted;
/// * holds no lock while its stream waits, since the next handler that wants it would stop the thread on which the
///   first one is suspended;
/// * keeps large arrays and deep recursion off its stack: below each stack lies a guard page, on which a handler
///   that needs more ends the whole process.
///
/// # Errors
///
/// An error ends this connection after what was written before has been sent. An error of the [`Stream`] itself ends it for the reason
/// that the error had: a peer that reset the connection is [`CloseReason::PeerReset`], and a time that was over is
/// [`CloseReason::ReadTimeout`], neither of which is a fault of the handler. Any other is [`CloseReason::HandlerError`].
///
/// # Panics
///
/// A panic in the handler, or in its `Drop`, ends this connection with [`CloseReason::Panic`] and nothing else.
///
/// # Example
///
/// ```
/// use std::io::{BufRead, Write};
/// use socketserver::{BlockingHandler, HandlerError, Stream};
///
/// /// Answers every line in capital letters.
/// struct Upper;
///
/// impl BlockingHandler for Upper {
///     fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
///         let mut line = String::new();
///         while stream.read_line(&mut line)? > 0 {
///             stream.write_all(line.to_uppercase().as_bytes())?;
///             line.clear();
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait BlockingHandler: Send {
    /// Talks to the peer until the conversation is over.
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError>;
}

impl<F> BlockingHandler for F
where
    F: FnMut(&mut Stream<'_>) -> Result<(), HandlerError> + Send,
{
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        self(stream)
    }
}

impl BlockingHandler for Box<dyn BlockingHandler> {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        (**self).handle(stream)
    }
}
