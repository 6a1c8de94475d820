//! A door of one's own to the chat: a screen on the wall shows what is said in the lobby, a line with tabs for each event.
//!
//! The hub knows rooms and names and no wires. A door is a handler that lets its clients in as members, and a `Wire` that puts events into words; the hub calls it
//! once for each event, however many screens there are.
//!
//! Run: `cargo run -p socketserver-examples --example chat_door [ENDPOINT [ENDPOINT]]` (`:9000` for people and `:9001` for screens without them).
//! Try: `nc 127.0.0.1 9001` is a screen, and `nc 127.0.0.1 9000` somebody who speaks. Control-C ends both.

use std::error::Error;
use std::sync::Arc;
use std::{env, thread};

use socketserver::{Conn, Handler, HandlerError, Input, Server, TcpServer};
use socketserver_handlers::chat::hub::{Event, Member, Outlet, What, Wire};
use socketserver_handlers::chat::{Chat, Name, RoomName, Settings};

/// The words of this door. Who comes and goes is nothing to a screen.
struct Tabs;

impl Wire for Tabs {
    fn encode(&self, event: &Event, into: &mut Vec<u8>) {
        if let What::Said { text, .. } = &event.what {
            into.extend_from_slice(format!("{}\t{text}\n", event.by).as_bytes());
        }
    }
}

/// A screen, which is a member as long as it is connected.
struct Screen(Chat, Arc<dyn Wire>, Option<Member>);

impl Handler for Screen {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let outlet = Outlet::connection(self.1.clone(), conn.remote());
        let name = Name::parse(&format!("screen{}", conn.id()))?;
        let member = self.0.hub().enter(name, outlet)?;
        member.join(&RoomName::parse("lobby")?, None)?;
        self.2 = Some(member);
        Ok(())
    }
    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let argument = |number, otherwise: &str| env::args().nth(number).unwrap_or(otherwise.into());
    let people = TcpServer::bind(&argument(1, ":9000"))?;
    let screens = TcpServer::bind(&argument(2, ":9001"))?;
    println!("listening {}", people.addresses()[0]);
    println!("listening {}", screens.addresses()[0]);
    let chat = Chat::new(Settings::default(), None);
    let (room, wire): (_, Arc<dyn Wire>) = (chat.clone(), Arc::new(Tabs));
    thread::spawn(|| screens.serve_forever(move |_| Screen(room.clone(), wire.clone(), None)));
    people.serve_forever(move |peer| chat.line_door(peer))?;
    Ok(())
}
