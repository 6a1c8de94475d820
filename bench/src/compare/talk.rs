//! A chat that costs as little as possible, to find out what the load generator can do: a single room, the line door's words to get in, and whoever says
//! something is heard by all others.

use socketserver::{Conn, Group, Handler, HandlerError, Input, SlowMember};

/// A member of it.
pub(super) struct Talk {
    group: Group,
    name: String,
    /// The room that it has asked for.
    room: Option<String>,
}

impl Talk {
    /// Members of the same group hear each other.
    pub(super) fn new(group: Group) -> Self {
        Self {
            group,
            name: String::new(),
            room: None,
        }
    }

    /// What everybody may be in who has entered.
    pub(super) fn group() -> Group {
        Group::new(SlowMember::Disconnect)
    }

    fn line(&mut self, line: &str, conn: &mut Conn<'_>) {
        match &self.room {
            _ if self.name.is_empty() => {
                line.clone_into(&mut self.name);
                conn.write(format!("-- Hello, {line}. You are in no room.\n").as_bytes());
            }
            None => {
                let room = line.strip_prefix("/join ").unwrap_or(line);
                self.group.join(conn);
                conn.write(format!("-- You are in {room}.\n").as_bytes());
                self.room = Some(room.to_owned());
            }
            Some(room) => {
                let said = format!("[{room}] {}: {line}\n", self.name);
                self.group.broadcast_except(&conn.remote(), said);
            }
        }
    }
}

impl Handler for Talk {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"-- Welcome. What is your name?\n");
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            let line = &input.take(end + 1)[..end];
            self.line(std::str::from_utf8(line)?, conn);
        }
        Ok(())
    }
}
