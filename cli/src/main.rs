//! The command `socketserver`: serves the ready-made handlers in any mode, talks to servers, measures and proves them.

#![forbid(unsafe_code)]

mod chat;
mod compare;
mod connect;
mod console;
mod exit;
mod files;
mod generate;
mod groups;
mod incoming;
mod keyboard;
mod lines;
mod load;
mod measuring;
mod password;
mod prove;
mod serve;
mod shown;
mod talk;
mod udp_chat;
mod units;
mod usage;
mod users;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::console::Console;
use crate::exit::Failure;

/// Serves ready-made handlers in any concurrency mode, and talks to servers.
///
/// A setting is taken from its flag, else from its environment variable, else from the configuration file, else it has
/// its default.
#[derive(Debug, Parser)]
#[command(name = "socketserver", version, after_help = exit::CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    console: console::Options,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
enum Command {
    // Boxed, since it is far larger than the others.
    Serve(Box<serve::Options>),
    Connect(connect::Options),
    Chat(chat::Options),
    Talk(talk::Options),
    UdpChat(udp_chat::Options),
    Files(files::interactive::Options),
    Get(files::get::Options),
    Put(files::put::Options),
    Ls(files::ls::Options),
    Mkdir(files::verbs::MakeFolder),
    Rm(files::verbs::Remove),
    Mv(files::verbs::Rename),
    Stat(files::verbs::Stat),
    Hash(files::verbs::Hash),
    Compare(Box<compare::Options>),
    Load(load::Options),
    Prove(prove::Options),
    Users(users::Options),
    Completions(generate::Completions),
    Man(generate::Man),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::explain(&error),
    };
    let console = Console::open(&cli.console);
    match cli.command.run(console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

impl Command {
    fn run(self, console: Console) -> Result<(), Failure> {
        match self {
            Self::Serve(options) => serve::run(*options, console),
            Self::Connect(options) => connect::run(&options),
            Self::Chat(options) => chat::run(&options),
            Self::Talk(options) => talk::run(&options),
            Self::UdpChat(options) => udp_chat::run(options, console),
            Self::Files(options) => files::interactive::run(&options, console),
            Self::Get(options) => files::get::run(&options, console),
            Self::Put(options) => files::put::run(&options, console),
            Self::Ls(options) => files::ls::run(&options, console),
            Self::Mkdir(options) => files::verbs::make_folder(&options),
            Self::Rm(options) => files::verbs::remove(&options, console),
            Self::Mv(options) => files::verbs::rename(&options),
            Self::Stat(options) => files::verbs::stat(&options),
            Self::Hash(options) => files::verbs::hash(&options),
            Self::Compare(options) => compare::run(&options, console),
            Self::Load(options) => load::run(&options, console),
            Self::Prove(options) => prove::run(&options, console),
            Self::Users(options) => users::run(options, console),
            Self::Completions(options) => generate::completions(&options),
            Self::Man(options) => generate::man(&options),
        }
    }
}
