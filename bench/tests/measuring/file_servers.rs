//! A server of files in memory that is wrong in a known way.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use socketserver::Endpoint;
use socketserver_handlers::files::Algorithm;

use crate::servers::serve;

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing.
    None,
    /// Turns a bit of this byte in every file that it sends, but for the first time.
    SendsWrongByte(usize),
    /// Stores a file with another last byte, and says that it did not.
    StoresWrongByte,
    /// Says another hash of what it has stored.
    SaysWrongHash,
    /// Sends the file of somebody else, but for the first time.
    SendsOtherFile,
    /// Sends fewer bytes than it says, and then nothing more.
    StopsInTheMiddle,
    /// Allows nothing to be written.
    Refuses,
}

type Files = Mutex<HashMap<String, (Vec<u8>, usize)>>;

pub(crate) fn start(flaw: Flaw) -> Endpoint {
    let files = Files::default();
    serve(move |stream| {
        let mut upload = (String::new(), Vec::new());
        loop {
            let request = request(stream)?;
            answer(stream, &files, &mut upload, &request, flaw)?;
        }
    })
}

fn answer(
    stream: &mut TcpStream,
    files: &Files,
    upload: &mut (String, Vec<u8>),
    request: &Value,
    flaw: Flaw,
) -> io::Result<()> {
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
    match (text("verb").as_str(), text("phase").as_str()) {
        ("put", "open") if flaw == Flaw::Refuses => {
            let refusal = json!({"res": "no", "code": 403, "err": "denied"});
            say(stream, &refusal, &[])
        }
        ("put", "open") => {
            upload.0 = text("path");
            say(stream, &json!({"res": "", "code": 100, "token": "it"}), &[])
        }
        ("put", "data") => {
            upload.1 = vec![0; usize::try_from(request["size"].as_u64().unwrap()).unwrap()];
            drop(files);
            stream.read_exact(&mut upload.1)?;
            say(stream, &json!({"res": "", "code": 200}), &[])
        }
        ("put", "commit") => {
            let mut bytes = std::mem::take(&mut upload.1);
            let mut said = description(&bytes, 201);
            match flaw {
                Flaw::SaysWrongHash => said["hash"] = "00".repeat(32).into(),
                Flaw::StoresWrongByte => *bytes.last_mut().unwrap() ^= 1,
                _ => {}
            }
            files.insert(upload.0.clone(), (bytes, 0));
            say(stream, &said, &[])
        }
        ("get", _) => {
            let path = text("path");
            let Some((bytes, times)) = files.get_mut(&path) else {
                let missing = json!({"res": "no", "code": 404, "err": "not_found"});
                return say(stream, &missing, &[]);
            };
            *times += 1;
            let (mut bytes, is_first) = (bytes.clone(), *times == 1);
            let said = description(&bytes, 200);
            match flaw {
                Flaw::SendsWrongByte(place) if !is_first => bytes[place] ^= 1,
                Flaw::StopsInTheMiddle if !is_first => bytes.truncate(bytes.len() / 2),
                Flaw::SendsOtherFile if !is_first => {
                    let other = files.iter().find(|(other, _)| **other != path);
                    bytes.clone_from(&other.expect("there are several").1.0);
                }
                _ => {}
            }
            drop(files);
            say(stream, &said, &bytes)
        }
        ("rm", _) => {
            files.remove(&text("path"));
            say(stream, &json!({"res": "", "code": 200}), &[])
        }
        _ => say(stream, &json!({"res": "hello", "code": 200, "v": 2}), &[]),
    }
}

fn description(bytes: &[u8], code: u16) -> Value {
    let hash = Algorithm::Blake3.hash(bytes);
    json!({"res": "", "code": code, "size": bytes.len(), "hash": hash.as_str(), "hash_alg": "blake3"})
}

fn request(stream: &mut TcpStream) -> io::Result<Value> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut header = vec![0; usize::try_from(u32::from_le_bytes(length)).unwrap()];
    stream.read_exact(&mut header)?;
    Ok(serde_json::from_slice(&header)?)
}

fn say(stream: &mut TcpStream, header: &Value, body: &[u8]) -> io::Result<()> {
    let header = header.to_string();
    let length = u32::try_from(header.len()).unwrap();
    stream.write_all(&[&length.to_le_bytes(), header.as_bytes(), body].concat())
}
