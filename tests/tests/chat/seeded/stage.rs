//! A chat whose events are noted in the order that the hub gives them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socketserver::{
    Address, CloseReason, Conn, DatagramSender, DatagramServer, Endpoint, Handler, HandlerError,
    Input, Remote,
};
use socketserver_handlers::chat::hub::{Event, Member, Outlet, What, Wire};
use socketserver_handlers::chat::{Chat, LineDoor, Name, RoomName, Text};

use super::{NAMES, ROOMS};

/// The name of the member that belongs to no client.
pub(super) const OBSERVER: &str = "observer";

/// The chat of the present run, and what happens in it.
pub(super) struct Stage {
    /// Makes a chat. Each run has one of its own, since time begins anew in each.
    make: fn() -> Chat,
    scene: Mutex<Scene>,
    /// How the observer could be reached if there were anything to send.
    sender: DatagramSender,
}

struct Scene {
    chat: Chat,
    notes: Arc<Notes>,
    observer: Member,
}

/// A wire that nothing is sent over.
#[derive(Default)]
struct Notes {
    /// What has happened in the rooms.
    events: Mutex<Vec<Event>>,
    /// What the observer was told alone and has not answered yet.
    told: Mutex<Vec<Text>>,
}

impl Wire for Notes {
    fn encode(&self, event: &Event, _: &mut Vec<u8>) {
        match &event.what {
            What::Said { text, .. } if event.room.is_none() => lock(&self.told).push(text.clone()),
            _ => lock(&self.events).push(event.clone()),
        }
    }
}

impl Stage {
    /// A stage on which a run can begin.
    pub(super) fn new(make: fn() -> Chat) -> Self {
        let nowhere = Endpoint::Udp {
            host: "127.0.0.1".into(),
            port: 0,
        };
        let builder = DatagramServer::builder().endpoints([nowhere]);
        let server = builder.bind_datagrams().expect("a port is free");
        let sender = server.senders().remove(0);
        Self {
            make,
            scene: Mutex::new(Scene::new(make(), &sender)),
            sender,
        }
    }

    /// Ends a run, after which nobody may be left but the observer, and begins the next one. Returns what has happened in the rooms.
    pub(super) fn next(&self) -> Result<Vec<Event>, String> {
        let new = Scene::new((self.make)(), &self.sender);
        let old = std::mem::replace(&mut *lock(&self.scene), new);
        drop(old.observer);
        let stats = old.chat.hub().stats();
        if (stats.members, stats.rooms) == (0, 0) {
            Ok(std::mem::take(&mut *lock(&old.notes.events)))
        } else {
            Err(format!("somebody is left in the hub: {stats:?}"))
        }
    }

    /// Answers what the observer was just told, by a letter, which comes behind everything that the hub has sent before.
    fn answer(&self, remote: &Remote) {
        let told = std::mem::take(&mut *lock(&lock(&self.scene).notes.told));
        for text in told {
            // Whoever is gone needs no answer.
            let _ = remote.write(format!("[{OBSERVER} -> you] {text}\n"));
        }
    }

    /// Makes the first client an operator wherever it is.
    fn promote(&self) {
        let scene = lock(&self.scene);
        for room in ROOMS {
            // Nothing comes of it where it is not.
            let _ = (scene.observer).promote(&room_name(room), &name(NAMES[0]));
        }
    }
}

impl Scene {
    /// Lets the observer in before anybody else.
    fn new(chat: Chat, sender: &DatagramSender) -> Self {
        let notes = Arc::<Notes>::default();
        let outlet = Outlet::datagrams(notes.clone(), sender.clone(), Address::UnixUnnamed);
        let observer = chat.hub().enter(name(OBSERVER), outlet);
        let observer = observer.expect("nobody is there yet");
        for room in ROOMS {
            (observer.join(&room_name(room), None)).expect("it begins");
        }
        Self {
            chat,
            notes,
            observer,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(name: &str) -> Name {
    Name::parse(name).expect("it is a name")
}

fn room_name(name: &str) -> RoomName {
    RoomName::parse(name).expect("it is a name")
}

/// The line door, on the stage.
pub(super) struct Watched {
    inner: LineDoor,
    stage: Arc<Stage>,
}

impl Watched {
    pub(super) fn new(stage: &Arc<Stage>, peer: &Address) -> Self {
        Self {
            inner: lock(&stage.scene).chat.line_door(peer),
            stage: stage.clone(),
        }
    }
}

impl Handler for Watched {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.inner.opened(conn)
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.inner.received(input, conn)?;
        self.stage.promote();
        self.stage.answer(&conn.remote());
        Ok(())
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.inner.ended(input, conn)
    }

    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.inner.drained(conn)
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.inner.timer(timer, conn)
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.inner.woken(conn)
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.inner.stopping(conn)
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.inner.closed(reason);
    }
}
