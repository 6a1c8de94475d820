//! What is done for each request: whether it is allowed, what it is about, and who does it.

use std::sync::Arc;

use socketserver::Conn;

use super::receiving::End;
use super::{FileHandler, Next};
use crate::files::accounts::Access;
use crate::files::request::{Action, Change, Get, Request};
use crate::files::service::Service;
use crate::files::storage::Quota;
use crate::files::transfer::Transfer;
use crate::files::verbs::{self, Intent};
use crate::files::wire::{Limits, Number, ReplyFields};
use crate::files::work::Step;
use crate::files::{Algorithm, FilePath, Hash, Refusal, Word};

/// What `help` says.
const HELP: &str = "login NAME PASSWORD, put NAME [FOLDER], get NAME [FOLDER], ls [PATH], cd PATH, pwd, mkdir PATH, \
rm PATH, mv FROM TO, stat PATH, hash PATH [blake3|sha256|md5], help, quit";

impl FileHandler {
    /// Begins to do what a request asks for.
    pub(super) fn begin(&mut self, request: Request, conn: &mut Conn<'_>) {
        log::debug!("#{} {}: {:?}", conn.id(), self.peer, request.action);
        self.id = request.id;
        let body_bytes = request.body_bytes;
        let done = request.action.and_then(|action| {
            self.allow(&action)?;
            self.act(action, conn)
        });
        if let Err(refusal) = done {
            self.refuse(refusal, body_bytes, conn);
        }
    }

    /// Whether whoever asks may have it done.
    fn allow(&self, action: &Action) -> Result<(), Refusal> {
        let needs_nobody = matches!(
            action,
            Action::Hello | Action::Help | Action::Quit | Action::Login { .. }
        );
        let writes = matches!(action, Action::Change(_));
        match &self.who {
            _ if needs_nobody => Ok(()),
            None => Err(Refusal::new(
                Word::Auth,
                "log in first (login NAME PASSWORD)",
            )),
            Some(user) if writes && user.access == Access::ReadOnly => {
                let sentence = format!("{} may read only", user.name);
                Err(Refusal::new(Word::Denied, sentence))
            }
            Some(_) => Ok(()),
        }
    }

    fn act(&mut self, action: Action, conn: &mut Conn<'_>) -> Result<(), Refusal> {
        match action {
            Action::Hello => self.reply(self.greeting(), conn),
            Action::Help => self.reply(ReplyFields::new(200, HELP), conn),
            Action::Quit => {
                self.write(ReplyFields::new(200, "bye"), conn);
                conn.close();
            }
            Action::Login { user, password } => self.log_in(user, password, conn),
            Action::Pwd => self.reply(verbs::current_folder(&self.folder), conn),
            Action::Cd { path } => {
                let place = self.folder_from(&path)?;
                let full = self.at_home(&place)?;
                self.ask(move |service| verbs::cd(service, &full, place), conn);
            }
            Action::Ls {
                path,
                after,
                as_text,
            } => {
                let folder = match path.as_str() {
                    "" => self.at_home(&self.folder)?,
                    _ => self.full(&path)?,
                };
                self.ask(
                    move |service| verbs::ls(service, &folder, after.as_deref(), as_text).into(),
                    conn,
                );
            }
            Action::Stat { path } => {
                let full = self.full(&path)?;
                self.ask(move |service| verbs::stat(service, &full).into(), conn);
            }
            Action::Hash {
                path,
                algorithm,
                size,
                is_first,
            } => {
                let full = self.full(&path)?;
                self.ask(
                    move |service| verbs::hash(service, &full, algorithm, size, is_first),
                    conn,
                );
            }
            Action::Get(get) => self.send(get, conn)?,
            Action::Change(change) => self.change(change, conn)?,
        }
        Ok(())
    }

    /// What needs the right to write.
    fn change(&mut self, change: Change, conn: &mut Conn<'_>) -> Result<(), Refusal> {
        match change {
            Change::MakeFolder { path } => {
                let full = self.full(&path)?;
                let quota = self.quota();
                self.ask_to(
                    "made",
                    move |service| service.storage.make_folder(&full, quota.as_ref()),
                    conn,
                );
            }
            Change::Remove { path } => {
                let full = self.full(&path)?;
                self.ask_to(
                    "removed",
                    move |service| service.storage.remove(&full),
                    conn,
                );
            }
            Change::Rename { from, to } => {
                let (from, to) = (self.full(&from)?, self.full(&to)?);
                self.ask_to(
                    "renamed",
                    move |service| service.storage.rename(&from, &to),
                    conn,
                );
            }
            Change::Put {
                folder,
                name,
                size,
                hash,
            } => self.put(folder.as_deref(), &name, size, hash, conn)?,
            Change::Open {
                path,
                total,
                create,
                algorithm,
            } => {
                // What was open is set aside, and may be what is opened now.
                self.open = None;
                let intent = Intent {
                    create,
                    algorithm,
                    ..self.intent(self.folder.join(&path)?, total)?
                };
                self.open_upload(intent, Next::Announce, conn);
            }
            Change::Data {
                token,
                offset,
                size,
            } => self.part(&token, offset, size, conn)?,
            Change::Commit { token, hash, mtime } => self.commit(&token, &hash, mtime, conn)?,
            Change::Abort { token } => {
                self.take_open(&token)?;
                self.reply(ReplyFields::new(200, "set aside"), conn);
            }
        }
        Ok(())
    }

    /// Has a request answered by others.
    fn ask(
        &mut self,
        work: impl FnOnce(&Arc<Service>) -> Step + Send + 'static,
        conn: &mut Conn<'_>,
    ) {
        let service = self.service.clone();
        self.have_done(move || work(&service), Next::Nothing, conn);
    }

    /// Has something done by others; `done` is what they have done then.
    fn ask_to(
        &mut self,
        done: &'static str,
        work: impl FnOnce(&Service) -> Result<(), Refusal> + Send + 'static,
        conn: &mut Conn<'_>,
    ) {
        let reply = move |()| ReplyFields::new(200, done);
        self.ask(move |service| work(service).map(reply).into(), conn);
    }

    fn greeting(&self) -> ReplyFields {
        let settings = &self.service.settings;
        let hashes = Algorithm::ALL.map(Algorithm::name);
        let have = ["resume", "list"].into_iter().chain(hashes);
        ReplyFields {
            v: Some(Number::from(2)),
            have: Some(have.map(Into::into).collect()),
            limits: Some(Limits {
                frame: settings.frame_bytes_max as u64,
                drain: settings.drain_bytes_max,
            }),
            auth: Some(vec!["plain".into()]),
            ..ReplyFields::new(200, "socketserver files")
        }
    }

    fn send(&mut self, get: Get, conn: &mut Conn<'_>) -> Result<(), Refusal> {
        let full = self.full(&get.path)?;
        self.ask(move |service| verbs::get(service, &full, get), conn);
        Ok(())
    }

    /// A file in one request, as version 1 has it.
    fn put(
        &mut self,
        folder: Option<&str>,
        name: &str,
        size: u64,
        hash: Option<Hash>,
        conn: &mut Conn<'_>,
    ) -> Result<(), Refusal> {
        let folder = match folder {
            Some(folder) => self.folder.join(folder)?,
            None => self.folder.clone(),
        };
        let intent = Intent {
            algorithm: Algorithm::Md5,
            anew: true,
            ..self.intent(folder.join(name)?, size)?
        };
        let next = Next::Receive {
            bytes: size,
            end: End::Commit(hash),
        };
        self.open_upload(intent, next, conn);
        Ok(())
    }

    /// How much the user may have, if not as much as the disk has.
    fn quota(&self) -> Option<Quota> {
        let user = self.who.as_ref()?;
        Some(Quota {
            folder: user.home.clone(),
            bytes_max: user.quota_bytes?,
        })
    }

    /// What becomes of an upload; `place` is how the user calls it.
    fn intent(&self, place: FilePath, total: u64) -> Result<Intent, Refusal> {
        Ok(Intent {
            full: self.at_home(&place)?,
            place,
            total,
            create: false,
            algorithm: Algorithm::default(),
            quota: self.quota(),
            anew: false,
        })
    }

    fn open_upload(&mut self, intent: Intent, next: Next, conn: &mut Conn<'_>) {
        let service = self.service.clone();
        self.have_done(move || verbs::open(&service, intent), next, conn);
    }

    /// The next bytes of an upload that is open.
    fn part(
        &mut self,
        token: &str,
        offset: u64,
        size: u64,
        conn: &mut Conn<'_>,
    ) -> Result<(), Refusal> {
        let mut transfer = self.take_open(token)?;
        if let Err(refusal) = transfer.check(offset, size) {
            self.open = Some((token.to_owned(), transfer));
            return Err(refusal);
        }
        if offset < transfer.held() {
            transfer.begin_again();
        }
        self.receive(transfer, size, End::Part, conn);
        Ok(())
    }

    fn commit(
        &mut self,
        token: &str,
        hash: &str,
        mtime: Option<u64>,
        conn: &mut Conn<'_>,
    ) -> Result<(), Refusal> {
        let transfer = self.take_open(token)?;
        let algorithm = transfer.hash().algorithm();
        let Some(promised) = Hash::parse(algorithm, hash) else {
            self.open = Some((token.to_owned(), transfer));
            let sentence = format!("the hash is no {algorithm} in hexadecimal");
            return Err(Refusal::new(Word::BadRequest, sentence));
        };
        if let Err(refusal) = transfer.check_whole() {
            self.open = Some((token.to_owned(), transfer));
            return Err(refusal);
        }
        let commit = move |_: &_| {
            let stored = transfer.commit(Some(&promised), mtime);
            stored.map(|stored| stored.second_reply()).into()
        };
        self.ask(commit, conn);
        Ok(())
    }

    /// Takes the upload that is open, if it is called so.
    fn take_open(&mut self, token: &str) -> Result<Box<Transfer>, Refusal> {
        match self.open.take() {
            Some((name, transfer)) if name == token => Ok(transfer),
            other => {
                self.open = other;
                let sentence = "no upload is open under this token (open it first)";
                Err(Refusal::new(Word::BadRequest, sentence))
            }
        }
    }

    /// Where a path leads that is given relative to the current folder.
    fn full(&self, path: &str) -> Result<FilePath, Refusal> {
        self.at_home(&self.folder.join(path)?)
    }

    /// Where a path leads that is given relative to the user's home.
    fn at_home(&self, path: &FilePath) -> Result<FilePath, Refusal> {
        let home = self.who.as_ref().map(|user| &user.home);
        Ok(home.map_or_else(|| Ok(path.clone()), |home| home.join_path(path))?)
    }

    /// Where `cd` leads, relative to the home: it alone knows `/`, `~` and `..`.
    fn folder_from(&self, path: &str) -> Result<FilePath, Refusal> {
        let (mut folder, rest) = match path.strip_prefix('~').unwrap_or(path).strip_prefix('/') {
            Some(rest) => (FilePath::root(), rest),
            None if path == "~" => (FilePath::root(), ""),
            None => (self.folder.clone(), path),
        };
        for name in rest.split('/').filter(|name| !name.is_empty()) {
            folder = match name {
                "." => folder,
                ".." => folder.folder().unwrap_or_default(),
                name => folder.join(name)?,
            };
        }
        Ok(folder)
    }
}
