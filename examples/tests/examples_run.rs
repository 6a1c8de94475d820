//! Starts every example as its own process and talks to it over a real socket.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Far longer than anything here takes, so that only what hangs is cut off.
const DEADLINE: Duration = Duration::from_secs(20);

type TestResult = Result<(), Box<dyn Error>>;

/// An example that runs; it ends with the test, whatever became of that.
struct Example {
    child: Child,
    /// The lines of its standard output, read by a thread of their own so that waiting for one can have a deadline.
    lines: Receiver<String>,
}

impl Example {
    fn start(name: &str, arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        let path = path_of(name)?;
        let mut child = Command::new(&path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", path.display()))?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines();
            // When nobody wants to know any more, nobody needs the rest.
            let _ = lines
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line));
        });
        Ok(Self { child, lines })
    }

    fn line(&self) -> Result<String, Box<dyn Error>> {
        Ok(self.lines.recv_timeout(DEADLINE)?)
    }

    /// Reads the next line, which says where the example listens, and returns the address and what follows it.
    fn address(&self) -> Result<(SocketAddr, String), Box<dyn Error>> {
        let line = self.line()?;
        let text = line
            .strip_prefix("listening tcp://")
            .ok_or_else(|| format!("no address in {line:?}"))?;
        let (address, rest) = text.split_once(' ').unwrap_or((text, ""));
        Ok((address.parse()?, rest.to_owned()))
    }

    fn connect(&self) -> Result<Talk, Box<dyn Error>> {
        Talk::to(self.address()?.0)
    }

    fn stdin(&mut self) -> Result<ChildStdin, Box<dyn Error>> {
        Ok(self.child.stdin.take().ok_or("no standard input")?)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where cargo has built an example: beside the folder of this test.
fn path_of(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let test = std::env::current_exe()?;
    let target = test.ancestors().nth(2).ok_or("this test is in no folder")?;
    let path = target
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        return Err(format!(
            "{} is not built: run `cargo test -p socketserver-examples`",
            path.display()
        )
        .into());
    }
    Ok(path)
}

/// A client in the middle of its conversation.
struct Talk {
    stream: TcpStream,
}

impl Talk {
    fn to(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self { stream })
    }

    fn says(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.stream.write_all(text.as_bytes())?)
    }

    #[track_caller]
    fn hears(&mut self, text: &str) {
        let mut heard = vec![0; text.len()];
        let result = self.stream.read_exact(&mut heard);
        assert!(result.is_ok(), "waiting for {text:?}: {result:?}");
        assert_eq!(String::from_utf8_lossy(&heard), text);
    }

    /// Reads one line whose text is not known before, byte by byte, so that nothing that follows is lost.
    fn hears_a_line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            line.push(byte[0]);
        }
        Ok(String::from_utf8(line)?)
    }

    fn says_no_more(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// Reads to the end.
    fn hears_the_rest(mut self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }
}

#[test]
fn the_first_handler_sends_back_what_it_receives() -> TestResult {
    let example = Example::start("first_handler", &["0"])?;
    let mut talk = example.connect()?;
    talk.says("hello, ")?;
    talk.hears("hello, ");
    talk.says("world")?;
    talk.says_no_more()?;
    assert_eq!(talk.hears_the_rest()?, b"world");
    Ok(())
}

#[test]
fn the_line_protocol_adds_however_the_lines_are_cut() -> TestResult {
    let example = Example::start("line_protocol", &["0"])?;
    let (address, _) = example.address()?;
    let mut talk = Talk::to(address)?;
    let mut other = Talk::to(address)?;
    talk.says("2\n")?;
    talk.hears("2\n");
    other.says("-7\n")?;
    other.hears("-7\n");
    talk.says("4")?;
    talk.says("0\r")?;
    talk.says("\nquit\n1\n")?;
    assert_eq!(talk.hears_the_rest()?, b"42\ngoodbye\n");
    Ok(())
}

#[test]
fn the_line_protocol_ends_at_a_line_that_is_too_long_or_no_number() -> TestResult {
    let example = Example::start("line_protocol", &["0"])?;
    let (address, _) = example.address()?;
    let (longest, too_long) = (format!("{:01023}\n", 5), format!("{:01024}\n", 5));
    for (lines, answer) in [
        (longest.as_str(), "5\n"),
        (&too_long, ""),
        (too_long.trim_end(), ""),
        ("1\nx\n2\n", "1\n"),
        ("9223372036854775807\n1\n", "9223372036854775807\n"),
    ] {
        let mut talk = Talk::to(address)?;
        talk.says(lines)?;
        if answer == "5\n" {
            talk.says_no_more()?;
        }
        assert_eq!(
            String::from_utf8(talk.hears_the_rest()?)?,
            answer,
            "after {lines:?}"
        );
    }
    Ok(())
}

#[test]
fn the_broadcast_reaches_everybody() -> TestResult {
    let example = Example::start("broadcast", &["0"])?;
    let (address, _) = example.address()?;
    let mut first = Talk::to(address)?;
    first.hears("you are number 1\n");
    let mut second = Talk::to(address)?;
    second.hears("you are number 2\n");
    first.says("hel")?;
    first.says("lo\n")?;
    for talk in [&mut first, &mut second] {
        talk.hears("1: hello\n");
    }
    second.says("good\nbye\n")?;
    second.hears("2: good\n2: bye\n");
    second.says_no_more()?;
    assert_eq!(second.hears_the_rest()?, b"");
    first.hears("2: good\n2: bye\n");
    first.says("alone\n")?;
    first.hears("1: alone\n");
    Ok(())
}

#[test]
fn two_modes_give_the_same_handler_different_threads() -> TestResult {
    let mut example = Example::start("two_modes", &["0", "0"])?;
    let mut threads = Vec::new();
    let mut talks = Vec::new();
    for mode in ["in the mode threads", "in the mode reactor:1"] {
        let (address, rest) = example.address()?;
        assert_eq!(rest, mode);
        for _ in 0..2 {
            let mut talk = Talk::to(address)?;
            talk.says("who?\n")?;
            threads.push(talk.hears_a_line()?);
            talks.push(talk);
        }
    }
    assert_ne!(
        threads[0], threads[1],
        "each connection has a thread of its own"
    );
    assert_eq!(threads[2], threads[3], "both connections share the loop");
    example.stdin()?.write_all(b"\n")?;
    for talk in talks {
        assert_eq!(talk.hears_the_rest()?, b"");
    }
    assert_eq!(example.line()?, "threads served 2 connections");
    assert_eq!(example.line()?, "reactor:1 served 2 connections");
    assert!(example.child.wait()?.success());
    Ok(())
}

#[test]
fn send_file_sends_all_of_it_and_closes() -> TestResult {
    let path = std::env::temp_dir().join(format!("socketserver-send-file-{}", std::process::id()));
    // More than any socket buffer takes at once, and no two places alike.
    let content: Vec<u8> = (0..4_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&path, &content)?;
    let example = Example::start(
        "send_file",
        &["0", path.to_str().ok_or("a strange temporary folder")?],
    )?;
    let (address, _) = example.address()?;
    let mut talks = [Talk::to(address)?, Talk::to(address)?];
    for talk in &mut talks {
        talk.says("please")?;
    }
    for talk in talks {
        assert!(talk.hears_the_rest()? == content, "the copy differs");
    }
    std::fs::remove_file(path)?;
    Ok(())
}
