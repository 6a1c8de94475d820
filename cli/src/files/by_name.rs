//! `get --protocol name`: files from servers that are sent a name and nothing else.

use std::time::Instant;

use socketserver_handlers::files::client::{
    ClientOptions, Error, NameOptions, download_by_name, download_by_name_to,
};

use super::finished;
use super::report::Report;
use super::target::{Destination, Target, output};
use super::url::Url;

/// How the tutorials' client calls what it has received.
const COMPAT_PREFIX: &str = "[接收]";

/// Gets one file, and reports how it went.
pub(super) fn get(
    url: &Url,
    destination: &Destination,
    is_compat: bool,
    client_options: &ClientOptions,
    report: &Report,
) {
    let name = url.path.as_str();
    let started = Instant::now();
    match download(url, destination, is_compat, client_options, report) {
        Ok(bytes) if report.is_json() => {
            report.print(&finished::json_bare(name, bytes, started.elapsed()));
        }
        Ok(bytes) => {
            let line = finished::moved(name, bytes, bytes, started.elapsed());
            report.note(&format!(
                "{line}  not verified, since the server tells no hash"
            ));
        }
        Err(error) => report.failed(name, &error),
    }
}

fn download(
    url: &Url,
    destination: &Destination,
    is_compat: bool,
    client_options: &ClientOptions,
    report: &Report,
) -> Result<u64, Error> {
    let mut options = NameOptions::default();
    options.connect_timeout = client_options.connect_timeout;
    options.progress_timeout = client_options.progress_timeout;
    options.line_end = !is_compat;
    let prefix = if is_compat { COMPAT_PREFIX } else { "" };
    let local = format!("{prefix}{}", url.name().unwrap_or_default());
    let (path, mut progress) = (url.path.as_str(), report.progress());
    match destination.target(&local)? {
        Target::File(file) => {
            download_by_name_to(&url.endpoint, path, &file, &options, &mut progress)
        }
        Target::Output => {
            download_by_name(&url.endpoint, path, &mut output(), &options, &mut progress)
        }
    }
}
