//! Tasks of tokio, as its tutorial has them: one for each connection, which reads, then writes.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use socket2::{Domain, Socket};
use socketserver_handlers::spin;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::Builder;
use tokio::time::sleep;

use super::lines::Lines;
use super::task::{Letters, Pace, Task};

/// What one read may bring: the buffer of `tokio::io::BufReader`, which most programs would have here.
const BUFFER_BYTES: usize = 8 * 1024;
/// When accepting is tried again after there was no descriptor for a connection.
const PAUSE: Duration = Duration::from_millis(10);

/// On how many threads tasks run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Threads {
    /// All on the calling one.
    One,
    /// On as many as there are processors; tasks move from one to the other.
    OneForEachProcessor,
}

/// Serves until the process ends.
pub(super) fn run(listener: Socket, task: Task, threads: Threads) -> io::Result<()> {
    let mut builder = match threads {
        Threads::One => Builder::new_current_thread(),
        Threads::OneForEachProcessor => Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build()?;
    listener.set_nonblocking(true)?;
    if listener.domain()? == Domain::UNIX {
        runtime.block_on(accept_unix(listener.into(), task))
    } else {
        runtime.block_on(accept_tcp(listener.into(), task))
    }
}

async fn accept_tcp(listener: TcpListener, task: Task) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, task))),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn accept_unix(listener: UnixListener, task: Task) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, task))),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// What goes wrong with a connection ends its task, and concerns nobody else.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, task: Task) -> io::Result<()> {
    match task {
        Task::Bytes(letters) => serve_bytes(&mut stream, letters).await?,
        Task::Lines(pace) => serve_lines(&mut stream, pace).await?,
    }
    stream.shutdown().await
}

async fn serve_bytes(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    letters: Letters,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        letters.change(&mut buffer[..count]);
        stream.write_all(&buffer[..count]).await?;
    }
}

async fn serve_lines(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    pace: Pace,
) -> io::Result<()> {
    let (mut lines, mut buffer) = (Lines::default(), vec![0; BUFFER_BYTES]);
    loop {
        while let Some(answer) = lines.next()? {
            pass_time(pace).await;
            stream.write_all(&answer).await?;
        }
        match stream.read(&mut buffer).await? {
            0 => break,
            count => lines.push(&buffer[..count]),
        }
    }
    if let Some(answer) = lines.last()? {
        pass_time(pace).await;
        stream.write_all(&answer).await?;
    }
    Ok(())
}

/// Work keeps the thread, and with it all tasks that would run there next, as it does in every async runtime.
async fn pass_time(pace: Pace) {
    match pace {
        Pace::Work(time) => spin(time),
        Pace::Wait(time) => sleep(time).await,
    }
}
