//! Binding sockets for datagrams, with every option set before anything can arrive.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use socket2::{Domain, SockAddr, Socket, Type};

use super::bound::Bound;
use super::single::SingleLink;
#[cfg(target_os = "linux")]
use super::udp::UdpLink;
use super::{DatagramLink, MulticastInterface};
use crate::error::BindError;
use crate::net::Endpoint;
use crate::net::socket_file::{self, SocketFile};
use crate::server::Config;

/// Binds a socket for datagrams. Of several addresses of one host name the first that can be bound is taken.
pub(crate) fn bind(
    endpoint: &Endpoint,
    config: &Config,
) -> Result<Arc<dyn DatagramLink>, BindError> {
    let result = match endpoint {
        Endpoint::Udp { .. } => bind_udp(endpoint, config),
        Endpoint::Unixgram(path) => bind_unix(path, config),
        Endpoint::UnixgramAbstract(name) => bind_abstract(name, config),
        Endpoint::Tcp { .. } | Endpoint::Unix(_) | Endpoint::UnixAbstract(_) => {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "this is a stream endpoint, and this server takes datagrams (use StreamServer, or write udp:// or unixgram:)",
            ))
        }
    };
    result.map_err(|source| BindError {
        endpoint: endpoint.to_string(),
        source,
    })
}

/// What a socket was made with, for those that are opened for it later.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    dual_stack: bool,
    receive_buffer_bytes: Option<usize>,
    pub(super) broadcast: bool,
    multicast_ttl: u8,
    multicast_loop: bool,
    multicast_interface: Option<MulticastInterface>,
}

/// Whether several sockets may be bound to one address, each with peers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    Exclusive,
    Shared,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            dual_stack: config.dual_stack,
            receive_buffer_bytes: config.receive_buffer_bytes,
            broadcast: config.broadcast,
            multicast_ttl: config.multicast_ttl,
            multicast_loop: config.multicast_loop,
            multicast_interface: config.multicast_interface.clone(),
        }
    }

    /// A UDP socket for addresses of this family, which is not bound yet.
    ///
    /// `SO_REUSEADDR` is never set: with datagrams it does not let a restarted server have its port back sooner, since nothing lingers,
    /// but lets a second server take the port away from a live one.
    pub(super) fn open(&self, address: SocketAddr) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        if address.is_ipv6() {
            // Said either way, since the default differs from system to system.
            socket.set_only_v6(!self.dual_stack)?;
        }
        if self.broadcast {
            socket.set_broadcast(true)?;
        }
        self.size_buffer(&socket)?;
        Ok(socket)
    }

    /// Opens and binds a UDP socket that also sends to groups.
    pub(super) fn bind(&self, address: SocketAddr, sharing: Sharing) -> io::Result<Socket> {
        let socket = self.open(address)?;
        if sharing == Sharing::Shared {
            socket.set_reuse_port(true)?;
        }
        self.prepare_multicast(&socket, address.is_ipv6())?;
        socket.bind(&address.into())?;
        Ok(socket)
    }

    /// Linux doubles the number for its own needs, and silently takes no more than the administrator allows.
    fn size_buffer(&self, socket: &Socket) -> io::Result<()> {
        let Some(bytes) = self.receive_buffer_bytes else {
            return Ok(());
        };
        socket.set_recv_buffer_size(bytes)?;
        let granted = socket.recv_buffer_size()?;
        if granted < bytes {
            log::warn!(
                "the system grants a receive buffer of {granted} bytes instead of {bytes} (raise net.core.rmem_max)"
            );
        }
        Ok(())
    }

    fn prepare_multicast(&self, socket: &Socket, is_ipv6: bool) -> io::Result<()> {
        if is_ipv6 {
            socket.set_multicast_hops_v6(self.multicast_ttl.into())?;
            socket.set_multicast_loop_v6(self.multicast_loop)?;
        } else {
            socket.set_multicast_ttl_v4(self.multicast_ttl.into())?;
            socket.set_multicast_loop_v4(self.multicast_loop)?;
        }
        // Otherwise Linux also delivers what is sent to groups that other programs of this machine have joined.
        #[cfg(target_os = "linux")]
        if is_ipv6 {
            // Kernels before 4.20 do not know it.
            let _ = socket.set_multicast_all_v6(false);
        } else {
            socket.set_multicast_all_v4(false)?;
        }
        match &self.multicast_interface {
            Some(interface) => interface.choose(socket, is_ipv6),
            None => Ok(()),
        }
    }
}

fn bind_udp(endpoint: &Endpoint, config: &Config) -> io::Result<Arc<dyn DatagramLink>> {
    let settings = Settings::of(config);
    let sharing = if config.reuse_port {
        Sharing::Shared
    } else {
        Sharing::Exclusive
    };
    let socket = endpoint.bind_first(|address| settings.bind(address, sharing))?;
    let bound = Bound::new(socket, settings)?;
    for group in &config.multicast_groups {
        bound.join(group)?;
    }
    #[cfg(target_os = "linux")]
    return Ok(Arc::new(UdpLink::new(bound)?));
    #[cfg(not(target_os = "linux"))]
    return Ok(Arc::new(SingleLink::new(bound)));
}

fn bind_unix(path: &Path, config: &Config) -> io::Result<Arc<dyn DatagramLink>> {
    socket_file::remove_stale(path, Type::DGRAM)?;
    let socket = open_unix(config)?;
    // A file has its mode as soon as it can have one. What is sent before that, by whoever the umask allows, is received.
    let file = SocketFile::bind(&socket, path, config.unix_mode)?;
    finish_unix(
        Bound::new(socket, Settings::of(config))?.with_file(file),
        config,
    )
}

fn bind_abstract(name: &str, config: &Config) -> io::Result<Arc<dyn DatagramLink>> {
    let socket = open_unix(config)?;
    socket.bind(&SockAddr::unix(format!("\0{name}"))?)?;
    finish_unix(Bound::new(socket, Settings::of(config))?, config)
}

fn open_unix(config: &Config) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    Settings::of(config).size_buffer(&socket)?;
    Ok(socket)
}

fn finish_unix(bound: Bound, config: &Config) -> io::Result<Arc<dyn DatagramLink>> {
    for group in &config.multicast_groups {
        // There are none here, which the first one says.
        bound.join(group)?;
    }
    Ok(Arc::new(SingleLink::new(bound)))
}
