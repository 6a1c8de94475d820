//! Completions for shells and manual pages, made from the definitions that read the command line.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Cli;
use crate::exit::{Code, Failure};

/// Prints completions for a shell.
///
/// For instance: `socketserver completions bash > /etc/bash_completion.d/socketserver`
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints a manual page.
///
/// For instance: `socketserver man serve | man -l -`
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The subcommand to explain, else all in short
    command: Option<String>,
}

pub(crate) fn completions(options: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut Cli::command(),
        "socketserver",
        &mut script,
    );
    print(&script)
}

pub(crate) fn man(options: &Man) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    let command = match &options.command {
        None => command,
        Some(name) => subcommand(&command, name)?,
    };
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(|error| Failure::system("cannot make the manual page", &error))?;
    print(&page)
}

fn subcommand(command: &clap::Command, name: &str) -> Result<clap::Command, Failure> {
    let found = command.find_subcommand(name).cloned();
    found.ok_or_else(|| {
        Failure::new(
            Code::Usage,
            format!("'{name}' is not a subcommand: see socketserver --help"),
        )
    })
}

/// Writes everything; a reader who has seen enough is no failure.
fn print(text: &[u8]) -> Result<(), Failure> {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::system("cannot write to standard output", &error))
        }
        _ => Ok(()),
    }
}
