//! Blocking handlers on a reactor: each in a coroutine of its own, which is suspended while its stream waits.
//!
//! To its session a coroutine is a [`Handler`] like any other: every callback that ends a wait resumes it. It goes to and fro between the
//! loop and the handler with the buffers in hand, by value, so that a suspended handler owns none, and that everything it does own
//! is on its stack and is dropped with it. It never leaves the thread on which it began.

mod stacks;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use corosensei::{CoroutineResult, Yielder};
use fragile::Fragile;

pub(crate) use self::stacks::Stacks;
use crate::stream::{Buffers, Facts, Line, Outcome, Stream, Wait, Waiter, Wake};
use crate::{BlockingHandler, CloseReason, Conn, Handler, HandlerError, Input};

type Routine = corosensei::Coroutine<Given, Taken, Returned>;

/// What a coroutine is given when it is resumed.
struct Given {
    wake: Wake,
    input: Vec<u8>,
    output: Vec<u8>,
    stopping: bool,
}

/// What a coroutine hands over when it is suspended.
struct Taken {
    wait: Wait,
    /// An empty buffer, if the handler has read everything.
    input: Vec<u8>,
    /// What it has written.
    output: Vec<u8>,
}

/// What a coroutine leaves when it has ended.
struct Returned {
    outcome: Outcome,
    output: Vec<u8>,
}

/// A blocking handler as its session sees it.
pub(crate) struct Suspended {
    state: State,
    waiter: Waiter,
    stacks: Arc<Stacks>,
}

enum State {
    New(Box<dyn BlockingHandler>),
    Begun(Fragile<Routine>),
    Over,
}

impl Suspended {
    pub(crate) fn new(handler: Box<dyn BlockingHandler>, stacks: &Arc<Stacks>) -> Self {
        Self {
            state: State::New(handler),
            waiter: Waiter::default(),
            stacks: stacks.clone(),
        }
    }

    /// Resumes the handler if its wait is over, with input if some has come.
    #[inline]
    fn go_on(
        &mut self,
        wake: Option<Wake>,
        input: &[u8],
        conn: &mut Conn<'_>,
    ) -> Result<(), HandlerError> {
        let (Some(mut wake), State::Begun(routine)) = (wake, &mut self.state) else {
            return Ok(());
        };
        let routine = routine.get_mut();
        let mut buffer = conn.lend_input();
        buffer.extend_from_slice(input);
        loop {
            let given = Given {
                wake,
                input: buffer,
                output: conn.lend_output(),
                stopping: conn.is_stopping(),
            };
            match routine.resume(given) {
                CoroutineResult::Yield(mut taken) => {
                    let next = self.waiter.begin(taken.wait, &mut taken.output, conn);
                    conn.take_back_output(taken.output);
                    match next {
                        Some(next) => (wake, buffer) = (next, taken.input),
                        None => {
                            conn.take_back_input(taken.input);
                            return Ok(());
                        }
                    }
                }
                CoroutineResult::Return(mut returned) => {
                    self.end();
                    return returned.outcome.apply(&mut returned.output, conn);
                }
            }
        }
    }

    /// Gives the stack back; a handler that is still suspended is unwound.
    fn end(&mut self) {
        if let State::Begun(routine) = std::mem::replace(&mut self.state, State::Over) {
            let mut routine = routine.into_inner();
            routine.force_unwind();
            self.stacks.take_back(routine.into_stack());
        }
    }
}

impl Handler for Suspended {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let stack = self.stacks.lend()?;
        let State::New(handler) = std::mem::replace(&mut self.state, State::Over) else {
            return Ok(());
        };
        let facts = Facts::of(conn);
        let routine = Routine::with_stack(stack, move |yielder, given| {
            let mut line = Suspending {
                yielder: Fragile::new(yielder),
                spare: Vec::new(),
            };
            let buffers = Buffers {
                output: given.output,
                ..Buffers::default()
            };
            let (outcome, output) = Stream::new(&mut line, facts, buffers).run(handler);
            Returned { outcome, output }
        });
        self.state = State::Begun(Fragile::new(routine));
        self.go_on(Some(Wake::Ready), &[], conn)
    }

    #[inline]
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.received();
        self.go_on(wake, input.take_all(), conn)
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.ended();
        self.go_on(wake, input.take_all(), conn)
    }

    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.drained();
        self.go_on(wake, &[], conn)
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.timer(timer, conn);
        self.go_on(wake, &[], conn)
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.woken();
        self.go_on(wake, &[], conn)
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.stopping(conn);
        self.go_on(wake, &[], conn)
    }

    /// A handler that still waits sees an error in its call, and ends by itself; its connection is gone.
    fn closed(&mut self, reason: &CloseReason) {
        if let State::Begun(routine) = &mut self.state {
            let given = Given {
                wake: Wake::Over {
                    reason: reason.clone(),
                    os_error: None,
                },
                input: Vec::new(),
                output: Vec::new(),
                stopping: false,
            };
            let result = routine.get_mut().resume(given);
            self.end();
            if let CoroutineResult::Return(Returned {
                outcome: Outcome::Panicked(panic),
                ..
            }) = result
            {
                resume_unwind(panic);
            }
        }
    }
}

/// The handler's end of a coroutine.
struct Suspending<'a> {
    yielder: Fragile<&'a Yielder<Given, Taken>>,
    /// A buffer that goes back at the next wait.
    spare: Vec<u8>,
}

impl Line for Suspending<'_> {
    fn wait(&mut self, wait: Wait, buffers: &mut Buffers) -> Wake {
        if thread::panicking() {
            // Who is suspended while unwinding would make the whole thread look as if it were.
            return Wake::Unwinding;
        }
        let is_read = buffers.start == buffers.input.len();
        let mut input = std::mem::take(&mut self.spare);
        if is_read {
            buffers.start = 0;
            input = std::mem::take(&mut buffers.input);
            input.clear();
        }
        let taken = Taken {
            wait,
            input,
            output: std::mem::take(&mut buffers.output),
        };
        let given = self.yielder.get().suspend(taken);
        if is_read {
            buffers.input = given.input;
        } else {
            buffers.append(&given.input);
            self.spare = given.input;
            self.spare.clear();
        }
        buffers.output = given.output;
        buffers.stopping = given.stopping;
        given.wake
    }

    fn is_shared(&self) -> bool {
        true
    }
}
