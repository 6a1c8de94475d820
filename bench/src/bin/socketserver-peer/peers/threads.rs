//! A thread for each connection, with the standard library alone.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use socket2::Socket;
use socketserver_handlers::spin;

use super::lines::Lines;
use super::task::{Letters, Pace, Task};

/// A thread needs little of its stack, since its buffer is elsewhere; with the default of 2 MiB thousands of threads would be refused on small machines.
const STACK_BYTES: usize = 64 * 1024;
/// What one read may bring: the buffer of `std::io::BufReader`, which most programs would have here.
const BUFFER_BYTES: usize = 8 * 1024;
/// When accepting is tried again after there was no descriptor or thread for a connection.
const PAUSE: Duration = Duration::from_millis(10);

/// Serves until the process ends.
pub(super) fn run(listener: &Socket, task: Task) -> io::Result<()> {
    loop {
        let accepted = listener.accept().and_then(|(socket, _)| {
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            // What goes wrong with a connection concerns nobody else.
            thread.spawn(move || serve(&socket, task))
        });
        match accepted {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
            Err(_) => thread::sleep(PAUSE),
            Ok(_) => {}
        }
    }
}

fn serve(socket: &Socket, task: Task) -> io::Result<()> {
    match task {
        Task::Bytes(letters) => serve_bytes(socket, letters)?,
        Task::Lines(pace) => serve_lines(socket, pace)?,
    }
    socket.shutdown(Shutdown::Write)
}

fn serve_bytes(mut socket: &Socket, letters: Letters) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = receive(socket, &mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        letters.change(&mut buffer[..count]);
        socket.write_all(&buffer[..count])?;
    }
}

fn serve_lines(mut socket: &Socket, pace: Pace) -> io::Result<()> {
    let (mut lines, mut buffer) = (Lines::default(), vec![0; BUFFER_BYTES]);
    loop {
        while let Some(answer) = lines.next()? {
            pass_time(pace);
            socket.write_all(&answer)?;
        }
        match receive(socket, &mut buffer)? {
            0 => break,
            count => lines.push(&buffer[..count]),
        }
    }
    if let Some(answer) = lines.last()? {
        pass_time(pace);
        socket.write_all(&answer)?;
    }
    Ok(())
}

fn pass_time(pace: Pace) {
    match pace {
        Pace::Work(time) => spin(time),
        Pace::Wait(time) => thread::sleep(time),
    }
}

/// Reads, whatever signal interrupts it.
fn receive(mut socket: &Socket, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match socket.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
