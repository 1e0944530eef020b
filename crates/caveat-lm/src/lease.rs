//! A claim that holds between processes on any machines that share a file system, whether or not it has locks: a file that only
//! one can make, kept fresh for as long as its maker lives.
//!
//! * **Taking.** The file is made with exclusive creation, which file systems grant to one, across nodes, also where `flock` fails
//!   or holds on one node only. It says who holds it: a random token, host, process, and a count that goes up.
//! * **Keeping.** A thread of the holder counts up every few seconds, which renews the file's time of change.
//! * **Death.** On the same machine the system says whether the holder lives, so that what a killed process left is free at once.
//!   Of another machine's process nothing is known but its file: where that was not changed for [`Pace::expiry`], by the clock of
//!   the file system, and then stays the same for [`Pace::confirm`], its holder is taken for dead. Clocks that differ between
//!   nodes can so delay a takeover, but not cause one.
//! * **Takeover.** The file is renamed aside, which only one can do, and looked at again: one that has changed since is put back.
//! * **Loss.** A holder that was frozen for long may wake and find another's token in the file; [`Lease::is_lost`] then says so.
//!   What a lease protects must therefore be finished in one step that fails if another was first.

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

/// A file of a lease is never longer, in bytes.
const LONGEST: u64 = 1 << 14;

/// How often a holder shows that it lives, and when it is taken for dead.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Between two signs of life.
    heartbeat: Duration,
    /// Without a sign of life for longer, the holder may be dead.
    expiry: Duration,
    /// Without one while somebody watches for this long, it is.
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
    /// The machine since it was started, and the namespace of its process numbers; empty where neither is known.
    machine: String,
    pid: u32,
    /// When the process was started, in the system's own count, so that a later one of the same number is another.
    started: u64,
    /// Counts up, in digits of fixed width: overwritten in place, the text is whole at any moment.
    beat: String,
}

/// The holder of a lease that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The number of its process and the name of its machine, if its file can be read.
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

/// What came of an attempt.
#[derive(Debug)]
pub(crate) enum Taken {
    Mine(Lease),
    Held(Holder),
    /// The folder of the file is not there.
    NoFolder,
}

/// A file that this process holds until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    path: PathBuf,
    token: String,
    life: Arc<Life>,
    beating: Option<JoinHandle<()>>,
}

/// What the holder and its thread share.
#[derive(Debug, Default)]
struct Life {
    is_over: Mutex<bool>,
    over: Condvar,
    is_lost: AtomicBool,
}

impl Lease {
    /// Takes the lease of a file, if nobody holds it.
    ///
    /// With `cancelled`, a holder on another machine that seems dead is watched for some seconds, unless the person wants an end;
    /// without, it counts as holding it.
    ///
    /// # Errors
    /// [`LmError::Write`] for a file that cannot be made or replaced; [`LmError::Interrupted`].
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
        // Somebody may take or leave it at any moment.
        for _ in 0..1000 {
            match make(path, &owner) {
                Ok(()) => return Self::begin(path, owner, pace).map(Taken::Mine),
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Taken::NoFolder),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                // Windows has this for a file that is just being removed.
                Err(e) if e.kind() == ErrorKind::PermissionDenied && path.is_file() => {}
                Err(e) => return Err(LmError::write(path, e)),
            }
            let Some(seen) = Seen::read(path)? else { continue };
            match seen.life(path, host, pace, &owner.token) {
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

    /// A text that no other lease has, of hexadecimal digits.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Whether another process took the lease over because this one gave no sign of life for too long, as far as is known: it is
    /// found out with the next sign of life.
    pub(crate) fn is_lost(&self) -> bool {
        self.life.is_lost.load(Ordering::Relaxed)
    }

    /// Whether the file is another's, or nobody's, at this moment.
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

/// Makes the file, if there is none.
fn make(path: &Path, owner: &Owner) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text(owner).as_bytes()).inspect_err(|_| _ = fs::remove_file(path))
}

fn text(owner: &Owner) -> String {
    // A structure of texts and numbers can always be written.
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
        // What fails once, as on a network that is away, may succeed the next time.
        if let Ok(false) = renew(path, &owner) {
            life.is_lost.store(true, Ordering::Relaxed);
            return;
        }
    }
}

/// Writes a sign of life; false if the file is another's.
fn renew(path: &Path, owner: &Owner) -> io::Result<bool> {
    let mut file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        // Removed by hand: it is made again before somebody else does.
        Err(e) if e.kind() == ErrorKind::NotFound => return make(path, owner).map(|()| true),
        Err(e) => return Err(e),
    };
    let mut content = Vec::new();
    (&mut file).take(LONGEST).read_to_end(&mut content)?;
    if parse(&content).is_none_or(|found| found.token != owner.token) {
        return Ok(false);
    }
    // Whoever renames the file meanwhile has it aside with this in it, and sees that it has changed.
    file.rewind()?;
    file.write_all(text(owner).as_bytes())?;
    Ok(true)
}

fn parse(content: &[u8]) -> Option<Owner> {
    serde_json::from_slice(content).ok()
}

/// Waits, but not for whoever wants an end.
fn wait(duration: Duration, cancelled: &dyn Fn() -> bool) -> Result<()> {
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
    /// It has not shown itself for long.
    Silent,
}

/// The file of a lease as it was at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    content: Vec<u8>,
    modified: Option<SystemTime>,
    owner: Option<Owner>,
    user: Option<u32>,
}

impl Seen {
    /// None if there is no file. Of one that may not be read, its times are known at least.
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

    fn life(&self, path: &Path, host: &Host, pace: Pace, token: &str) -> Sign {
        let here = self.owner.as_ref().filter(|owner| !owner.machine.is_empty() && owner.machine == host.machine);
        // Processes of others may be hidden.
        let is_visible = self.user.is_none() || self.user == host.user;
        if let Some(lives) = here.filter(|_| is_visible).and_then(|owner| host.lives(owner.pid, owner.started)) {
            return if lives { Sign::Lives } else { Sign::Dead };
        }
        let Some(modified) = self.modified else { return Sign::Lives };
        let now = now_at(path, token);
        // A time to come, by a clock that was wrong, says as little as one long past.
        let since = now.duration_since(modified).unwrap_or_else(|e| e.duration());
        if since > pace.expiry { Sign::Silent } else { Sign::Lives }
    }

    /// Removes the file, if it still is the one that was seen; one that is not is put back.
    fn remove(&self, path: &Path, token: &str) -> Result<()> {
        let aside = beside(path, token, "stale");
        match fs::rename(path, &aside) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            renamed => renamed.map_err(|e| LmError::write(path, e))?,
        }
        let is_same = Self::read(&aside)?.is_none_or(|now| now == *self);
        // Where there are no links, the file is renamed, unless another was made since: its holder finds that out.
        if !is_same && fs::hard_link(&aside, path).is_err() && !path.exists() {
            return fs::rename(&aside, path).map_err(|e| LmError::write(path, e));
        }
        match fs::remove_file(&aside) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(LmError::write(&aside, e)),
            _ => Ok(()),
        }
    }
}

/// A file beside that of a lease, of one process alone.
fn beside(path: &Path, token: &str, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}.{token}.{ending}"))
}

/// What time it is where the file lies: the time of a file that is written just now. Clocks of other machines may differ.
fn now_at(path: &Path, token: &str) -> SystemTime {
    let probe = beside(path, token, "probe");
    let written = File::create_new(&probe).and_then(|mut file| {
        file.write_all(b"now\n")?;
        file.sync_all()?;
        file.metadata()?.modified()
    });
    let _ = fs::remove_file(&probe);
    written.unwrap_or_else(|_| SystemTime::now())
}

/// A text that is unlike all others.
fn token() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // The keys of this hash are the system's random numbers.
    let mut hash = RandomState::new().build_hasher();
    hash.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
    hash.write_u32(std::process::id());
    format!("{:016x}", hash.finish())
}

#[cfg(test)]
pub(crate) mod tests;
