//! The handlers that can be served: their names, default ports and options.

use std::fmt;

use clap::{Args, ValueEnum};
use socketserver::{Config, Endpoint, Mode, Report, ServeError, StreamServer};
use socketserver_handlers::{Alphabet, Echo, Uppercase};

use crate::exit::{Code, Failure};
use crate::units;

/// A handler that can be served by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// Sends back what it receives.
    Echo,
    /// Sends back what it receives, in capital letters.
    Uppercase,
}

/// How a handler is written, where it is written in both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Style {
    /// With callbacks.
    #[default]
    Events,
    /// In straight lines, which wait.
    Blocking,
}

/// How handlers are run, and what single ones can be told.
#[derive(Args, Debug)]
pub(crate) struct HandlerOptions {
    /// How the handler is written: with callbacks, or in straight lines that wait
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "events|blocking",
        env = "SOCKETSERVER_STYLE"
    )]
    style: Style,
    /// Let uppercase know all letters of Unicode instead of a to z
    #[arg(long, env = "SOCKETSERVER_UNICODE", value_parser = units::switch)]
    unicode: bool,
}

impl HandlerOptions {
    /// The most memory that the connections of one server can take.
    pub(crate) fn memory_bytes_max(&self, config: &Config) -> u128 {
        let stacks = match (self.style, config.mode) {
            (Style::Blocking, Mode::Reactor { .. }) => config.stack_bytes_max(),
            _ => 0,
        };
        config.memory_bytes_max() + stacks
    }

    /// Whether the options are for the handler that was asked for, if one was.
    pub(crate) fn check(&self, handler: Option<Service>) -> Result<(), Failure> {
        match handler {
            Some(service) if self.unicode && service != Service::Uppercase => {
                let sentence =
                    format!("{service} has no option --unicode: serve uppercase with it");
                Err(Failure::new(Code::Usage, sentence))
            }
            _ => Ok(()),
        }
    }
}

impl Service {
    /// The handler with its default endpoint, which is never one for other machines.
    pub(crate) fn by_default(self) -> (Self, Vec<Endpoint>) {
        let port = match self {
            Self::Echo => 9001,
            Self::Uppercase => 9002,
        };
        (
            self,
            vec![Endpoint::Tcp {
                host: "127.0.0.1".into(),
                port,
            }],
        )
    }

    /// What the handler does, and how to see it.
    pub(crate) fn invitation(self, port: u16) -> String {
        let purpose = match self {
            Self::Echo => "sends back what it receives",
            Self::Uppercase => "sends back what it receives in capital letters",
        };
        format!(
            "{self} {purpose}; try: nc 127.0.0.1 {port}, telnet 127.0.0.1 {port}, \
             or socketserver connect :{port}"
        )
    }

    /// Serves until the server is stopped.
    pub(crate) fn serve(
        self,
        server: StreamServer,
        options: &HandlerOptions,
    ) -> Result<Report, ServeError> {
        let alphabet = if options.unicode {
            Alphabet::Unicode
        } else {
            Alphabet::Ascii
        };
        match (self, options.style) {
            (Self::Echo, Style::Events) => server.serve_forever(|_peer| Echo),
            (Self::Echo, Style::Blocking) => server.serve_forever_blocking(|_peer| Echo),
            (Self::Uppercase, Style::Events) => {
                server.serve_forever(move |_peer| Uppercase::new(alphabet))
            }
            (Self::Uppercase, Style::Blocking) => {
                server.serve_forever_blocking(move |_peer| Uppercase::new(alphabet))
            }
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Echo => "echo",
            Self::Uppercase => "uppercase",
        })
    }
}
