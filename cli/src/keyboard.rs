//! Lines that are typed while others come: at a terminal, where what comes is shown above them, or through a pipe.

mod above;
mod restored;
mod typing;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::mem::ManuallyDrop;
use std::sync::Arc;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Behavior, CompletionType, Config, Editor};

pub(crate) use self::above::{Above, Place};
pub(crate) use self::restored::Restored;
use self::typing::{Typing, Watched};
use crate::exit::{Code, Failure};
use crate::lines::{Line, Lines};

const PROMPT: &str = "> ";

/// Where lines are typed.
///
/// At a terminal they can be edited while others are shown above them ([`Above`]), the keys up and down bring earlier ones back, and
/// the tabulator completes what the completer knows. Whoever opens a keyboard keeps a [`Restored`] until the end, since the program may end while
/// somebody types.
pub(crate) struct Keyboard<C: Completer> {
    source: Source<C>,
    /// How many lines were typed.
    count: u64,
    bytes_max: usize,
}

enum Source<C: Completer> {
    Terminal {
        // What prints above the line uses the editor's descriptor, and may be used for longer than this, so that it is never closed.
        editor: ManuallyDrop<Box<Editor<Watched<C>, MemHistory>>>,
        typing: Arc<Typing>,
        /// Further lines of a text that was pasted at once.
        pasted: VecDeque<String>,
    },
    Pipe(Lines<File>),
}

/// What came of waiting for a line.
#[derive(Debug)]
pub(crate) enum Typed {
    /// A line, which may be too long.
    Line(Line),
    /// Control-C.
    Interrupt,
    /// The end of the input.
    End,
}

/// A keyboard, the place above it, and what makes the terminal as it was.
pub(crate) struct Opened<C: Completer> {
    pub(crate) keyboard: Keyboard<C>,
    pub(crate) above: Above,
    pub(crate) restored: Restored,
}

impl<C: Completer> Keyboard<C> {
    /// Opens standard input, for lines of so many bytes at most; results are shown at a certain place.
    pub(crate) fn open(bytes_max: usize, place: Place, completer: C) -> Result<Opened<C>, Failure> {
        let typing = Arc::new(Typing::default());
        let mut editor = io::stdin()
            .is_terminal()
            .then(|| {
                let typing = typing.clone();
                editor(Watched { completer, typing })
            })
            .and_then(Result::ok);
        // A terminal that cannot move its cursor is as good as a pipe.
        let printer = (editor.as_mut()).and_then(|editor| editor.create_external_printer().ok());
        let (source, above) = if let (Some(editor), Some(printer)) = (editor, printer) {
            let editor = ManuallyDrop::new(Box::new(editor));
            let typing = typing.clone();
            let above = Above::at_terminal(place, Box::new(printer), typing.clone())?;
            let source = Source::Terminal {
                editor,
                typing,
                pasted: VecDeque::new(),
            };
            (source, above)
        } else {
            let lines = Lines::of_stdin(bytes_max)
                .map_err(|error| Failure::system("cannot use standard input", &error))?;
            (Source::Pipe(lines), Above::plain(place)?)
        };
        let restored = Restored::new(typing, above.clone());
        let keyboard = Self {
            source,
            count: 0,
            bytes_max,
        };
        Ok(Opened {
            keyboard,
            above,
            restored,
        })
    }

    /// Whether somebody types.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self.source, Source::Terminal { .. })
    }

    /// Waits for the next line.
    pub(crate) fn next(&mut self) -> Result<Typed, Failure> {
        match &mut self.source {
            Source::Terminal {
                editor,
                typing,
                pasted,
            } => {
                if pasted.is_empty() {
                    let read = typing.during(|| editor.readline(PROMPT));
                    match read {
                        Ok(text) => pasted.extend(text.split('\n').map(str::to_owned)),
                        Err(ReadlineError::Interrupted) => return Ok(Typed::Interrupt),
                        Err(ReadlineError::Eof) => return Ok(Typed::End),
                        Err(error) => return Err(cannot(&error)),
                    }
                }
                let text = pasted.pop_front().unwrap_or_default();
                self.count += 1;
                let size = text.len();
                Ok(Typed::Line(Line {
                    number: self.count,
                    size,
                    bytes: (size <= self.bytes_max).then(|| text.into_bytes()),
                }))
            }
            Source::Pipe(lines) => loop {
                if let Some(line) = lines.next() {
                    return Ok(Typed::Line(line));
                }
                if lines.is_ended() {
                    return Ok(Typed::End);
                }
                lines
                    .read()
                    .map_err(|error| Failure::system("cannot read standard input", &error))?;
            },
        }
    }
}

fn editor<C: Completer>(helper: Watched<C>) -> rustyline::Result<Editor<Watched<C>, MemHistory>> {
    let config = Config::builder()
        // Standard output may go elsewhere, and is for results.
        .behavior(Behavior::PreferTerm)
        .completion_type(CompletionType::List)
        .auto_add_history(true)
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history)?;
    editor.set_helper(Some(helper));
    Ok(editor)
}

fn cannot(error: &ReadlineError) -> Failure {
    Failure::new(Code::Failed, format!("cannot read lines: {error}"))
}
