//! The downloader of older tutorials: a name comes, the file goes, and that is all.

use std::sync::Arc;
use std::time::Duration;

use socketserver::{Conn, Handler, HandlerError, Input, Offloaded};

use super::path::PATH_BYTES_MAX;
use super::storage::{Source, Storage};
use super::{FilePath, Refusal};

/// How long a client is silent when its name is complete, if neither a line end nor the end of its side says so.
const SILENCE: Duration = Duration::from_millis(50);
/// The timer that notices it.
const SILENT: u8 = 0;

/// Sends one file to whoever says its name.
///
/// The name ends with a line end, with the end of the client's side, or with 50 ms of silence. The bytes of the file are followed by the end of the connection, and a file
/// that is not there, or must not be sent, is an empty answer: the protocol has no errors. Anybody may read everything.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use socketserver::{Server, TcpServer};
/// use socketserver_handlers::files::NameDownload;
/// use socketserver_handlers::files::storage::{Folder, FolderSettings, Storage};
///
/// let folder: Arc<dyn Storage> = Arc::new(Folder::open("share".as_ref(), FolderSettings::default())?);
/// let server = TcpServer::bind("127.0.0.1:9004")?;
/// server.serve_forever(move |_peer| NameDownload::new(folder.clone()))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NameDownload {
    storage: Arc<dyn Storage>,
    name: Vec<u8>,
    /// The file that was asked for, while it is being opened.
    opening: Option<Offloaded<Result<Source, Refusal>>>,
}

impl NameDownload {
    /// A handler that sends a file of this storage.
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self {
            storage,
            name: Vec::new(),
            opening: None,
        }
    }

    /// The name is complete.
    fn open(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.pause_reading();
        conn.cancel_timer(SILENT);
        let name = std::mem::take(&mut self.name);
        let name = name.strip_suffix(b"\r").unwrap_or(&name);
        let path = str::from_utf8(name).ok().map(FilePath::parse);
        let Some(Ok(path)) = path else {
            log::info!(
                "#{} {}: '{}' is no name",
                conn.id(),
                conn.peer(),
                name.escape_ascii()
            );
            conn.close();
            return Ok(());
        };
        let storage = self.storage.clone();
        self.opening = Some(conn.offload(move || storage.open(&path))?);
        Ok(())
    }
}

impl Handler for NameDownload {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let end = input.iter().position(|&byte| byte == b'\n');
        self.name
            .extend_from_slice(input.take(end.unwrap_or(input.len())));
        if self.name.len() > PATH_BYTES_MAX {
            conn.close();
        } else if end.is_some() {
            self.open(conn)?;
        } else {
            conn.set_timer(SILENT, SILENCE);
        }
        Ok(())
    }

    fn ended(&mut self, _input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if self.opening.is_none() {
            self.open(conn)?;
        }
        Ok(())
    }

    fn timer(&mut self, _timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.open(conn)
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match self.opening.as_mut().and_then(Offloaded::take) {
            Some(Ok(source)) => {
                conn.send_file(source.file, 0..source.stamp.size);
                conn.close();
            }
            Some(Err(refusal)) => {
                log::info!("#{} {}: {refusal}", conn.id(), conn.peer());
                conn.close();
            }
            None => {}
        }
        Ok(())
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if self.opening.is_none() && self.name.is_empty() {
            conn.finish();
        }
        Ok(())
    }
}
