//! Blocking handlers whose peers are slow to read: time limits on writing, and files.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

use socketserver::{Config, HandlerError, Stream};
use socketserver_tests::{Case, End, PATIENCE, fresh_path};

use crate::streams::{each, wait_for_close};

socketserver_tests::matrix! {
    blocking: a_write_that_has_timed_out_may_be_made_again,
        a_write_that_times_out_ends_its_connection,
        a_peer_that_never_reads_is_cut_while_its_handler_writes,
        a_handler_that_cannot_write_may_still_read,
        a_file_goes_between_what_is_written,
        many_files_wait_for_a_slow_reader,
        a_file_that_is_too_short_fails_the_call;
    blocking concurrent: a_slow_reader_keeps_nobody_waiting;
}

/// Far more than the system keeps of what a peer does not read.
const MUCH: usize = 16 << 20;
/// How long writing waits here for a peer that does not read.
const SHORT: Duration = Duration::from_millis(40);

/// Bytes of which each tells its place.
fn numbers(range: std::ops::Range<usize>) -> Vec<u8> {
    range.map(|index| (index % 251) as u8).collect()
}

/// Writes until the peer takes no more for [`SHORT`], and says how much that was.
fn write_until_stuck(stream: &mut Stream<'_>) -> Result<usize, HandlerError> {
    const BLOCK: usize = 64 << 10;
    stream.set_write_timeout(Some(SHORT));
    let mut written = 0;
    loop {
        let failed = match stream.write(&numbers(written..written + BLOCK)) {
            Ok(count) => {
                written += count;
                stream.flush()
            }
            Err(error) => Err(error),
        };
        match failed {
            Ok(()) => assert!(written < MUCH, "the peer takes everything"),
            Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(written),
            Err(error) => return Err(error.into()),
        }
    }
}

fn a_write_that_has_timed_out_may_be_made_again(case: &Case) {
    let (sender, stuck) = channel();
    let server = case.serve_blocking(each(move |stream| {
        let written = write_until_stuck(stream)?;
        sender.send(written)?;
        stream.set_write_timeout(None);
        stream.flush()?;
        stream.write_all(&numbers(written..written + 1_000_000))?;
        Ok(())
    }));
    let mut client = server.connect();
    let written = stuck.recv_timeout(PATIENCE).expect("writing gets stuck");
    let (received, end) = client.read_to_the_end();
    assert!(
        received == numbers(0..written + 1_000_000),
        "{} bytes came, and {written} and a million were written",
        received.len()
    );
    assert_eq!(end, End::Closed);
    drop(client);
    let stats = server.stop().stats;
    assert_eq!(
        (stats.closed["handler_closed"], stats.bytes_out),
        (1, received.len() as u64)
    );
}

fn a_write_that_times_out_ends_its_connection(case: &Case) {
    let (sender, stuck) = channel();
    let server = case.serve_blocking(each(move |stream| {
        sender.send(write_until_stuck(stream)?)?;
        // An error of the stream's, whenever it is passed on.
        Err(std::io::Error::from(ErrorKind::TimedOut).into())
    }));
    let mut client = server.connect();
    let written = stuck.recv_timeout(PATIENCE).expect("writing gets stuck");
    // What was written before still arrives, since the peer now reads.
    let (received, end) = client.read_to_the_end();
    assert!(
        received == numbers(0..written),
        "{} bytes came",
        received.len()
    );
    assert_eq!(end, End::Closed);
    drop(client);
    let stats = server.stop().stats;
    assert_eq!(
        (stats.closed["write_timeout"], stats.handler_errors),
        (1, 0)
    );
}

fn a_peer_that_never_reads_is_cut_while_its_handler_writes(case: &Case) {
    let config = Config {
        write_timeout: Some(Duration::from_millis(100)),
        ..case.config()
    };
    let (sender, errors) = channel();
    let server = case.serve_blocking_with(
        config,
        each(move |stream| {
            let written = stream.write_all(&vec![0; MUCH]);
            sender.send(written.map_err(|error| error.kind()))?;
            Ok(())
        }),
    );
    let _client = server.connect();
    let error = errors.recv_timeout(PATIENCE).expect("writing fails");
    assert_eq!(error, Err(ErrorKind::ConnectionAborted));
    wait_for_close(&server, "write_timeout");
}

fn a_handler_that_cannot_write_may_still_read(case: &Case) {
    let (sender, stuck) = channel();
    let server = case.serve_blocking(each(move |stream| {
        sender.send(write_until_stuck(stream)?)?;
        stream.set_write_timeout(None);
        let mut question = [0; 4];
        stream.read_exact(&mut question)?;
        stream.write_all(&question)?;
        sender.send(0)?;
        Ok(())
    }));
    let mut client = server.connect();
    let written = stuck.recv_timeout(PATIENCE).expect("writing gets stuck");
    client.send("read");
    stuck.recv_timeout(PATIENCE).expect("the handler reads");
    client
        .expect(numbers(0..written))
        .expect("read")
        .expect_end();
}

/// A file of this length with a known content.
fn file_of(length: usize) -> (PathBuf, Vec<u8>) {
    let (path, content) = (fresh_path(), numbers(0..length));
    std::fs::write(&path, &content).expect("a file can be written");
    (path, content)
}

fn a_file_goes_between_what_is_written(case: &Case) {
    let (path, content) = file_of(1_000_000);
    let open = path.clone();
    let server = case.serve_blocking(each(move |stream| {
        let mut line = [0; 3];
        while stream.read_exact_or_end(&mut line)? {
            stream.write_all(b"<")?;
            stream.send_file(File::open(&open)?, 7..900_000)?;
            stream.write_all(b">")?;
        }
        Ok(())
    }));
    let mut client = server.connect();
    for _ in 0..2 {
        client
            .send("go\n")
            .expect("<")
            .expect(&content[7..900_000])
            .expect(">");
    }
    std::fs::remove_file(path).expect("it is there");
}

fn many_files_wait_for_a_slow_reader(case: &Case) {
    const FILES: usize = 40;
    const LENGTH: usize = 512 << 10;
    let (path, content) = file_of(LENGTH);
    let open = path.clone();
    let (sender, stuck) = channel();
    let server = case.serve_blocking(each(move |stream| {
        stream.set_write_timeout(Some(SHORT));
        for number in 0..FILES {
            write!(stream, "file {number:2}")?;
            match stream.send_file(File::open(&open)?, 0..LENGTH as u64) {
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    stream.set_write_timeout(None);
                    sender.send(number)?;
                    stream.flush()?;
                }
                sent => sent?,
            }
        }
        Ok(())
    }));
    let mut client = server.connect();
    let number = stuck.recv_timeout(PATIENCE).expect("sending gets stuck");
    assert!(
        number < FILES / 2 + FILES / 4,
        "{number} files are on their way"
    );
    for number in 0..FILES {
        client.expect(format!("file {number:2}")).expect(&content);
    }
    client.expect_end();
    std::fs::remove_file(path).expect("it is there");
}

fn a_file_that_is_too_short_fails_the_call(case: &Case) {
    let (path, content) = file_of(100_000);
    let open = path.clone();
    let (sender, errors) = channel();
    let server = case.serve_blocking(each(move |stream| {
        let sent = stream.send_file(File::open(&open)?, 0..200_000);
        sender.send(sent.map_err(|error| (error.kind(), error.to_string())))?;
        Ok(())
    }));
    let mut client = server.connect();
    assert!(client.read_to_the_end().0 == content);
    let error = errors.recv_timeout(PATIENCE).expect("sending fails");
    let text = "a file became shorter while it was sent".to_owned();
    assert_eq!(error, Err((ErrorKind::ConnectionAborted, text)));
    wait_for_close(&server, "file_truncated");
    std::fs::remove_file(path).expect("it is there");
}

fn a_slow_reader_keeps_nobody_waiting(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut buffer = vec![0; 4];
        while stream.read_exact_or_end(&mut buffer)? {
            if buffer == b"much" {
                stream.write_all(&vec![0; MUCH])?;
            }
            stream.write_all(&buffer)?;
        }
        Ok(())
    }));
    let mut slow = server.connect();
    slow.send("much").expect([0; 100]);
    let mut other = server.connect();
    for _ in 0..100 {
        other.send("some").expect("some");
    }
    let mut rest = vec![0; MUCH - 100];
    slow.read_exact(&mut rest).expect("everything comes");
    slow.expect("much");
}
