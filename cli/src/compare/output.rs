//! What a comparison leaves behind: tables or JSON on standard output, and files.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use socketserver_bench::render::{self, Style};
use socketserver_bench::report::Report;

use super::options::{Format, Options};
use crate::console::Console;
use crate::exit::{Code, Failure, cause};
use crate::load::print;

/// How wide tables are where no terminal says so.
const WIDTH: usize = 100;

/// Where a report goes.
pub(super) struct Output {
    formats: Vec<Format>,
    folder: PathBuf,
    is_json: bool,
}

impl Output {
    /// Finds out before anything is measured whether the files can be written.
    pub(super) fn new(options: &Options) -> Result<Self, Failure> {
        let folder = options.out_dir.clone();
        if !options.out.is_empty() {
            fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        }
        Ok(Self {
            formats: options.out.clone(),
            folder,
            is_json: options.json,
        })
    }

    pub(super) fn write(
        &self,
        report: &Report,
        baseline: Option<&Report>,
        console: Console,
    ) -> Result<(), Failure> {
        let mut verdict = report.verdict().sentences();
        if let Some(earlier) = baseline {
            match report.changes_since(earlier) {
                Ok(changes) => verdict.extend(changes.sentences),
                Err(error) => return Err(Failure::new(Code::Usage, error.to_string())),
            }
        }
        for &format in &self.formats {
            let path = self.path(report, format);
            let text = match format {
                Format::Json => report.to_json(),
                Format::Csv => render::csv(report),
                Format::Md => render::markdown(report, &verdict),
                Format::Html => render::html(report, &verdict),
                Format::Svg => render::picture(report, &verdict),
            };
            fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
            console.say(format_args!("written: {}", path.display()));
        }
        if self.is_json {
            return print(&report.to_json());
        }
        let style = Style {
            width: WIDTH,
            colour: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        print(&render::text(report, &verdict, style))
    }

    /// `compare-work-200us.json`: a colon is no part of a file name everywhere.
    fn path(&self, report: &Report, format: Format) -> PathBuf {
        let handler = report.setup.handler.replace(':', "-");
        let extension = match format {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Md => "md",
            Format::Html => "html",
            Format::Svg => "svg",
        };
        self.folder.join(format!("compare-{handler}.{extension}"))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Code::Failed,
        format!("cannot write {}: {}", path.display(), cause(error)),
    )
}
