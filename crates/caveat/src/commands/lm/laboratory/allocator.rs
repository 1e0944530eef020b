//! Makes the allocator keep the memory that training frees.

/// How long memory is kept before it is returned to the system, in milliseconds; -1 means forever.
#[cfg(unix)]
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Restarts the process with an allocator that keeps its memory, unless the environment already sets how long it does.
///
/// The allocator reads its options only once, before the program starts, and clearing pages that it has just returned costs a sixth
/// of a step of training. The process keeps its number, arguments and streams. If the restart fails, nothing happens.
#[cfg(unix)]
pub(super) fn keep_memory() {
    use std::os::unix::process::CommandExt;

    let mut arguments = std::env::args_os();
    let (Some(name), Ok(program)) = (arguments.next(), std::env::current_exe()) else { return };
    if std::env::var_os(PURGE_DELAY).is_none() {
        // Returns only on failure.
        let _error = std::process::Command::new(program).arg0(name).args(arguments).env(PURGE_DELAY, "-1").exec();
    }
}

/// On other systems, a process cannot restart itself.
#[cfg(not(unix))]
pub(super) fn keep_memory() {}
