//! Network scripts as people write them and as programs build them, played to a peer that says anything.

#![no_main]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver::testkit::script::{
    Data, End, Failure, Part, Pattern, Peer, SCRIPT_BYTES_MAX, Script, Step, Transcript,
};
use socketserver_fuzz::oracle::assert_sentence;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    answer: Answer,
    input: Input<'a>,
}

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Steps(Vec<Line>),
    Words(Vec<Word<'a>>),
    Text(&'a str),
}

/// What scripts are made of, in any order.
#[derive(Arbitrary, Debug)]
enum Word<'a> {
    Common(u8),
    /// Without a space before it.
    Glued(u8),
    Number(Number),
    Quoted(Vec<u8>),
    Any(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Number {
    Small(u8),
    Any(u32),
    Large(u8),
}

const COMMON: [&str; 44] = [
    "\nsend",
    "\nexpect",
    "\nexpect end",
    "\nexpect reset",
    "\nexpect closed",
    "\nwait",
    "\nhalf-close",
    "\nreset",
    "\nsend \"a\"",
    "\nexpect \"a\"",
    "\n",
    "\r\n",
    "send",
    "expect",
    "hex",
    "file",
    "any",
    "until",
    "skip",
    "rest",
    "closed",
    "end",
    "*",
    "#",
    "\"",
    "\"\"",
    "\"ab\"",
    "\"\\r\\n\"",
    "\"\u{20ac}\"",
    "\\",
    "\\x",
    "\\xe2\\x82\\xac",
    "\\u{20ac}",
    "\\u{d800}",
    "00",
    "0d0a",
    "f",
    "50ms",
    "1m30s",
    "0.5h",
    "2years",
    "s",
    "\u{2028}",
    "\t",
];
const LARGE: [&str; 6] = [
    "0",
    "+1",
    "16777216",
    "16777217",
    "18446744073709551615",
    "18446744073709551616",
];

/// A step as a value, which may be one that no text says.
#[derive(Arbitrary, Debug)]
enum Line {
    Send(Vec<Piece>),
    Expect(Vec<Fragment>),
    ExpectEnd(Option<bool>),
    Wait(u64, u32),
    HalfClose,
    Reset,
}

#[derive(Arbitrary, Debug)]
enum Fragment {
    Exactly(Vec<Piece>),
    Any(u8),
    Until(Vec<Piece>),
    Rest,
    Skip(Box<Fragment>),
}

#[derive(Arbitrary, Debug)]
struct Piece {
    form: Form,
    times: u8,
}

#[derive(Arbitrary, Debug)]
enum Form {
    Text(Vec<u8>),
    Hex(Vec<u8>),
    /// A file that is always there, and empty.
    Null,
}

/// What the other side does while a script is played.
#[derive(Arbitrary, Debug)]
struct Answer {
    /// It says what the script expects, with these bytes where the script does not say which; otherwise just these.
    is_expected: bool,
    bytes: Vec<u8>,
    change: Option<(u16, u8)>,
    cuts: Vec<u16>,
    /// Nothing can be sent, when it comes in cuts, as long as there is something to receive.
    is_full: bool,
    ending: Ending,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Ending {
    Closes,
    Resets,
    Waits,
}

/// The longest script that is played, in bytes of its data: longer ones take time and go the same ways.
const PLAYED_BYTES_MAX: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

fuzz_target!(|case: Case<'_>| {
    let text = match case.input {
        Input::Steps(lines) => {
            let script: Script = lines.iter().filter_map(Line::step).collect();
            let printed = script.to_string();
            if are_valid(&lines) {
                assert_eq!(printed.parse().as_ref(), Ok(&script), "printed {printed:?}");
            }
            printed
        }
        Input::Words(words) => {
            without_files(&words.iter().fold(String::new(), |mut text, word| {
                word.add_to(&mut text);
                text
            }))
        }
        Input::Text(text) => without_files(text),
    };
    match Script::parse(&text) {
        Ok(script) => {
            assert_survives(&script, &text);
            if bytes_of(&script) <= PLAYED_BYTES_MAX {
                case.answer.assert_plays_the_same(&script);
            }
        }
        Err(error) => {
            assert_sentence(&error.to_string());
            let (line, column) = (error.line().unwrap(), error.column().unwrap());
            let line = text.lines().nth(line - 1).expect("the line is in the text");
            assert!((1..=line.chars().count() + 1).contains(&column), "{error}");
        }
    }
});

/// The same text, in which a file has a name that none can have: whatever a search makes up, nothing is read.
fn without_files(text: &str) -> String {
    text.replace("file", "file \"\\0\" ")
}

/// A script is within its limits, and is the same after it was printed.
fn assert_survives(script: &Script, text: &str) {
    let bytes = bytes_of(script);
    assert!(bytes <= SCRIPT_BYTES_MAX, "{bytes} bytes of data");
    let lines: Vec<_> = (0..script.steps().len()).map(|n| script.line(n)).collect();
    assert!(lines.is_sorted_by(|one, next| one < next), "{lines:?}");
    assert!(
        lines
            .last()
            .is_none_or(|&last| last <= text.lines().count())
    );
    let printed = script.to_string();
    assert_eq!(printed.parse().as_ref(), Ok(script), "printed {printed:?}");
}

/// How many bytes of data a script has.
fn bytes_of(script: &Script) -> usize {
    let parts = script.steps().iter().filter_map(|step| match step {
        Step::Expect(pattern) => Some(pattern.parts()),
        _ => None,
    });
    let expected = parts.flatten().map(|part| match part {
        Part::Exactly(data) | Part::Until(data) => data.bytes().len(),
        Part::Skip(part) => match &**part {
            Part::Until(data) => data.bytes().len(),
            _ => 0,
        },
        _ => 0,
    });
    expected.sum::<usize>() + script.input().len()
}

impl Word<'_> {
    fn add_to(&self, text: &mut String) {
        let common = |number: &u8| COMMON[usize::from(*number) % COMMON.len()];
        let _ = match self {
            Self::Common(number) => write!(text, " {}", common(number)),
            Self::Glued(number) => write!(text, "{}", common(number)),
            Self::Number(Number::Small(number)) => write!(text, " {number}"),
            Self::Number(Number::Any(number)) => write!(text, " {number}"),
            Self::Number(Number::Large(number)) => {
                write!(text, " {}", LARGE[usize::from(*number) % LARGE.len()])
            }
            Self::Quoted(bytes) => write!(text, " {}", Data::text(bytes)),
            Self::Any(any) => write!(text, "{any}"),
        };
    }
}

impl Line {
    /// The step, if there can be such a value.
    fn step(&self) -> Option<Step> {
        Some(match self {
            Self::Send(pieces) => Step::Send(data(pieces)?),
            Self::Expect(fragments) => {
                let parts: Option<Vec<_>> = fragments.iter().map(Fragment::part).collect();
                Step::Expect(Pattern::new(parts?))
            }
            Self::ExpectEnd(end) => {
                Step::ExpectEnd(end.map(|is_reset| if is_reset { End::Reset } else { End::Closed }))
            }
            Self::Wait(seconds, nanos) => {
                Step::Wait(Duration::new(*seconds, nanos % 1_000_000_000))
            }
            Self::HalfClose => Step::HalfClose,
            Self::Reset => Step::Reset,
        })
    }

    /// Whether a text says this step, after these.
    fn is_valid(&self, before: &[Self]) -> bool {
        let after = |other: fn(&Self) -> bool| before.iter().any(other);
        if after(|step| matches!(step, Self::Reset)) && !matches!(self, Self::Wait(..)) {
            return false;
        }
        let has_ended = after(|step| matches!(step, Self::ExpectEnd(_)));
        let is_half_closed = after(|step| matches!(step, Self::HalfClose));
        match self {
            Self::Send(pieces) => !is_half_closed && are_valid_pieces(pieces),
            Self::Expect(fragments) => {
                let pairs = fragments.iter().zip(fragments.iter().skip(1));
                let mut bad = pairs.filter(|(one, next)| {
                    let are_one = |part: &Fragment| matches!(part, Fragment::Exactly(_));
                    one.is_last() || are_one(one) && are_one(next)
                });
                !has_ended
                    && !fragments.is_empty()
                    && fragments.iter().all(Fragment::is_valid)
                    && bad.next().is_none()
            }
            Self::ExpectEnd(_) => !has_ended,
            Self::HalfClose => !is_half_closed,
            Self::Wait(..) | Self::Reset => true,
        }
    }
}

fn are_valid(lines: &[Line]) -> bool {
    (lines.iter().enumerate()).all(|(index, line)| line.is_valid(&lines[..index]))
}

impl Fragment {
    fn part(&self) -> Option<Part> {
        Some(match self {
            Self::Exactly(pieces) => Part::Exactly(data(pieces)?),
            Self::Any(count) => Part::Any(usize::from(*count)),
            Self::Until(pieces) => Part::Until(data(pieces)?),
            Self::Rest => Part::Rest,
            Self::Skip(fragment) => Part::Skip(fragment.part()?.into()),
        })
    }

    fn is_last(&self) -> bool {
        match self {
            Self::Skip(fragment) => fragment.is_last(),
            fragment => matches!(fragment, Self::Rest),
        }
    }

    fn is_valid(&self) -> bool {
        match self {
            Self::Exactly(pieces) => are_valid_pieces(pieces),
            Self::Any(count) => *count > 0,
            Self::Until(pieces) => {
                let bytes = pieces.iter().flat_map(|piece| piece.form.bytes());
                pieces.len() == 1 && are_valid_pieces(pieces) && bytes.count() > 0
            }
            Self::Rest => true,
            Self::Skip(fragment) => {
                !matches!(**fragment, Self::Exactly(_) | Self::Skip(_)) && fragment.is_valid()
            }
        }
    }
}

/// Pieces, one behind the other; there is no data without any.
fn data(pieces: &[Piece]) -> Option<Data> {
    let data = pieces.iter().map(|piece| {
        let data = match &piece.form {
            Form::Text(bytes) => Data::text(bytes),
            Form::Hex(bytes) => Data::hex(bytes),
            Form::Null => Data::file("/dev/null").expect("it is always there"),
        };
        data.times(usize::from(piece.times))
    });
    data.reduce(Data::and)
}

fn are_valid_pieces(pieces: &[Piece]) -> bool {
    let is_valid = |piece: &Piece| {
        piece.times > 0 && !matches!(&piece.form, Form::Hex(bytes) if bytes.is_empty())
    };
    !pieces.is_empty() && pieces.iter().all(is_valid)
}

impl Form {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(bytes) | Self::Hex(bytes) => bytes,
            Self::Null => &[],
        }
    }
}

impl Answer {
    /// However the output comes, the script is content with the same of it, or fails at the same place.
    fn assert_plays_the_same(&self, script: &Script) {
        let output = self.output(script);
        let whole = self.play(script, &output, &[], false);
        let cut = self.play(script, &output, &self.cuts, false);
        match (&whole, &cut) {
            (Ok(whole), Ok(cut)) => {
                assert_same(whole, cut, &output);
                assert_eq!(whole.end, cut.end);
            }
            (Err(whole), Err(cut)) => assert_fails_the_same(whole, cut, script, &output),
            _ => panic!("whole: {whole:?}, and cut: {cut:?}"),
        }
        if self.is_full {
            match (&cut, &self.play(script, &output, &self.cuts, true)) {
                // What came in the way of sending may have been more than was expected, and the end too.
                (Ok(cut), Ok(full)) => assert_same(cut, full, &output),
                (Err(cut), Err(full)) => assert_fails_the_same(cut, full, script, &output),
                (cut, full) => panic!("{cut:?}, and with nothing taken: {full:?}"),
            }
        }
    }

    /// Everything that the other side says.
    fn output(&self, script: &Script) -> Vec<u8> {
        if !self.is_expected {
            return self.bytes.clone();
        }
        let mut output = Vec::new();
        let mut fill = self.bytes.iter().copied().cycle();
        let patterns = script.steps().iter().filter_map(|step| match step {
            Step::Expect(pattern) => Some(pattern.parts()),
            _ => None,
        });
        for part in patterns.flatten() {
            let part = match part {
                Part::Skip(part) => part,
                part => part,
            };
            match part {
                Part::Exactly(data) => output.extend_from_slice(data.bytes()),
                Part::Any(count) => output.extend(fill.by_ref().take(*count % 256)),
                Part::Until(data) => {
                    output.extend(fill.by_ref().take(3));
                    output.extend_from_slice(data.bytes());
                }
                _ => output.extend_from_slice(&self.bytes),
            }
        }
        if let Some((place, change)) = self.change {
            let place = usize::from(place) % (output.len() + 1);
            match output.get_mut(place) {
                Some(byte) if change > 0 => *byte ^= change,
                Some(_) => output.truncate(place),
                None => output.push(change),
            }
        }
        output
    }

    fn play(
        &self,
        script: &Script,
        output: &[u8],
        cuts: &[u16],
        is_full: bool,
    ) -> Result<Transcript, Box<Failure>> {
        let places = cuts.iter().map(|&cut| usize::from(cut));
        let mut peer = Model {
            output,
            cuts: places.filter(|&cut| cut > 0).collect(),
            is_full,
            ending: self.ending,
            received: 0,
            has_ended: false,
            sent: Vec::new(),
            has_left: false,
            now: Duration::ZERO,
        };
        let result = script.play(&mut peer, PATIENCE);
        let input = script.input();
        match &result {
            Ok(transcript) => {
                assert_eq!(peer.sent, input);
                assert_eq!(transcript.output, output[..peer.received]);
            }
            Err(_) => assert!(input.starts_with(&peer.sent)),
        }
        result
    }
}

fn assert_same(one: &Transcript, other: &Transcript, output: &[u8]) {
    assert_eq!(one.skipped, other.skipped);
    let mut start = 0;
    for skipped in &one.skipped {
        assert!(start <= skipped.start && skipped.start <= skipped.end);
        start = skipped.end;
    }
    assert!(start <= output.len());
    assert!(one.steady_output().len() <= one.output.len() + one.skipped.len());
}

fn assert_fails_the_same(one: &Failure, other: &Failure, script: &Script, output: &[u8]) {
    let place = |failure: &Failure| (failure.line(), failure.offset(), failure.sentence());
    assert_eq!(place(one), place(other));
    assert!(one.offset() <= output.len());
    let steps = script.steps().iter().enumerate();
    let step = steps.filter(|&(index, _)| script.line(index) == one.line());
    let is_expectation = |(_, step)| matches!(step, &Step::Expect(_) | &Step::ExpectEnd(_));
    assert!(step.map(is_expectation).eq([true]), "{one}");
    for failure in [one, other] {
        assert_sentence(&failure.sentence());
        failure.to_string().lines().for_each(assert_sentence);
    }
}

/// The other side, without a connection: what it says does not depend on what it hears.
struct Model<'a> {
    output: &'a [u8],
    /// Where the output is cut, and in what pieces the input is taken: as often as these lie in it.
    cuts: BTreeSet<usize>,
    is_full: bool,
    ending: Ending,
    received: usize,
    has_ended: bool,
    sent: Vec<u8>,
    has_left: bool,
    now: Duration,
}

impl Model<'_> {
    /// How many bytes there are from a place to the next cut, if there is one.
    fn up_to_cut(&self, place: usize) -> usize {
        let next = self.cuts.range(place + 1..).next();
        next.map_or(usize::MAX, |next| next - place)
    }

    fn has_something(&self) -> bool {
        let ends = matches!(self.ending, Ending::Closes | Ending::Resets);
        self.received < self.output.len() || ends && !self.has_ended
    }
}

impl Peer for Model<'_> {
    fn now(&self) -> Duration {
        self.now
    }

    fn send(&mut self, bytes: &[u8], _: Duration) -> io::Result<usize> {
        assert!(!self.has_left && !bytes.is_empty());
        if self.is_full && self.has_something() {
            return Ok(0);
        }
        let count = bytes.len().min(self.up_to_cut(self.sent.len()));
        self.sent.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<usize> {
        assert!(!self.has_left && !self.has_ended && !buffer.is_empty());
        let left = &self.output[self.received..];
        if left.is_empty() {
            self.has_ended = !matches!(self.ending, Ending::Waits);
            return match self.ending {
                Ending::Closes => Ok(0),
                Ending::Resets => Err(ErrorKind::ConnectionReset.into()),
                Ending::Waits => {
                    self.wait(patience);
                    Err(ErrorKind::TimedOut.into())
                }
            };
        }
        let count = (left.len().min(buffer.len())).min(self.up_to_cut(self.received));
        buffer[..count].copy_from_slice(&left[..count]);
        self.received += count;
        Ok(count)
    }

    fn half_close(&mut self) -> io::Result<()> {
        assert!(!self.has_left);
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        assert!(!self.has_left);
        self.has_left = true;
        Ok(())
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
    }
}
