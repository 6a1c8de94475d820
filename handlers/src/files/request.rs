//! What a request asks for, once its fields were found to make sense together.

use zeroize::Zeroizing;

use super::command_line::words;
use super::wire::{Id, Number, RequestFields};
use super::{Algorithm, Hash, Refusal, UnknownAlgorithm, Word};

/// The longest text by which a client may call a request.
const ID_BYTES_MAX: usize = 64;

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    /// What its sender calls it.
    pub(super) id: Option<Id>,
    /// How many bytes follow.
    pub(super) body_bytes: u64,
    /// What is asked for, or why it is refused.
    pub(super) action: Result<Action, Refusal>,
}

/// What is asked for. Paths are still text, since what they are relative to depends on the session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Hello,
    Help,
    Quit,
    Login {
        user: String,
        password: Secret,
    },
    Pwd,
    Cd {
        path: String,
    },
    Ls {
        path: String,
        after: Option<String>,
        /// Version 1 has the names in the text, too.
        as_text: bool,
    },
    Stat {
        path: String,
    },
    Hash {
        path: String,
        algorithm: Algorithm,
        /// The first so many bytes, if not all.
        size: Option<u64>,
        /// Version 1 takes a size in a reply for that of a body.
        is_first: bool,
    },
    Get(Get),
    Change(Change),
}

/// What changes the storage, and needs the right to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    MakeFolder {
        path: String,
    },
    Remove {
        path: String,
    },
    Rename {
        from: String,
        to: String,
    },
    /// Version 1: the body is the file.
    Put {
        /// None for the current folder.
        folder: Option<String>,
        name: String,
        size: u64,
        hash: Option<Hash>,
    },
    Open {
        path: String,
        total: u64,
        create: bool,
        algorithm: Algorithm,
    },
    Data {
        token: String,
        offset: u64,
        size: u64,
    },
    Commit {
        token: String,
        hash: String,
        mtime: Option<u64>,
    },
    Abort {
        token: String,
    },
}

/// What is wanted of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Get {
    pub(super) path: String,
    pub(super) offset: Option<u64>,
    pub(super) size: Option<u64>,
    pub(super) if_hash: Option<String>,
    pub(super) algorithm: Algorithm,
    /// In version 1, the folder on the client's side, which comes back.
    pub(super) destination: Option<String>,
}

/// A password, which nobody may read in a log, and which is wiped when it is dropped.
#[derive(PartialEq, Eq)]
pub(super) struct Secret(pub(super) Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Request {
    pub(super) fn new(mut fields: RequestFields) -> Self {
        let size = Number::of(fields.size).unwrap_or(0);
        let verb = fields.verb.take();
        // In version 1 a body follows whatever the verb is.
        let has_body = verb.is_none() || fields.phase.as_deref() == Some("data");
        let body_bytes = if has_body { size } else { 0 };
        let id = fields.id.take();
        let action = check_id(id.as_ref()).and_then(|()| match verb {
            Some(verb) => second(&verb, fields),
            None => first(fields, body_bytes),
        });
        let id = id.filter(|id| check_id(Some(id)).is_ok());
        Self {
            id,
            body_bytes,
            action,
        }
    }
}

fn check_id(id: Option<&Id>) -> Result<(), Refusal> {
    match id {
        Some(Id::Text(text)) if text.len() > ID_BYTES_MAX => {
            Err(bad("the id has more than 64 bytes (use a shorter one)"))
        }
        _ => Ok(()),
    }
}

fn bad(sentence: impl Into<String>) -> Refusal {
    Refusal::new(Word::BadRequest, sentence)
}

/// A request of version 1.
fn first(fields: RequestFields, body_bytes: u64) -> Result<Action, Refusal> {
    let line = fields
        .cmd
        .as_deref()
        .ok_or_else(|| bad("there is neither a cmd nor a verb (write {\"cmd\": \"help\"})"))?;
    let words = words(line).map_err(|error| bad(format!("{error} (write put \"a b.txt\")")))?;
    let mut words = words.into_iter();
    let verb = words.next().unwrap_or_default();
    let mut next = || words.next();
    let need = |word: Option<String>, what| {
        word.ok_or_else(|| bad(format!("{verb} needs {what} behind it")))
    };
    if body_bytes > 0 && verb != "put" {
        return Err(bad("only a put has a body (leave the size out)"));
    }
    let action = match verb.as_str() {
        "hello" => Action::Hello,
        "help" => Action::Help,
        "quit" => Action::Quit,
        "pwd" => Action::Pwd,
        "login" => Action::Login {
            user: need(fields.user.or_else(&mut next), "a name")?,
            password: Secret(need(fields.psd.or_else(&mut next), "a password")?.into()),
        },
        "cd" => Action::Cd {
            path: need(next(), "a folder")?,
        },
        "ls" => Action::Ls {
            path: next().unwrap_or_default(),
            after: fields.after,
            as_text: true,
        },
        "stat" => Action::Stat {
            path: need(next(), "a path")?,
        },
        "hash" => Action::Hash {
            path: need(next(), "a path")?,
            algorithm: next().map_or(Ok(Algorithm::Md5), |name| algorithm(Some(&name)))?,
            size: None,
            is_first: true,
        },
        "mkdir" => Action::Change(Change::MakeFolder {
            path: need(next(), "a path")?,
        }),
        "rm" => Action::Change(Change::Remove {
            path: need(next(), "a path")?,
        }),
        "mv" => Action::Change(Change::Rename {
            from: need(next(), "a path")?,
            to: need(next(), "two paths")?,
        }),
        "get" => {
            let typed = next();
            let destination = given(fields.dst_dir).or_else(next);
            let path = match (given(fields.filename), typed) {
                // The field is what it is to be called over there, and may leave out the folder.
                (Some(name), Some(path)) if path.rsplit('/').next() == Some(&name) => Some(path),
                (name, typed) => name.or(typed),
            };
            Action::Get(Get {
                path: need(path, "a name")?,
                offset: None,
                size: None,
                if_hash: None,
                algorithm: Algorithm::Md5,
                destination: Some(destination.unwrap_or_else(|| ".".into())),
            })
        }
        "put" => {
            let typed = next();
            let folder = given(fields.dst_dir).or_else(next);
            let promised = given(fields.file_hash);
            Action::Change(Change::Put {
                name: need(given(fields.filename).or(typed), "a name")?,
                folder: folder.filter(|folder| folder != "."),
                size: body_bytes,
                hash: promised
                    .map(|text| hash(Algorithm::Md5, &text))
                    .transpose()?,
            })
        }
        _ => return Err(unknown(&verb)),
    };
    Ok(action)
}

/// A field that is there and not empty.
fn given(field: Option<String>) -> Option<String> {
    field.filter(|text| !text.is_empty())
}

/// A request of version 2.
fn second(verb: &str, fields: RequestFields) -> Result<Action, Refusal> {
    let need = |field: Option<String>, what| {
        field.ok_or_else(|| bad(format!("{verb} needs the field {what}")))
    };
    let action = match verb {
        "help" => Action::Help,
        "quit" => Action::Quit,
        "pwd" => Action::Pwd,
        "login" => Action::Login {
            user: need(fields.user, "user")?,
            password: Secret(need(fields.psd, "psd")?.into()),
        },
        "cd" => Action::Cd {
            path: need(fields.path, "path")?,
        },
        "ls" => Action::Ls {
            path: need(fields.path, "path")?,
            after: fields.after,
            as_text: false,
        },
        "stat" => Action::Stat {
            path: need(fields.path, "path")?,
        },
        "hash" => Action::Hash {
            path: need(fields.path, "path")?,
            algorithm: algorithm(fields.hash_alg.as_deref())?,
            size: Number::of(fields.size),
            is_first: false,
        },
        "mkdir" => Action::Change(Change::MakeFolder {
            path: need(fields.path, "path")?,
        }),
        "rm" => Action::Change(Change::Remove {
            path: need(fields.path, "path")?,
        }),
        "mv" => Action::Change(Change::Rename {
            from: need(fields.path, "path")?,
            to: need(fields.to, "to")?,
        }),
        "get" => Action::Get(Get {
            path: need(fields.path, "path")?,
            offset: Number::of(fields.offset),
            size: Number::of(fields.size),
            if_hash: fields.if_hash,
            algorithm: algorithm(fields.hash_alg.as_deref())?,
            destination: None,
        }),
        "put" => return put(fields),
        _ => return Err(unknown(verb)),
    };
    Ok(action)
}

/// One step of a put of version 2.
fn put(fields: RequestFields) -> Result<Action, Refusal> {
    let missing = |what: &str| bad(format!("put needs the field {what} in this phase"));
    let need = |field: Option<String>, what| field.ok_or_else(|| missing(what));
    let need_number = |field, what| Number::of(field).ok_or_else(|| missing(what));
    let change = match fields.phase.as_deref() {
        Some("open") => Change::Open {
            path: need(fields.path, "path")?,
            total: need_number(fields.total, "total")?,
            create: fields.create.unwrap_or(false),
            algorithm: algorithm(fields.hash_alg.as_deref())?,
        },
        Some("data") => Change::Data {
            token: need(fields.token, "token")?,
            offset: need_number(fields.offset, "offset")?,
            size: need_number(fields.size, "size")?,
        },
        Some("commit") => Change::Commit {
            token: need(fields.token, "token")?,
            hash: need(fields.hash, "hash")?,
            mtime: Number::of(fields.mtime),
        },
        Some("abort") => Change::Abort {
            token: need(fields.token, "token")?,
        },
        _ => return Err(bad("put needs a phase: open, data, commit or abort")),
    };
    Ok(Action::Change(change))
}

fn algorithm(name: Option<&str>) -> Result<Algorithm, Refusal> {
    match name {
        Some(name) => name
            .parse()
            .map_err(|error: UnknownAlgorithm| bad(error.to_string())),
        None => Ok(Algorithm::default()),
    }
}

fn hash(algorithm: Algorithm, text: &str) -> Result<Hash, Refusal> {
    Hash::parse(algorithm, text)
        .ok_or_else(|| bad(format!("the hash is no {algorithm} in hexadecimal")))
}

fn unknown(verb: &str) -> Refusal {
    let verb: String = verb.chars().take(32).collect();
    let sentence = format!("unknown command {verb:?} (ask for help to see which there are)");
    Refusal::new(Word::Unknown, sentence)
}

#[cfg(test)]
mod tests {
    use super::super::wire;
    use super::*;

    fn request(json: &str) -> Request {
        Request::new(wire::read(json.as_bytes()).expect("it is a header"))
    }

    fn action(json: &str) -> Action {
        request(json).action.expect("it makes sense")
    }

    fn word(json: &str) -> Word {
        request(json).action.expect_err("it makes no sense").word
    }

    #[test]
    fn fields_win_over_what_was_typed() {
        let put = |folder: Option<&str>, name: &str, size| {
            Action::Change(Change::Put {
                folder: folder.map(Into::into),
                name: name.into(),
                size,
                hash: None,
            })
        };
        for (json, expected) in [
            (
                r#"{"cmd":"put a.txt","filename":"a.txt","src_dir":"/x","dst_dir":"up","size":3}"#,
                put(Some("up"), "a.txt", 3),
            ),
            (r#"{"cmd":"put \"a b\" up"}"#, put(Some("up"), "a b", 0)),
            (
                r#"{"cmd":"put x","filename":"b","dst_dir":".","size":"7"}"#,
                put(None, "b", 7),
            ),
            (
                r#"{"cmd":"put x","filename":"","dst_dir":"","size":""}"#,
                put(None, "x", 0),
            ),
        ] {
            assert_eq!(action(json), expected, "{json}");
        }
        let login = |json| match action(json) {
            Action::Login { user, password } => (user, password.0.to_string()),
            other => panic!("{other:?}"),
        };
        let expected = ("bob".to_owned(), "pw".to_owned());
        assert_eq!(
            login(r#"{"cmd":"login eve x","user":"bob","psd":"pw"}"#),
            expected
        );
        assert_eq!(login(r#"{"cmd":"login bob pw"}"#), expected);
    }

    #[test]
    fn a_body_follows_where_its_sender_thinks_so() {
        for (json, bytes) in [
            (r#"{"cmd":"put a","size":5}"#, 5),
            (r#"{"cmd":"ls","size":5}"#, 5),
            (r#"{"cmd":"rm a","size":""}"#, 0),
            (r#"{"verb":"get","path":"a","size":5}"#, 0),
            (
                r#"{"verb":"put","phase":"data","token":"t","offset":0,"size":5}"#,
                5,
            ),
            (r#"{"verb":"put","phase":"data","size":5}"#, 5),
            (
                r#"{"verb":"put","phase":"open","path":"a","total":5,"size":5}"#,
                0,
            ),
        ] {
            assert_eq!(request(json).body_bytes, bytes, "{json}");
        }
        assert_eq!(word(r#"{"cmd":"ls","size":5}"#), Word::BadRequest);
    }

    #[test]
    fn what_is_missing_or_unknown_is_said() {
        for (json, expected) in [
            ("{}", Word::BadRequest),
            (r#"{"cmd":""}"#, Word::Unknown),
            (r#"{"cmd":"order_handler"}"#, Word::Unknown),
            (r#"{"cmd":"LS"}"#, Word::Unknown),
            (r#"{"cmd":"get"}"#, Word::BadRequest),
            (r#"{"cmd":"get \"a"}"#, Word::BadRequest),
            (r#"{"cmd":"mv a"}"#, Word::BadRequest),
            (r#"{"cmd":"put a","file_hash":"x"}"#, Word::BadRequest),
            (r#"{"cmd":"hash a crc32"}"#, Word::BadRequest),
            (r#"{"verb":"hello"}"#, Word::Unknown),
            (r#"{"verb":"ls"}"#, Word::BadRequest),
            (r#"{"verb":"put","path":"a"}"#, Word::BadRequest),
            (
                r#"{"verb":"put","phase":"open","path":"a"}"#,
                Word::BadRequest,
            ),
        ] {
            assert_eq!(word(json), expected, "{json}");
        }
        let long = format!(r#"{{"cmd":"ls","id":"{}"}}"#, "x".repeat(ID_BYTES_MAX + 1));
        assert_eq!((word(&long), request(&long).id), (Word::BadRequest, None));
    }

    #[test]
    fn a_password_is_in_no_log() {
        let text = format!("{:?}", request(r#"{"cmd":"login bob hunter2"}"#));
        assert!(text.contains("bob") && !text.contains("hunter2"), "{text}");
    }
}
