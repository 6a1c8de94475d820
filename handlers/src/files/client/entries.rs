//! A folder's entries, page by page.

use std::collections::VecDeque;
use std::iter::FusedIterator;

use super::super::FilePath;
use super::super::storage::{Entry, Kind};
use super::super::wire::{ReplyFields, RequestFields};
use super::{Client, Error, Version, typed};

/// The entries of a folder, a page of at most what fits into a header in memory. Each name is what the server says, which may be anything:
/// [`FilePath::join`] tells whether it is a name.
///
/// It ends after the first error.
#[derive(Debug)]
pub struct Entries<'a> {
    client: &'a mut Client,
    folder: FilePath,
    pages: Pages,
}

/// How far a list is.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    page: VecDeque<Entry>,
    /// After which name the next page begins; none before the first one.
    after: Option<String>,
    is_last: bool,
}

impl Client {
    /// The entries of a folder, sorted by name in version 2. Pages are asked for as they are needed.
    ///
    /// In version 1 a server may send names only, which are of the kind [`Other`](Kind::Other) then.
    pub fn list(&mut self, folder: &FilePath) -> Entries<'_> {
        Entries {
            client: self,
            folder: folder.clone(),
            pages: Pages::default(),
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pages.next(self.client, &self.folder)
    }
}

impl FusedIterator for Entries<'_> {}

impl Pages {
    /// The next entry, from a page that is there or from a new one.
    pub(super) fn next(
        &mut self,
        client: &mut Client,
        folder: &FilePath,
    ) -> Option<Result<Entry, Error>> {
        while self.page.is_empty() && !self.is_last {
            if let Err(error) = self.turn(client, folder) {
                self.page.clear();
                self.is_last = true;
                return Some(Err(error));
            }
        }
        self.page.pop_front().map(Ok)
    }

    fn turn(&mut self, client: &mut Client, folder: &FilePath) -> Result<(), Error> {
        let request = match client.version {
            Version::One => RequestFields {
                cmd: Some(match folder.as_str() {
                    "" => "ls".to_owned(),
                    path => typed::line("ls", &[path]),
                }),
                ..RequestFields::default()
            },
            Version::Two => RequestFields {
                verb: Some("ls".to_owned()),
                path: Some(folder.as_str().to_owned()),
                after: self.after.clone(),
                ..RequestFields::default()
            },
        };
        let reply = client.ask(&request)?;
        let next = reply.next.clone();
        self.page = match client.version {
            Version::One => typed_page(reply),
            Version::Two => match reply.entries {
                Some(entries) => entries.into(),
                None => return Err(client.wrong(Error::lacking("entries"))),
            },
        };
        // A server that goes round in circles would keep its client for ever.
        if let (Some(before), Some(next)) = (&self.after, &next)
            && next <= before
        {
            return Err(client.wrong(Error::Protocol("its list goes backwards".to_owned())));
        }
        self.is_last = next.is_none() || client.version == Version::One;
        self.after = next;
        Ok(())
    }
}

/// A list of version 1 has one name a line, if nothing better.
fn typed_page(reply: ReplyFields) -> VecDeque<Entry> {
    if let Some(entries) = reply.entries {
        return entries.into();
    }
    let names = reply.res.lines().filter(|line| !line.is_empty());
    let entry = |name: &str| Entry {
        name: name.to_owned(),
        kind: Kind::Other,
        size: 0,
        mtime: 0,
    };
    names.map(entry).collect()
}
