//! Handlers with callbacks that send one file after the other.

use std::fs::{self, File};
use std::path::PathBuf;

use socketserver::{Conn, Handler, HandlerError, Input};
use socketserver_tests::{Case, fresh_path};

use crate::streams::wait_for_close;

socketserver_tests::matrix! {
    events: the_next_request_waits_until_a_file_is_sent, what_is_empty_is_sent_at_once;
}

/// More than the system keeps of what a peer does not read.
const LENGTH: usize = 12 << 20;

/// Answers each byte with the file, and fails when one comes while the last file is not sent.
struct OneAtATime {
    file: PathBuf,
    length: u64,
    is_sending: bool,
}

impl Handler for OneAtATime {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if self.is_sending {
            return Err("asked before the file was sent".into());
        }
        input.take(1);
        conn.write(b"<");
        conn.send_file(File::open(&self.file)?, 0..self.length);
        conn.write(b">");
        self.is_sending = true;
        conn.pause_until_sent();
        Ok(())
    }

    fn drained(&mut self, _conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.is_sending = false;
        Ok(())
    }
}

fn ask_three_times(case: &Case, length: usize) {
    let file = fresh_path();
    let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
    fs::write(&file, &bytes).expect("there is room for a file");
    let path = file.clone();
    let server = case.serve_events(move |_| OneAtATime {
        file: path.clone(),
        length: length as u64,
        is_sending: false,
    });
    let mut client = server.connect();
    client.send("123");
    for _ in 0..3 {
        client.expect("<").expect(&bytes).expect(">");
    }
    client.half_close().expect_end();
    wait_for_close(&server, "peer_closed");
    server.stop();
    fs::remove_file(file).expect("it is there");
}

fn the_next_request_waits_until_a_file_is_sent(case: &Case) {
    ask_three_times(case, LENGTH);
}

fn what_is_empty_is_sent_at_once(case: &Case) {
    ask_three_times(case, 0);
}
