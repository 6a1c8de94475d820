//! Conversations about what follows a header: bodies, and requests that come right behind them.

use socketserver_handlers::files::{Algorithm, Settings};

use crate::scripts::{Conversation, open_to_all, read_only};

/// More than twice as much as is collected before it is stored.
fn huge() -> Vec<u8> {
    (0..150_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// A header, and a body behind it.
fn frame(header: &str, body: &[u8]) -> Vec<u8> {
    let length = (header.len() as u32).to_le_bytes();
    [&length, header.as_bytes(), body].concat()
}

const PWD: &str = r#"{"cmd": "pwd"}"#;
const ROOT: &str = r#"{"res":"/","code":200,"path":"/"}"#;
const OPENED: &str = r#"{"verb":"put","phase":"open","path":"x","total":300000,"hash_alg":"md5"}"#;
const MD5_OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

pub(crate) fn bodies() -> Vec<Conversation> {
    let huge = huge();
    let hash = Algorithm::Md5.hash(&huge);
    let large = &huge[..300_000];
    let (first, second) = large.split_at(290_000);
    let hash_of_large = Algorithm::Md5.hash(large);
    let stranger = format!(r#"{{"cmd":"pwd","x":"{}"}}"#, "x".repeat(5000));
    let in_pieces = [
        frame(
            r#"{"verb":"put","phase":"data","token":"1","offset":0,"size":290000,"id":1}"#,
            first,
        ),
        frame(
            r#"{"verb":"put","phase":"data","token":"1","offset":290000,"size":10000,"id":2}"#,
            second,
        ),
        frame(
            &format!(
                r#"{{"verb":"put","phase":"commit","token":"1","hash":"{hash_of_large}","id":3}}"#
            ),
            b"",
        ),
    ];
    vec![
        Conversation::new("what is asked right behind a body", open_to_all)
            .say(
                &[
                    frame(r#"{"cmd": "put x", "size": 3, "id": "put"}"#, b"xyz"),
                    frame(r#"{"cmd": "get x", "id": "get"}"#, b""),
                    frame(PWD, b""),
                ]
                .concat(),
            )
            .hear(r#"{"res":"stored /x (3 bytes)","code":201,"id":"put","file_hash":"d16fb36f0911f878998c136191af705e"}"#)
            .hear_with(r#"{"res":"the file follows","code":200,"id":"get","filename":"x","dst_dir":".","size":3,"file_hash":"d16fb36f0911f878998c136191af705e"}"#, b"xyz")
            .hear(ROOT)
            .end()
            .leaves("x", Some(b"xyz")),
        Conversation::new("what is asked right behind the body of a refused request", read_only)
            .say(
                &[
                    frame(r#"{"cmd": "put x", "size": 3, "id": "put"}"#, b"xyz"),
                    frame(r#"{"cmd": "pwd", "id": "pwd"}"#, b""),
                ]
                .concat(),
            )
            .hear(r#"{"res":"anonymous may read only","code":403,"err":"denied","id":"put"}"#)
            .hear(r#"{"res":"/","code":200,"id":"pwd","path":"/"}"#)
            .end()
            .leaves("x", None),
        Conversation::new("a body of many pieces", open_to_all)
            .say(&[frame(r#"{"cmd": "put x", "size": 600000}"#, &huge), frame(PWD, b"")].concat())
            .hear(&format!(r#"{{"res":"stored /x (600000 bytes)","code":201,"file_hash":"{hash}"}}"#))
            .hear(ROOT)
            .end()
            .leaves("x", Some(&huge))
            .long(),
        Conversation::new("parts of many pieces", open_to_all)
            .ask(OPENED)
            .hear(&format!(r#"{{"res":"0 bytes are there","code":100,"offset":0,"hash":"{MD5_OF_NOTHING}","hash_alg":"md5","token":"1"}}"#))
            .say(&in_pieces.concat())
            .hear(r#"{"res":"received","code":200,"id":1,"offset":290000}"#)
            .hear(r#"{"res":"received","code":200,"id":2,"offset":300000}"#)
            .hear(&format!(r#"{{"res":"stored /x (300000 bytes)","code":201,"id":3,"size":300000,"hash":"{hash_of_large}","hash_alg":"md5"}}"#))
            .end()
            .leaves("x", Some(large))
            .long(),
        Conversation::new("an upload that is opened once more", open_to_all)
            .ask(r#"{"verb":"put","phase":"open","path":"x","total":3,"hash_alg":"md5"}"#)
            .hear(&format!(r#"{{"res":"0 bytes are there","code":100,"offset":0,"hash":"{MD5_OF_NOTHING}","hash_alg":"md5","token":"1"}}"#))
            .ask_with(r#"{"verb":"put","phase":"data","token":"1","offset":0,"size":2}"#, b"xy")
            .hear(r#"{"res":"received","code":200,"offset":2}"#)
            .ask(r#"{"verb":"put","phase":"open","path":"x","total":3,"hash_alg":"md5"}"#)
            .hear(&format!(r#"{{"res":"2 bytes are there","code":100,"offset":2,"hash":"{}","hash_alg":"md5","token":"2"}}"#, Algorithm::Md5.hash(b"xy")))
            .ask_with(r#"{"verb":"put","phase":"data","token":"2","offset":2,"size":1}"#, b"z")
            .hear(r#"{"res":"received","code":200,"offset":3}"#)
            .ask(r#"{"verb":"put","phase":"commit","token":"2","hash":"d16fb36f0911f878998c136191af705e"}"#)
            .hear(r#"{"res":"stored /x (3 bytes)","code":201,"size":3,"hash":"d16fb36f0911f878998c136191af705e","hash_alg":"md5"}"#)
            .end()
            .leaves("x", Some(b"xyz")),
        Conversation::new("a put of version 1 goes on with nothing", open_to_all)
            .ask(OPENED)
            .hear(&format!(r#"{{"res":"0 bytes are there","code":100,"offset":0,"hash":"{MD5_OF_NOTHING}","hash_alg":"md5","token":"1"}}"#))
            .ask_with(r#"{"verb":"put","phase":"data","token":"1","offset":0,"size":2}"#, b"xy")
            .hear(r#"{"res":"received","code":200,"offset":2}"#)
            .ask(r#"{"verb":"put","phase":"abort","token":"1"}"#)
            .hear(r#"{"res":"set aside","code":200}"#)
            .ask_with(r#"{"cmd": "put x", "size": 3}"#, b"xyz")
            .hear(r#"{"res":"stored /x (3 bytes)","code":201,"file_hash":"d16fb36f0911f878998c136191af705e"}"#)
            .end()
            .leaves("x", Some(b"xyz")),
        Conversation::new("a long header of somebody who has not logged in", Settings::default)
            .say(&frame(&stranger, b"")[..4])
            .hear_word("too_big")
            .closed(),
    ]
}

impl Conversation {
    fn long(mut self) -> Self {
        self.is_long = true;
        self
    }
}
