//! Identifies the machine of this process, and tells whether another process on it lives.

use std::fs;
use std::io::ErrorKind;

/// A machine, as seen by this process.
#[derive(Debug, Clone)]
pub(super) struct Host {
    /// Its name.
    pub(super) name: String,
    /// Identifies it by its last start and the namespace of process numbers, since containers on one machine number their own.
    /// Empty if the system does not provide these.
    pub(super) machine: String,
    /// When this process was started.
    pub(super) started: u64,
    /// The user of this process.
    pub(super) user: Option<u32>,
}

impl Host {
    pub(super) fn here() -> Self {
        let line = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
        let namespace = fs::read_link("/proc/self/ns/pid").ok();
        let machine = line("/proc/sys/kernel/random/boot_id").zip(namespace);
        let variable = |name| std::env::var(name).ok();
        let name =
            line("/proc/sys/kernel/hostname").or_else(|| variable("HOSTNAME")).or_else(|| variable("COMPUTERNAME"));
        Self {
            name: name.unwrap_or_else(|| "an unnamed machine".to_owned()),
            machine: machine.map_or_else(String::new, |(start, namespace)| format!("{start} {}", namespace.display())),
            started: started(std::process::id()).flatten().unwrap_or_default(),
            user: fs::metadata("/proc/self").ok().and_then(|metadata| user_of(&metadata)),
        }
    }

    /// Whether a process of this machine lives; none if that is unknown.
    pub(super) fn lives(&self, pid: u32, started_then: u64) -> Option<bool> {
        started(pid).map(|started| started == Some(started_then))
    }
}

/// When a process was started, in ticks since the start of the machine. The inner option is none if there is no such process, or only
/// a zombie; the outer one is none if the system does not tell.
fn started(pid: u32) -> Option<Option<u64>> {
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        Err(e) if e.kind() == ErrorKind::NotFound => return fs::metadata("/proc/self/stat").is_ok().then_some(None),
        Err(_) => return None,
    };
    // The name, in parentheses, may contain anything. After it come the state and, as the twentieth field, the start.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let started: u64 = fields.nth(18)?.parse().ok()?;
    Some((!matches!(state, "Z" | "X" | "x")).then_some(started))
}

/// The owner of a file.
pub(super) fn user_of(metadata: &fs::Metadata) -> Option<u32> {
    #[cfg(unix)]
    return Some(std::os::unix::fs::MetadataExt::uid(metadata));
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_lives_until_it_is_killed_and_a_later_one_of_its_number_is_another() {
        let host = Host::here();
        assert!(!host.machine.is_empty() && host.started > 0);
        assert_eq!(host.lives(std::process::id(), host.started), Some(true));
        assert_eq!(host.lives(std::process::id(), host.started + 1), Some(false));
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let of_child = started(child.id()).flatten().unwrap();
        assert_eq!(host.lives(child.id(), of_child), Some(true));
        child.kill().unwrap();
        // Dead, also before its parent has asked for it.
        let start = std::time::Instant::now();
        while host.lives(child.id(), of_child) == Some(true) {
            assert!(start.elapsed().as_secs() < 60);
        }
        child.wait().unwrap();
        assert_eq!(host.lives(child.id(), of_child), Some(false));
    }
}
