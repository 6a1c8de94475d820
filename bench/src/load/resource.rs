//! Descriptors for the load: each connection needs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{LoadError, Plan};

/// Descriptors besides those of connections: standard streams, the poll, files of other parts of the program.
const RESERVE: u64 = 64;

/// Raises the limit on open files as far as this load needs it.
pub(super) fn make_room(plan: &Plan) -> Result<(), LoadError> {
    let connections = plan.connections.saturating_add(plan.stuck);
    let needed = (connections as u64).saturating_add(RESERVE);
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|&current| current < needed) else {
        return Ok(());
    };
    let granted = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = Rlimit {
        current: Some(granted.max(current)),
        ..limit
    };
    let is_raised = setrlimit(Resource::Nofile, raised).is_ok();
    if is_raised && granted >= needed {
        return Ok(());
    }
    Err(LoadError::Descriptors {
        connections,
        files: if is_raised { granted } else { current },
    })
}
