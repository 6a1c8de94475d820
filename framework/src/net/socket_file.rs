//! The files of Unix sockets: stale ones make room, live ones stay, and ours are removed only if they are still ours.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// A socket file with its device and inode: dropping it removes it, if it is still the same.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Binds a socket to a path, where no file may be, and gives the file that this makes its permissions.
    pub(super) fn bind(socket: &Socket, path: &Path, mode: Option<u32>) -> io::Result<Self> {
        socket.bind(&SockAddr::unix(path)?)?;
        let file = Self {
            path: path.to_owned(),
            identity: identity_of(path)?,
        };
        if let Some(mode) = mode {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        Ok(file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A successor may have put its own socket there: that one must stay.
        if identity_of(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket file that no server is bound to any more. A live one, or a file that is no socket, stays.
///
/// Whether it is live is what connecting a socket of this type tells, which leaves no trace with a socket for datagrams.
pub(super) fn remove_stale(path: &Path, kind: Type) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let probe = Socket::new(Domain::UNIX, kind, None)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

fn identity_of(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
