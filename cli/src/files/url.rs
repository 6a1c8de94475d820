//! URLs of files: which server, as whom, and which path there.

use std::fmt;
use std::str::FromStr;

use socketserver::Endpoint;
use socketserver_handlers::files::FilePath;

use super::{FORMS, PORT};

/// Where a file is: `files://[USER@]HOST[:PORT]/PATH`, or `files+unix:SOCKET[:/PATH]`.
///
/// The user, the path and the path of a socket are percent-encoded (RFC 3986, section 2.1); letters beyond ASCII and blanks may also stand for themselves.
/// A password has no place in it, since others can read command lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) endpoint: Endpoint,
    pub(crate) user: Option<String>,
    /// From the user's home.
    pub(crate) path: FilePath,
    /// It ends with a `/`, or has no path.
    pub(crate) is_folder: bool,
}

/// A text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlError {
    text: String,
    problem: String,
}

impl Url {
    /// Whether somebody has meant this text to be a URL.
    pub(super) fn is_meant(text: &str) -> bool {
        text.starts_with("files:") || text.starts_with("files+unix:")
    }

    /// The last name of the path; none for the home itself.
    pub(super) fn name(&self) -> Option<String> {
        self.path.split().map(|(_, name)| name.to_owned())
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let result = match text.split_once(':') {
            Some(("files", rest)) if rest.starts_with("//") => over_network(&rest[2..]),
            Some(("files", _)) => Err("behind files: comes //".into()),
            Some(("files+unix", rest)) => over_unix(rest),
            _ => Err("it does not begin with files://".into()),
        };
        result.map_err(|problem| UrlError {
            text: text.to_owned(),
            problem,
        })
    }
}

fn over_network(rest: &str) -> Result<Url, String> {
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user_name(user)?), place),
        None => (None, authority),
    };
    let (path, is_folder) = parse_path(path)?;
    Ok(Url {
        endpoint: place_of(place)?,
        user,
        path,
        is_folder,
    })
}

fn user_name(text: &str) -> Result<String, String> {
    if text.contains(':') {
        return Err(
            "a password has no place in a URL, where others can read it: see --password-file"
                .into(),
        );
    }
    match decode(text)? {
        user if user.is_empty() => Err("the user in front of the @ is missing".into()),
        user => Ok(user),
    }
}

/// A host, and a port if it is not the usual one.
fn place_of(text: &str) -> Result<Endpoint, String> {
    // The colons of an IPv6 address are in brackets.
    let colon = text.rfind(':').filter(|&at| !text[at..].contains(']'));
    let (host, port) = match colon {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    if host.is_empty() {
        return Err("the host is missing".into());
    }
    let port = match port {
        // RFC 3986, section 3.2.3: an empty port is the usual one.
        "" => PORT,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().unwrap_or(0),
        _ => 0,
    };
    if port == 0 {
        return Err("the port is not a number from 1 to 65535".into());
    }
    if host.contains(':') && !host.starts_with('[') {
        return Err("an IPv6 address needs brackets, as in files://[::1]/".into());
    }
    // The zone of an address (RFC 6874), and letters of names.
    let host = decode(host)?;
    if host.contains(|letter: char| letter.is_control() || "?#<>\"\\ ".contains(letter)) {
        return Err("the host is not a name or an address".into());
    }
    let endpoint = format!("tcp://{host}:{port}").parse();
    endpoint.map_err(|_| "the host is not a name or an address".into())
}

fn over_unix(rest: &str) -> Result<Url, String> {
    let (socket, path) = match rest.split_once(':') {
        Some((socket, path)) if path.is_empty() || path.starts_with('/') => (socket, path),
        Some(_) => {
            return Err(
                "behind the socket's colon comes a / (write %3A for a colon in its path)".into(),
            );
        }
        None => (rest, ""),
    };
    let socket = decode(socket)?;
    let endpoint = format!("unix:{socket}").parse::<Endpoint>();
    let (path, is_folder) = parse_path(path)?;
    Ok(Url {
        endpoint: endpoint
            .map_err(|_| "the path of the socket is missing, or too long".to_owned())?,
        user: None,
        path,
        is_folder,
    })
}

/// The path behind the host, and whether it says that it is a folder's.
fn parse_path(text: &str) -> Result<(FilePath, bool), String> {
    if text.contains(['?', '#']) {
        return Err(
            "files have no ? and no # behind them (write %3F or %23 for one in a name)".into(),
        );
    }
    let inner = text.strip_prefix('/').unwrap_or(text);
    let is_folder = inner.is_empty() || inner.ends_with('/');
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return Ok((FilePath::root(), true));
    }
    let mut path = FilePath::root();
    for segment in inner.split('/') {
        let name = decode(segment)?;
        if name.contains('/') {
            return Err("a name cannot have a / (%2F)".into());
        }
        path = path.join(&name).map_err(|error| error.to_string())?;
    }
    Ok((path, is_folder))
}

/// Puts the bytes in for what is percent-encoded.
fn decode(text: &str) -> Result<String, String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = behind;
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let digit = |at: usize| {
            behind
                .get(at)
                .and_then(|&byte| char::from(byte).to_digit(16))
        };
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(
                "behind a % come two hexadecimal digits (write %25 for the % itself)".into(),
            );
        };
        decoded.push((high * 16 + low) as u8);
        rest = &behind[2..];
    }
    String::from_utf8(decoded).map_err(|_| "its bytes are no UTF-8".into())
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        write!(f, "'{text}' is not the URL of a file: {problem} ({FORMS})")
    }
}

impl std::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The endpoint, the user and the path of a URL.
    fn parts(text: &str) -> (String, Option<String>, String, bool) {
        let url: Url = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let path = url.path.as_str().to_owned();
        (url.endpoint.to_string(), url.user, path, url.is_folder)
    }

    #[test]
    fn urls_say_where_as_whom_and_what() {
        for (text, endpoint, user, path, is_folder) in [
            ("files://h", "tcp://h:9004", None, "", true),
            ("files://h/", "tcp://h:9004", None, "", true),
            ("files://h/a", "tcp://h:9004", None, "a", false),
            (
                "files://h/a/b c.txt",
                "tcp://h:9004",
                None,
                "a/b c.txt",
                false,
            ),
            ("files://h/a/", "tcp://h:9004", None, "a", true),
            ("files://h:1/a", "tcp://h:1", None, "a", false),
            ("files://h:/a", "tcp://h:9004", None, "a", false),
            ("files://h:65535", "tcp://h:65535", None, "", true),
            ("files://bob@h/a", "tcp://h:9004", Some("bob"), "a", false),
            ("files://b%40b@h:7/a", "tcp://h:7", Some("b@b"), "a", false),
            ("files://b@b@h/a", "tcp://h:9004", Some("b@b"), "a", false),
            (
                "files://127.0.0.1:80/a",
                "tcp://127.0.0.1:80",
                None,
                "a",
                false,
            ),
            ("files://[::1]/a", "tcp://[::1]:9004", None, "a", false),
            ("files://[::1]:80/a", "tcp://[::1]:80", None, "a", false),
            (
                "files://bob@[fe80::1%25eth0]:80/",
                "tcp://[fe80::1%eth0]:80",
                Some("bob"),
                "",
                true,
            ),
            ("files://h/a%20b", "tcp://h:9004", None, "a b", false),
            ("files://h/%E4%BD%A0", "tcp://h:9004", None, "你", false),
            ("files://h/你", "tcp://h:9004", None, "你", false),
            ("files://h/100%25", "tcp://h:9004", None, "100%", false),
            ("files://h/%2520", "tcp://h:9004", None, "%20", false),
            ("files://h/a%3Fb%23c", "tcp://h:9004", None, "a?b#c", false),
            ("files://h/a:b@c", "tcp://h:9004", None, "a:b@c", false),
            ("files://h/...", "tcp://h:9004", None, "...", false),
            ("files+unix:/run/f.sock", "unix:/run/f.sock", None, "", true),
            (
                "files+unix:/run/f.sock:/a/b",
                "unix:/run/f.sock",
                None,
                "a/b",
                false,
            ),
            ("files+unix:f.sock:/", "unix:f.sock", None, "", true),
            ("files+unix:a%3Ab:/c:d", "unix:a:b", None, "c:d", false),
            ("files+unix:@name:/a", "unix:@name", None, "a", false),
        ] {
            let expected = (
                endpoint.to_owned(),
                user.map(str::to_owned),
                path.to_owned(),
                is_folder,
            );
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        for (text, problem) in [
            ("", "does not begin with files://"),
            ("h/a", "does not begin with files://"),
            ("http://h/a", "does not begin with files://"),
            ("files:h/a", "comes //"),
            ("files:/a", "comes //"),
            ("files://", "the host is missing"),
            ("files:///a", "the host is missing"),
            ("files://:80/a", "the host is missing"),
            ("files://bob@/a", "the host is missing"),
            ("files://@h/a", "the user in front"),
            ("files://bob:secret@h/a", "a password has no place"),
            ("files://h:0/a", "the port is not a number"),
            ("files://h:65536/a", "the port is not a number"),
            ("files://h:x/a", "the port is not a number"),
            ("files://h:+1/a", "the port is not a number"),
            ("files://::1/a", "needs brackets"),
            ("files://::1:80/a", "needs brackets"),
            ("files://[]/a", "not a name or an address"),
            ("files://[::1/a", "not a name or an address"),
            ("files://a b/c", "not a name or an address"),
            ("files://a%0Ab/c", "not a name or an address"),
            ("files://h?x/a", "not a name or an address"),
            ("files://h/%", "two hexadecimal digits"),
            ("files://h/%4", "two hexadecimal digits"),
            ("files://h/%zz", "two hexadecimal digits"),
            ("files://h/%ff", "no UTF-8"),
            ("files://h/a%2Fb", "cannot have a /"),
            ("files://h/a//b", "a name is empty"),
            ("files://h//a", "a name is empty"),
            ("files://h/..", "a name is . or .."),
            ("files://h/a/%2e%2e/b", "a name is . or .."),
            ("files://h/a%00", "a control character"),
            ("files://h/a%5Cb", "a backslash"),
            (
                "files://h/.socketserver-part-1",
                "begins with .socketserver-",
            ),
            ("files://h/a?b", "no ? and no #"),
            ("files://h/a#b", "no ? and no #"),
            ("files+unix:", "path of the socket is missing"),
            ("files+unix::/a", "path of the socket is missing"),
            ("files+unix:a:b", "comes a /"),
        ] {
            let message = text.parse::<Url>().unwrap_err().to_string();
            assert!(message.contains(problem), "{text}: {message}");
        }
    }
}
