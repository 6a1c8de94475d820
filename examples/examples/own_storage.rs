//! A storage of one's own: the files that are named, wherever they lie, and no others.
//!
//! In Python this is the line `open(files[request["filename"]], "rb")`, where a dictionary stands in the place of what the client says.
//!
//! A `Storage` says what there is and opens it; one that says no more is read only. Protocol, logins, hashes and hostile names are not its business.
//!
//! Run: `cargo run -p socketserver-examples --example own_storage ENDPOINT FILE...`, for instance with `:9000`.
//! Try: `cargo run -- ls files://127.0.0.1:9000/` in another terminal.

use std::{collections::BTreeMap, error::Error, fs::File, path::PathBuf, sync::Arc};

use socketserver::{Server, TcpServer};
use socketserver_handlers::files::storage::{Entry, Listing, Source, Storage};
use socketserver_handlers::files::{Access, FilePath, Files, Refusal, Settings, Word};

/// Names, and where their files are.
#[derive(Debug, Default)]
struct Shelf(BTreeMap<FilePath, PathBuf>);

impl Storage for Shelf {
    fn list(&self, folder: &FilePath, after: Option<&str>, max: usize) -> Result<Listing, Refusal> {
        self.entry(folder)?;
        let entries = self.0.keys().filter_map(|path| self.entry(path).ok());
        Ok(Listing::page(entries, after, max))
    }

    fn entry(&self, path: &FilePath) -> Result<Entry, Refusal> {
        match path.split() {
            None => Ok(Entry::folder(path)),
            Some(_) => Ok(Entry::file(path, &self.open(path)?)),
        }
    }

    fn open(&self, path: &FilePath) -> Result<Source, Refusal> {
        let file = self.0.get(path).and_then(|place| File::open(place).ok());
        let source = file.and_then(|file| Source::new(file).ok());
        source.ok_or_else(|| Refusal::new(Word::NotFound, format!("{path} is not there")))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = TcpServer::bind(&arguments.next().unwrap_or_default())?;
    let mut shelf = Shelf::default();
    for place in arguments.map(PathBuf::from) {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        shelf.0.insert(name.parse()?, place);
    }
    let settings = Settings {
        anonymous: Some(Access::ReadOnly),
        ..Settings::default()
    };
    let files = Files::new(Arc::new(shelf), settings);
    println!("listening {}", server.addresses()[0]);
    server.serve_forever(move |peer| files.handler(peer))?;
    Ok(())
}
