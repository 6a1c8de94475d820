//! Connections to the servers of a command: made when they are needed, made again when they are over.

use std::sync::atomic::{AtomicBool, Ordering};

use socketserver::Endpoint;
use socketserver_handlers::files::Password;
use socketserver_handlers::files::client::{Client, ClientOptions, Version};

use super::report::Report;
use super::url::Url;
use super::{ConnectOptions, failing};
use crate::exit::{Code, Failure};
use crate::password;

/// A server, and who one is there.
#[derive(Debug)]
pub(super) struct Site {
    endpoint: Endpoint,
    /// A name and its password; none to ask as anybody.
    login: Option<(String, Password)>,
    options: ClientOptions,
    /// It was found to speak version 1, so that the next connection need not find out.
    is_old: AtomicBool,
}

/// The servers of a command, each one once.
#[derive(Debug, Default)]
pub(super) struct Sites {
    sites: Vec<Site>,
}

/// Connections of one thread: one at a time, since files of one server mostly come one after the other.
pub(super) struct Sessions<'a> {
    sites: &'a Sites,
    report: Option<&'a Report>,
    open: Option<(usize, Client)>,
}

impl Sites {
    /// The site of a URL, which is a new one if the server or the user is. Passwords are asked for here, before anything begins.
    pub(super) fn add(&mut self, url: &Url, options: &ConnectOptions) -> Result<usize, Failure> {
        let user = url.user.as_ref().or(options.user.as_ref());
        self.add_endpoint(&url.endpoint, user, options)
    }

    pub(super) fn add_endpoint(
        &mut self,
        endpoint: &Endpoint,
        user: Option<&String>,
        options: &ConnectOptions,
    ) -> Result<usize, Failure> {
        let is_same = |site: &Site| {
            site.endpoint == *endpoint && site.login.as_ref().map(|(user, _)| user) == user
        };
        if let Some(known) = self.sites.iter().position(is_same) {
            return Ok(known);
        }
        let login = match user {
            Some(user) => {
                let prompt = format!("password of {user} at {endpoint}: ");
                let password = password::obtain(&options.password, &prompt, false)?;
                Some((user.clone(), password))
            }
            None => None,
        };
        self.sites.push(Site {
            endpoint: endpoint.clone(),
            login,
            options: options.client_options(),
            is_old: AtomicBool::new(false),
        });
        Ok(self.sites.len() - 1)
    }

    /// Connections to these servers; the report, if there is one, learns what they are capable of.
    pub(super) fn sessions<'a>(&'a self, report: Option<&'a Report>) -> Sessions<'a> {
        Sessions {
            sites: self,
            report,
            open: None,
        }
    }

    /// A connection to the only server of a command.
    pub(super) fn connect_one(url: &Url, options: &ConnectOptions) -> Result<Client, Failure> {
        let mut sites = Self::default();
        let site = sites.add(url, options)?;
        sites.sites[site].connect()
    }
}

impl Sessions<'_> {
    /// A client of this server that is logged in.
    pub(super) fn client(&mut self, site: usize) -> Result<&mut Client, Failure> {
        let is_right = |(open, client): &(usize, Client)| *open == site && !client.is_over();
        if !self.open.as_ref().is_some_and(is_right) {
            self.open = None;
            let client = self.sites.sites[site].connect()?;
            if let Some(report) = self.report.filter(|_| client.version() == Version::Two) {
                report.note_resuming();
            }
            self.open = Some((site, client));
        }
        match &mut self.open {
            Some((_, client)) => Ok(client),
            None => Err(Failure::new(Code::Failed, "there is no connection")),
        }
    }
}

impl Sessions<'_> {
    /// Says good-bye. A server that does not answer is gone as well.
    pub(super) fn leave(&mut self) {
        if let Some((_, client)) = self.open.take().filter(|(_, client)| !client.is_over()) {
            let _ = client.quit();
        }
    }
}

impl Site {
    fn connect(&self) -> Result<Client, Failure> {
        let mut options = self.options.clone();
        if self.is_old.load(Ordering::Relaxed) {
            options.version = Some(Version::One);
        }
        let connected = Client::connect(&self.endpoint, options);
        let named = |error| failing::about(&self.endpoint.to_string(), &error);
        let mut client = connected.map_err(named)?;
        let is_old = client.version() == Version::One;
        self.is_old.store(is_old, Ordering::Relaxed);
        if let Some((user, password)) = &self.login {
            let greeted = client.login(user, password.reveal());
            greeted.map_err(|error| failing::login(user, &error))?;
        }
        Ok(client)
    }
}
