//! The greeting that finds out which version a server speaks.

use socketserver::Endpoint;

use super::super::wire::{Number, ReplyFields, RequestFields};
use super::super::{Algorithm, Word};
use super::connection::Connection;
use super::{ClientOptions, Error, Version};

/// What a server of version 2 has answered with.
pub(super) struct Greeted {
    pub(super) connection: Connection,
    /// The best hash that it has.
    pub(super) algorithm: Algorithm,
    /// Whether it sends parts of files.
    pub(super) can_resume: bool,
}

/// Greets a server in version 2; none if it does not understand, so that the connection is of no use.
pub(super) fn greet(
    endpoint: &Endpoint,
    options: &ClientOptions,
) -> Result<Option<Greeted>, Error> {
    let mut connection = options.open(endpoint)?;
    let greeting = RequestFields {
        cmd: Some("hello".to_owned()),
        v: Some(2.into()),
        client: Some(concat!("socketserver/", env!("CARGO_PKG_VERSION")).to_owned()),
        ..RequestFields::default()
    };
    let before = connection.set_timeout(Some(options.hello_timeout));
    let reply = connection
        .send_header(&greeting)
        .and_then(|()| connection.receive_reply());
    connection.set_timeout(before);
    let is_forced = options.version == Some(Version::Two);
    match reply {
        Ok(Some(reply)) if speaks_two(&reply) => {
            let have = reply.have.as_deref();
            Ok(Some(Greeted {
                algorithm: best(&reply)?,
                can_resume: have.is_none_or(|have| have.iter().any(|word| word == "resume")),
                connection,
            }))
        }
        Ok(Some(reply)) => match Error::refused(&reply) {
            // It is a server that would understand at another time.
            busy if [Word::Busy, Word::SlowDown, Word::Failed]
                .iter()
                .any(|&word| busy.is_refusal(word)) =>
            {
                Err(busy)
            }
            _ if is_forced => Err(Error::Unsupported("version 2 was asked for")),
            _ => Ok(None),
        },
        Ok(None) if is_forced => Err(Error::Unsupported("version 2 was asked for")),
        Err(error @ Error::Protocol(_)) => Err(error),
        Err(error) if is_forced => Err(error),
        // A refusal among the last words of a server that ends the connection says that it does not understand, too.
        Ok(None) | Err(_) => Ok(None),
    }
}

fn speaks_two(reply: &ReplyFields) -> bool {
    // A code is asked for, since who just sends back what it gets has the version right as well.
    reply.code == Some(200) && Number::of(reply.v).is_some_and(|version| version >= 2)
}

/// The best hash that the server has; also finds a server that takes no passwords as we send them.
fn best(reply: &ReplyFields) -> Result<Algorithm, Error> {
    if let Some(auth) = &reply.auth
        && !auth.is_empty()
        && !auth.iter().any(|way| way == "plain")
    {
        return Err(Error::Protocol(
            "the server takes no plain passwords, and this client has nothing else".to_owned(),
        ));
    }
    let has = |algorithm: &Algorithm| match &reply.have {
        Some(have) => have.iter().any(|word| word == algorithm.name()),
        None => true,
    };
    let best = Algorithm::ALL.into_iter().find(has);
    best.ok_or_else(|| Error::Protocol("the server has none of the hashes that are known".into()))
}
