//! The allocator, told to keep the memory that training gives back.

/// How long memory is kept before the system gets it back, in milliseconds; -1 for ever.
#[cfg(unix)]
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Begins the process anew with an allocator that keeps what it has, unless the environment already says how long it shall.
///
/// The allocator reads its options once, before the program begins, and clearing pages that it had given back a moment ago
/// costs a sixth of a step of training. The process keeps its number, arguments and streams. Where that cannot be done, nothing happens.
#[cfg(unix)]
pub(super) fn keep_memory() {
    use std::os::unix::process::CommandExt;

    let mut arguments = std::env::args_os();
    let (Some(name), Ok(program)) = (arguments.next(), std::env::current_exe()) else { return };
    if std::env::var_os(PURGE_DELAY).is_none() {
        // Returns only where it failed.
        let _error = std::process::Command::new(program).arg0(name).args(arguments).env(PURGE_DELAY, "-1").exec();
    }
}

/// Elsewhere a process cannot begin anew.
#[cfg(not(unix))]
pub(super) fn keep_memory() {}
