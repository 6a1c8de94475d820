//! The downloader: servers that are sent a name, and send back a file.

use std::io::Write;
use std::time::Duration;

use socketserver::Endpoint;

use super::super::Word;
use super::super::wire::FRAME_BYTES_MAX;
use super::connection::Connection;
use super::local::failed;
use super::part::Part;
use super::{Error, LocalFile, Progress};

/// How a file is downloaded by its name.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NameOptions {
    /// How long connecting may take; none for as long as the system tries. 10 s unless it is set.
    pub connect_timeout: Option<Duration>,
    /// How long nothing may come; none for ever. 30 s unless it is set.
    pub progress_timeout: Option<Duration>,
    /// Whether a line end follows the name, as is the default. The tutorials' servers take it for a part of the name.
    pub line_end: bool,
}

impl Default for NameOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Some(Duration::from_secs(10)),
            progress_timeout: Some(Duration::from_secs(30)),
            line_end: true,
        }
    }
}

/// Downloads a file from a server that is sent a name, and sends back the bytes until the end of the connection. Gives how many there were.
///
/// Nothing tells whether these are all bytes of the file: a server that ends too early looks the same.
///
/// # Errors
///
/// [`Error::Refused`] with the word [`NotFound`](Word::NotFound) when the answer is empty, which is what these servers say of a file that is not there; one that has
/// no bytes looks the same.
pub fn download_by_name(
    endpoint: &Endpoint,
    name: &str,
    sink: &mut dyn Write,
    options: &NameOptions,
    progress: &mut dyn Progress,
) -> Result<u64, Error> {
    let path = name.as_ref();
    let mut write = |bytes: &[u8]| {
        let written = sink.write_all(bytes);
        written.map_err(|cause| failed("write", path, cause))
    };
    let count = download(endpoint, name, &mut write, options, progress)?;
    sink.flush().map_err(|cause| failed("write", path, cause))?;
    Ok(count)
}

/// The same into a local file, which has its name once everything has come.
///
/// # Errors
///
/// Those of [`download_by_name`]; nothing is left of a file that did not come.
pub fn download_by_name_to(
    endpoint: &Endpoint,
    name: &str,
    target: &LocalFile,
    options: &NameOptions,
    progress: &mut dyn Progress,
) -> Result<u64, Error> {
    let mut part = Part::open(target)?;
    part.restart()?;
    let mut append = |bytes: &[u8]| part.append(bytes);
    match download(endpoint, name, &mut append, options, progress) {
        Ok(count) => {
            part.finish(None)?;
            Ok(count)
        }
        Err(error) => {
            part.discard();
            Err(error)
        }
    }
}

fn download(
    endpoint: &Endpoint,
    name: &str,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    options: &NameOptions,
    progress: &mut dyn Progress,
) -> Result<u64, Error> {
    let result = ask(endpoint, name, take, options, progress);
    progress.end();
    result
}

fn ask(
    endpoint: &Endpoint,
    name: &str,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    options: &NameOptions,
    progress: &mut dyn Progress,
) -> Result<u64, Error> {
    if name.is_empty() || name.contains(['\n', '\r', '\0']) {
        return Err(Error::Name(super::super::PathError::Control));
    }
    let mut connection = Connection::open(
        endpoint,
        options.connect_timeout,
        options.progress_timeout,
        FRAME_BYTES_MAX,
    )?;
    let line_end = if options.line_end { "\n" } else { "" };
    connection.send_plain(format!("{name}{line_end}").as_bytes())?;
    connection.half_close();
    let mut count = 0;
    connection.receive_all(&mut |bytes| {
        if count == 0 {
            progress.begin(name, 0, 0);
        }
        take(bytes)?;
        count += bytes.len() as u64;
        progress.advance(bytes.len() as u64);
        Ok(())
    })?;
    if count > 0 {
        return Ok(count);
    }
    Err(Error::Refused {
        word: Some(Word::NotFound),
        sentence: "the answer is empty: the server has no such file, or does not give it"
            .to_owned(),
    })
}
