//! An example as a process: what it prints, and what is typed to it.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use crate::talk::Talk;
use crate::{DEADLINE, TestResult};

/// An example that runs; it ends with the test, whatever became of that.
pub(crate) struct Example {
    child: Child,
    /// The lines of its standard output, read by a thread of their own so that waiting for one can have a deadline.
    lines: Receiver<String>,
}

impl Example {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        Self::start_in(name, arguments, &[])
    }

    /// The same, with further variables in its environment.
    pub(crate) fn start_in(
        name: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self, Box<dyn Error>> {
        let path = path_of(name)?;
        let mut child = Command::new(&path)
            .args(arguments)
            .envs(variables.iter().copied())
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

    pub(crate) fn line(&self) -> Result<String, Box<dyn Error>> {
        Ok(self.lines.recv_timeout(DEADLINE)?)
    }

    /// Reads the next line, which says where the example listens, and returns the address and what follows it.
    pub(crate) fn address(&self) -> Result<(SocketAddr, String), Box<dyn Error>> {
        let line = self.line()?;
        let text = ["listening tcp://", "listening udp://"]
            .iter()
            .find_map(|prefix| line.strip_prefix(prefix))
            .ok_or_else(|| format!("no address in {line:?}"))?;
        let (address, rest) = text.split_once(' ').unwrap_or((text, ""));
        Ok((address.parse()?, rest.to_owned()))
    }

    pub(crate) fn connect(&self) -> Result<Talk, Box<dyn Error>> {
        Talk::to(self.address()?.0)
    }

    pub(crate) fn types(&mut self, text: &str) -> TestResult {
        let mut stdin = self.child.stdin.as_ref().ok_or("no standard input")?;
        Ok(stdin.write_all(text.as_bytes())?)
    }

    #[track_caller]
    pub(crate) fn prints(&self, text: &str) {
        let line = self.line();
        assert!(line.is_ok(), "waiting for {text:?}: {line:?}");
        assert_eq!(line.unwrap_or_default(), text);
    }

    /// Sets somebody before it, who reads each line that it prints and types what `answer` makes of it. From then on both the lines
    /// and the keyboard are theirs, until the example ends.
    pub(crate) fn attend(
        &mut self,
        mut answer: impl FnMut(&str) -> Option<String> + Send + 'static,
    ) -> TestResult {
        let mut keyboard = self.child.stdin.take().ok_or("no standard input")?;
        let lines = std::mem::replace(&mut self.lines, channel().1);
        thread::spawn(move || {
            let mut typed = lines.iter().filter_map(|line| answer(&line));
            // Who has ended is typed to no more.
            let _ = typed.try_for_each(|text| writeln!(keyboard, "{text}"));
        });
        Ok(())
    }

    /// Ends its input, and returns what it still prints until it ends with success.
    pub(crate) fn ends(&mut self) -> Result<Vec<String>, Box<dyn Error>> {
        drop(self.child.stdin.take());
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Err("it does not end".into()),
            }
        }
        let status = self.child.wait()?;
        assert!(status.success(), "{status} after {rest:?}");
        Ok(rest)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs an example that ends with an error at once, and returns what it says of that.
pub(crate) fn fails(name: &str, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    fails_in(name, arguments, &[])
}

/// The same, with further variables in its environment.
pub(crate) fn fails_in(
    name: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Result<String, Box<dyn Error>> {
    let mut command = Command::new(path_of(name)?);
    let variables = variables.iter().copied();
    let output = command.args(arguments).envs(variables).output()?;
    assert!(!output.status.success(), "{name} {arguments:?} succeeds");
    Ok(String::from_utf8(output.stderr)?)
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
