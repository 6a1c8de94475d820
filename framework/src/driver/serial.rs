//! The mode `serial`: one connection after the other on the serving thread. Also [`handle_request`], which is one turn of it.

use std::sync::Arc;
use std::time::Duration;

use super::gate::Gate;
use super::worker::Worker;
use crate::error::ServeError;
use crate::net::Listener;
use crate::server::{Factory, Handled, Shared, Stage};
use crate::timer::Clock;

pub(crate) fn serve(
    listeners: Vec<Arc<Listener>>,
    shared: &Arc<Shared>,
    factory: &Factory,
) -> Result<(), ServeError> {
    let mut gate = Gate::open(&listeners, shared)?;
    let mut worker = Worker::new(shared);
    let mut arrivals = Vec::new();
    while gate.wait(None)? {
        gate.accept(1, &mut arrivals);
        for job in arrivals.drain(..) {
            worker.serve(job, factory);
        }
    }
    gate.accept_last(&mut arrivals);
    drop(gate);
    drop(listeners);
    for job in arrivals {
        worker.serve(job, factory);
    }
    Ok(())
}

pub(crate) fn handle_request(
    listeners: &[Arc<Listener>],
    shared: &Arc<Shared>,
    factory: &Factory,
    timeout: Option<Duration>,
) -> Result<Handled, ServeError> {
    let deadline = timeout.map(|timeout| Clock::now().after(timeout));
    let mut gate = Gate::open(listeners, shared)?;
    let mut arrivals = Vec::new();
    let refused = shared.ledger.stats().refused;
    while gate.wait(deadline)? {
        gate.accept(1, &mut arrivals);
        if let Some(job) = arrivals.pop() {
            return Ok(Handled::Served(Worker::new(shared).serve(job, factory)));
        }
        if shared.ledger.stats().refused > refused {
            return Ok(Handled::Refused);
        }
    }
    let stopped = shared.life.stage() > Stage::Serve;
    Ok(if stopped {
        Handled::Stopped
    } else {
        Handled::TimedOut
    })
}
