//! What can be asked of a server besides files themselves.

use super::super::storage::Entry;
use super::super::wire::{Number, ReplyFields, RequestFields};
use super::super::{Algorithm, FilePath, Hash};
use super::{Client, Error, Version, typed};

impl Client {
    /// Logs in. The password travels as it is: on a network that is not trusted a tunnel has to hide it.
    ///
    /// A password is dear to check, so that servers check a few at a time; one that is busy with others is asked again for some seconds.
    ///
    /// # Errors
    ///
    /// [`Refused`](Error::Refused) with the word [`Auth`](super::super::Word::Auth) when the name or the password is wrong, and with [`Busy`](super::super::Word::Busy) when others keep the
    /// server busy all the time.
    pub fn login(&mut self, user: &str, password: &str) -> Result<(), Error> {
        let mut request = self.request("login", &[]);
        request.user = Some(user.to_owned());
        request.psd = Some(password.to_owned());
        self.patiently(|client| client.ask(&request)).map(drop)
    }

    /// What is at a path; with the root, the current folder.
    pub fn entry(&mut self, path: &FilePath) -> Result<Entry, Error> {
        let mut reply = self.ask_about("stat", path)?;
        // Some servers of version 1 send a list of one.
        let first = |reply: &mut ReplyFields| reply.entries.take()?.into_iter().next();
        let entry = reply.entry.take().or_else(|| first(&mut reply));
        entry.ok_or_else(|| Error::lacking("entry"))
    }

    /// The hash of a file as the server computes it; with a `size` only of its first so many bytes.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](Error::Unsupported) for a `size` in version 1.
    pub fn hash(
        &mut self,
        path: &FilePath,
        algorithm: Algorithm,
        size: Option<u64>,
    ) -> Result<Hash, Error> {
        let request = match self.version {
            Version::One if size.is_some() => {
                return Err(Error::Unsupported("it has no hashes of parts"));
            }
            // It is what is meant if nothing is said, and older servers take one argument only.
            Version::One if algorithm == Algorithm::Md5 => self.request("hash", &[path.as_str()]),
            Version::One => self.request("hash", &[path.as_str(), algorithm.name()]),
            Version::Two => RequestFields {
                path: Some(path.as_str().to_owned()),
                hash_alg: Some(algorithm.name().to_owned()),
                size: size.map(Number::from),
                ..self.request("hash", &[])
            },
        };
        let reply = self.ask_much(&request)?;
        let text = reply.hash.or(reply.file_hash).unwrap_or(reply.res);
        if reply.hash_alg.is_some_and(|sent| sent != algorithm) {
            return Err(Error::Protocol("it has another kind of hash".to_owned()));
        }
        Hash::parse(algorithm, text.trim()).ok_or_else(|| Error::lacking("hash"))
    }

    /// Makes a folder the current one: a path below the present one, `..`, `/` or `~`. Gives the new one, as the server writes it.
    pub fn change_folder(&mut self, path: &str) -> Result<String, Error> {
        let request = match self.version {
            Version::One => self.request("cd", &[path]),
            Version::Two => RequestFields {
                path: Some(path.to_owned()),
                ..self.request("cd", &[])
            },
        };
        let reply = self.ask(&request)?;
        Ok(reply.path.unwrap_or(reply.res))
    }

    /// The current folder, as the server writes it, with a `/` in front.
    pub fn working_folder(&mut self) -> Result<String, Error> {
        let reply = self.ask(&self.request("pwd", &[]))?;
        Ok(reply.path.unwrap_or(reply.res))
    }

    /// Makes a folder; the one in which it lies must be there.
    pub fn make_folder(&mut self, path: &FilePath) -> Result<(), Error> {
        self.ask_about("mkdir", path).map(drop)
    }

    /// Removes a file or an empty folder.
    pub fn remove(&mut self, path: &FilePath) -> Result<(), Error> {
        self.ask_about("rm", path).map(drop)
    }

    /// Gives a file or folder another path, at which nothing is yet.
    pub fn rename(&mut self, from: &FilePath, to: &FilePath) -> Result<(), Error> {
        let request = match self.version {
            Version::One => self.request("mv", &[from.as_str(), to.as_str()]),
            Version::Two => RequestFields {
                path: Some(from.as_str().to_owned()),
                to: Some(to.as_str().to_owned()),
                ..self.request("mv", &[])
            },
        };
        self.ask(&request).map(drop)
    }

    /// What the server says about its verbs.
    pub fn help(&mut self) -> Result<String, Error> {
        Ok(self.ask(&self.request("help", &[]))?.res)
    }

    /// Says good-bye, and waits until the server has heard it. Just dropping the client is fine as well.
    pub fn quit(mut self) -> Result<(), Error> {
        self.ask(&self.request("quit", &[])).map(drop)
    }

    /// A request about one path.
    fn ask_about(&mut self, verb: &str, path: &FilePath) -> Result<ReplyFields, Error> {
        let request = match self.version {
            // What stands for the current folder there.
            Version::One if path.is_root() => self.request(verb, &["."]),
            Version::One => self.request(verb, &[path.as_str()]),
            Version::Two => RequestFields {
                path: Some(path.as_str().to_owned()),
                ..self.request(verb, &[])
            },
        };
        self.ask(&request)
    }

    /// A request with this verb; the arguments are those of a line in version 1.
    pub(super) fn request(&self, verb: &str, arguments: &[&str]) -> RequestFields {
        let (cmd, verb) = match self.version {
            Version::One => (Some(typed::line(verb, arguments)), None),
            Version::Two => (None, Some(verb.to_owned())),
        };
        RequestFields {
            cmd,
            verb,
            ..RequestFields::default()
        }
    }
}
