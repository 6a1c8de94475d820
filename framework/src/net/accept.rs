//! What to do when accepting a connection fails: a pure function over the errors of `accept(2)`.

use rustix::io::Errno;

/// What a listener does after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nobody is waiting: wait for readiness.
    Wait,
    /// This one client is lost (it hung up, a firewall refused it, its network failed): try the next.
    Retry,
    /// The system is short of something: give back the reserve descriptor, pause, and try again by a timer, since an
    /// edge-triggered poll reports nothing when descriptors come free.
    Pause,
    /// The listener itself is broken: close it and go on without it.
    Retire,
}

/// Classifies an error of `accept`. What is not known counts as a shortage: it is retried, and can never spin.
pub(crate) fn action_for(error: Errno) -> Action {
    match error {
        Errno::AGAIN => Action::Wait,
        Errno::INTR
        | Errno::CONNABORTED
        | Errno::PERM
        | Errno::PROTO
        | Errno::NOPROTOOPT
        | Errno::NETDOWN
        | Errno::NETUNREACH
        | Errno::HOSTDOWN
        | Errno::HOSTUNREACH
        | Errno::TIMEDOUT
        | Errno::OPNOTSUPP
        | Errno::SOCKTNOSUPPORT
        | Errno::PROTONOSUPPORT => Action::Retry,
        #[cfg(target_os = "linux")]
        Errno::NONET | Errno::NOSR => Action::Retry,
        Errno::BADF | Errno::FAULT | Errno::INVAL | Errno::NOTSOCK => Action::Retire,
        _ => Action::Pause,
    }
}

/// Whether the error means that descriptors ran out, so that giving one back lets a client be told.
pub(crate) fn is_out_of_descriptors(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every error that the manual page accept(2) of Linux names.
    #[test]
    fn every_error_in_the_manual_has_its_action() {
        let table = [
            (Errno::AGAIN, Action::Wait),
            (Errno::WOULDBLOCK, Action::Wait),
            (Errno::INTR, Action::Retry),
            (Errno::CONNABORTED, Action::Retry),
            (Errno::PERM, Action::Retry),
            (Errno::PROTO, Action::Retry),
            (Errno::NETDOWN, Action::Retry),
            (Errno::NOPROTOOPT, Action::Retry),
            (Errno::HOSTDOWN, Action::Retry),
            #[cfg(target_os = "linux")]
            (Errno::NONET, Action::Retry),
            #[cfg(target_os = "linux")]
            (Errno::NOSR, Action::Retry),
            (Errno::HOSTUNREACH, Action::Retry),
            (Errno::OPNOTSUPP, Action::Retry),
            (Errno::NETUNREACH, Action::Retry),
            (Errno::TIMEDOUT, Action::Retry),
            (Errno::SOCKTNOSUPPORT, Action::Retry),
            (Errno::PROTONOSUPPORT, Action::Retry),
            (Errno::MFILE, Action::Pause),
            (Errno::NFILE, Action::Pause),
            (Errno::NOBUFS, Action::Pause),
            (Errno::NOMEM, Action::Pause),
            (Errno::BADF, Action::Retire),
            (Errno::FAULT, Action::Retire),
            (Errno::INVAL, Action::Retire),
            (Errno::NOTSOCK, Action::Retire),
        ];
        for (error, action) in table {
            assert_eq!(action_for(error), action, "{error:?}");
        }
    }

    #[test]
    fn an_unknown_error_pauses() {
        assert_eq!(action_for(Errno::from_raw_os_error(4000)), Action::Pause);
    }
}
