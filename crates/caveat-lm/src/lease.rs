//! A lock between processes on machines that share a file system, with or without file locks: a file that only one process can
//! create, kept fresh for as long as that process lives.
//!
//! * **Taking.** The file is created exclusively, which file systems allow only one process, across nodes, even where `flock` fails
//!   or works on one node only. It names its holder: a random token, host, process, and a counter.
//! * **Keeping.** A thread of the holder increments the counter every few seconds, which renews the file's modification time.
//! * **Death.** On the same machine the system knows whether the holder lives, so a lease left by a killed process is free at once.
//!   On another machine only the file shows it: if it was not modified for [`Pace::expiry`], by the clock of the file system, and
//!   then stays the same for [`Pace::confirm`], the holder counts as dead. Differing clocks can delay a takeover, but not cause one.
//! * **Takeover.** The file is renamed, which only one process can do, and read again; if it has changed, it is put back.
//! * **Loss.** A holder that was suspended for long may find another's token in the file; [`Lease::is_lost`] then says so.
//!   Whatever a lease protects must therefore end in one step that fails if another process was first.

mod host;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{LmError, Result};
use host::Host;

/// Longest file of a lease, in bytes.
const LONGEST: u64 = 1 << 14;

/// How often a holder shows that it lives, and when it counts as dead.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Time between two signs of life.
    heartbeat: Duration,
    /// Without a sign of life for this long, the holder may be dead.
    expiry: Duration,
    /// Without one for this long while somebody watches, it counts as dead.
    confirm: Duration,
}

const PACE: Pace =
    Pace { heartbeat: Duration::from_secs(5), expiry: Duration::from_secs(120), confirm: Duration::from_secs(12) };

/// Who holds a lease, as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    token: String,
    /// The machine's name, for messages.
    host: String,
    /// Identifies the machine since its last start, and the namespace of its process numbers; empty if unknown.
    machine: String,
    pid: u32,
    /// When the process was started, in the system's own units, which tells it from a later process of the same number.
    started: u64,
    /// A counter of fixed width, so that the file is valid at any moment while it is overwritten in place.
    beat: String,
}

/// The holder of a lease that another process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The number of its process and the name of its machine, if the file can be read.
    pub process: Option<(u32, String)>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.process {
            Some((pid, host)) => write!(f, "process {pid} on {host}"),
            None => write!(f, "another process"),
        }
    }
}

/// The result of an attempt to take a lease.
#[derive(Debug)]
pub(crate) enum Taken {
    Mine(Lease),
    Held(Holder),
    /// The folder of the file does not exist.
    NoFolder,
}

/// A file that this process holds until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    path: PathBuf,
    /// Unique, in hexadecimal digits.
    pub(crate) token: String,
    life: Arc<Life>,
    beating: Option<JoinHandle<()>>,
}

/// State shared by the holder and its thread.
#[derive(Debug, Default)]
struct Life {
    is_over: Mutex<bool>,
    over: Condvar,
    is_lost: AtomicBool,
}

impl Lease {
    /// Takes the lease of a file, if nobody holds it. With `cancelled`, a holder on another machine that seems dead is watched for some
    /// seconds, until cancelled; without it, such a holder counts as alive.
    pub(crate) fn take(path: &Path, cancelled: Option<&dyn Fn() -> bool>) -> Result<Taken> {
        Self::take_as(path, cancelled, &Host::here(), PACE)
    }

    fn take_as(path: &Path, cancelled: Option<&dyn Fn() -> bool>, host: &Host, pace: Pace) -> Result<Taken> {
        let owner = Owner {
            token: token(),
            host: host.name.clone(),
            machine: host.machine.clone(),
            pid: std::process::id(),
            started: host.started,
            beat: beat(0),
        };
        // Another process may take or release it at any moment.
        for _ in 0..1000 {
            match create(path, &owner) {
                Ok(()) => return Self::begin(path, owner, pace).map(Taken::Mine),
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Taken::NoFolder),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                // Windows reports this for a file that is just being removed.
                Err(e) if e.kind() == ErrorKind::PermissionDenied && path.is_file() => {}
                Err(e) => return Err(LmError::write(path, e)),
            }
            let Some(seen) = Seen::read(path)? else { continue };
            match seen.sign_of_life(path, host, pace, &owner.token) {
                Sign::Lives => return Ok(Taken::Held(seen.holder())),
                Sign::Dead => {}
                Sign::Silent => {
                    let Some(cancelled) = cancelled else { return Ok(Taken::Held(seen.holder())) };
                    wait(pace.confirm, cancelled)?;
                }
            }
            if Seen::read(path)?.is_some_and(|now| now == seen) {
                seen.remove(path, &owner.token)?;
            }
        }
        Err(LmError::write(path, "others take and leave it all the time"))
    }

    fn begin(path: &Path, owner: Owner, pace: Pace) -> Result<Self> {
        let life = Arc::new(Life::default());
        let mut lease =
            Self { path: path.to_owned(), token: owner.token.clone(), life: Arc::clone(&life), beating: None };
        let path = path.to_owned();
        let thread =
            thread::Builder::new().name("lease".to_owned()).spawn(move || keep_alive(&path, owner, &life, pace));
        lease.beating = Some(thread.map_err(|e| LmError::Failed(format!("no thread can be started: {e}")))?);
        Ok(lease)
    }

    /// Whether another process has taken the lease over after too long a silence of this one, as of the last sign of life.
    pub(crate) fn is_lost(&self) -> bool {
        self.life.is_lost.load(Ordering::Relaxed)
    }

    /// Whether this process no longer holds the file at this moment.
    pub(crate) fn is_lost_now(&self) -> bool {
        self.is_lost() || !self.is_mine()
    }

    fn is_mine(&self) -> bool {
        let is_mine = |seen: Seen| seen.owner.is_some_and(|owner| owner.token == self.token);
        Seen::read(&self.path).ok().flatten().is_some_and(is_mine)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        *self.life.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.life.over.notify_all();
        if let Some(thread) = self.beating.take() {
            let _ = thread.join();
        }
        if self.is_mine() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates the file, if there is none. It appears with its content, since a process that is killed between the two would leave a file
/// without a holder, which counts as alive until it expires; only file systems without hard links create it empty.
fn create(path: &Path, owner: &Owner) -> io::Result<()> {
    let write = |path: &Path| {
        let mut file = File::create_new(path)?;
        file.write_all(serialized(owner).as_bytes()).inspect_err(|_| _ = fs::remove_file(path))
    };
    if path.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let draft = sibling(path, &owner.token, "draft");
    write(&draft)?;
    let linked = fs::hard_link(&draft, path);
    let _ = fs::remove_file(&draft);
    match linked {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => write(path),
        linked => linked,
    }
}

fn serialized(owner: &Owner) -> String {
    // A struct of strings and numbers can always be serialized.
    format!("{}\n", serde_json::to_string(owner).unwrap_or_default())
}

fn beat(count: u64) -> String {
    format!("{count:012}")
}

/// Shows that the holder lives until the lease is over or lost.
fn keep_alive(path: &Path, mut owner: Owner, life: &Life, pace: Pace) {
    for count in 1.. {
        let is_over = life.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = life.over.wait_timeout_while(is_over, pace.heartbeat, |is_over| !*is_over);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 {
            return;
        }
        owner.beat = beat(count);
        // What fails once, as during a network outage, may succeed the next time.
        if let Ok(false) = renew(path, &owner) {
            life.is_lost.store(true, Ordering::Relaxed);
            return;
        }
    }
}

/// Writes a sign of life; false if another process holds the file.
fn renew(path: &Path, owner: &Owner) -> io::Result<bool> {
    let mut file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        // If somebody removed the file, it is created again before another process can.
        Err(e) if e.kind() == ErrorKind::NotFound => return create(path, owner).map(|()| true),
        Err(e) => return Err(e),
    };
    let mut content = Vec::new();
    (&mut file).take(LONGEST).read_to_end(&mut content)?;
    if parse(&content).is_none_or(|found| found.token != owner.token) {
        return Ok(false);
    }
    // A process that renames the file in the meantime finds this change in it.
    file.rewind()?;
    file.write_all(serialized(owner).as_bytes())?;
    Ok(true)
}

fn parse(content: &[u8]) -> Option<Owner> {
    serde_json::from_slice(content).ok()
}

/// Waits; returns an error within 50 ms of a cancellation.
pub(crate) fn wait(duration: Duration, cancelled: &dyn Fn() -> bool) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < duration {
        if cancelled() {
            return Err(LmError::Interrupted);
        }
        thread::sleep((duration - start.elapsed().min(duration)).min(Duration::from_millis(50)));
    }
    Ok(())
}

/// Whether a holder lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Lives,
    Dead,
    /// It has given no sign of life for long.
    Silent,
}

/// The file of a lease as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    content: Vec<u8>,
    modified: Option<SystemTime>,
    owner: Option<Owner>,
    user: Option<u32>,
}

impl Seen {
    /// Reads the file; none if it does not exist. If access is denied, at least its times are known.
    fn read(path: &Path) -> Result<Option<Self>> {
        let opened = File::open(path).and_then(|file| {
            let mut content = Vec::new();
            let metadata = file.metadata()?;
            if metadata.is_file() {
                file.take(LONGEST).read_to_end(&mut content)?;
            }
            Ok((content, metadata))
        });
        let (content, metadata) = match opened {
            Ok(found) => found,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(_) => match fs::symlink_metadata(path) {
                Ok(metadata) => (Vec::new(), metadata),
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
                Err(e) => return Err(LmError::read(path, e)),
            },
        };
        if !metadata.is_file() {
            return Err(LmError::write(path, "it is no file: expected nothing or the lock of a run: remove it"));
        }
        let owner = parse(&content);
        Ok(Some(Self { content, modified: metadata.modified().ok(), owner, user: host::user_of(&metadata) }))
    }

    fn holder(&self) -> Holder {
        Holder { process: self.owner.as_ref().map(|owner| (owner.pid, owner.host.clone())) }
    }

    fn sign_of_life(&self, path: &Path, host: &Host, pace: Pace, token: &str) -> Sign {
        let here = self.owner.as_ref().filter(|owner| !owner.machine.is_empty() && owner.machine == host.machine);
        // Processes of other users may be hidden.
        let is_visible = self.user.is_none() || self.user == host.user;
        if let Some(lives) = here.filter(|_| is_visible).and_then(|owner| host.lives(owner.pid, owner.started)) {
            return if lives { Sign::Lives } else { Sign::Dead };
        }
        let Some(modified) = self.modified else { return Sign::Lives };
        let now = now_at(path, token);
        // A time in the future, from a wrong clock, is no better evidence than one long past.
        let since = now.duration_since(modified).unwrap_or_else(|e| e.duration());
        if since > pace.expiry { Sign::Silent } else { Sign::Lives }
    }

    /// Removes the file if it is still the one that was seen; otherwise it is put back.
    fn remove(&self, path: &Path, token: &str) -> Result<()> {
        let aside = sibling(path, token, "stale");
        match fs::rename(path, &aside) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            renamed => renamed.map_err(|e| LmError::write(path, e))?,
        }
        let is_same = Self::read(&aside)?.is_none_or(|now| now == *self);
        // Without hard links, the file is renamed back unless another was created meanwhile; its holder will notice the loss.
        if !is_same && fs::hard_link(&aside, path).is_err() && !path.exists() {
            return fs::rename(&aside, path).map_err(|e| LmError::write(path, e));
        }
        match fs::remove_file(&aside) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(LmError::write(&aside, e)),
            _ => Ok(()),
        }
    }
}

/// The path of a file next to that of a lease, which only one process uses.
fn sibling(path: &Path, token: &str, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}.{token}.{ending}"))
}

/// The time by the clock of the file system, from a file that is written just now. Clocks of machines may differ.
fn now_at(path: &Path, token: &str) -> SystemTime {
    let probe = sibling(path, token, "probe");
    let written = File::create_new(&probe).and_then(|mut file| {
        file.write_all(b"now\n")?;
        file.sync_all()?;
        file.metadata()?.modified()
    });
    let _ = fs::remove_file(&probe);
    written.unwrap_or_else(|_| SystemTime::now())
}

/// A unique token.
fn token() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // The keys of this hash are random numbers from the system.
    let mut hash = RandomState::new().build_hasher();
    hash.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
    hash.write_u32(std::process::id());
    format!("{:016x}", hash.finish())
}

#[cfg(test)]
pub(crate) mod tests;
