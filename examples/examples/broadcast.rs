//! A room: every line goes to everybody, in whichever mode the server runs.
//!
//! In Python these are the lines, in which one member that does not read stops the whole room:
//!
//! ```python
//! class Member(socketserver.StreamRequestHandler):
//!     room, lock = set(), threading.Lock()
//!     def handle(self):
//!         with self.lock: self.room.add(self.wfile)
//!         for line in self.rfile:
//!             with self.lock:
//!                 for member in self.room: member.write(line)
//! ```
//!
//! A group queues instead of waiting, cuts a member for which too much waits, and forgets one that leaves.
//!
//! Run: `cargo run -p socketserver-examples --example broadcast [ENDPOINT]` (`:9000` without one).
//! Try: `nc 127.0.0.1 9000` in two terminals; what is typed in one appears in both.

use socketserver::{Conn, Group, Handler, HandlerError, Input, Server, SlowMember, TcpServer};

/// Somebody in the room.
struct Member {
    room: Group,
}

impl Handler for Member {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.room.join(conn);
        conn.write(format!("you are number {}\n", conn.id()).as_bytes());
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            let mut message = format!("{}: ", conn.id()).into_bytes();
            message.extend_from_slice(input.take(end + 1));
            // The message is made once and shared by all who get it.
            self.room.broadcast(message);
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let server = TcpServer::bind(&endpoint)?;
    println!("listening {}", server.addresses()[0]);
    let room = Group::new(SlowMember::Disconnect);
    server.serve_forever(move |_peer| Member { room: room.clone() })?;
    Ok(())
}
