//! The folder of a run: complete or absent, and used by one process at a time.
//!
//! A run is prepared in a hidden folder next to its own, which is renamed when it is complete. A lock file next to both, kept fresh
//! for as long as the process lives, keeps away other processes on this machine and on those that share the file system
//! ([`lease`](crate::lease)). What a killed process left is removed by the next that claims the run. Even if locks fail, renaming
//! decides: the first complete run gets the name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use caveat_results::RESULTS;

use crate::error::{LmError, Result};
use crate::lease::{Holder, Lease, Taken};

/// The result of claiming a run.
#[derive(Debug)]
pub enum Claim {
    /// This process may do the run.
    Mine(ClaimedFolder),
    /// The run is already finished.
    Finished,
    /// Another process is doing the run.
    Busy(Holder),
}

/// Which process finished a run first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// This process.
    Here,
    /// Another process that did the same run; its results are kept.
    Elsewhere,
}

/// The folder of a run in progress. Dropped without [`finish`](Self::finish), it leaves nothing behind.
#[derive(Debug)]
pub struct ClaimedFolder {
    places: Places,
    /// Where the run is prepared; each claim has its own folder.
    partial: PathBuf,
    again: bool,
    lease: Option<Lease>,
    /// Directories that were created for it, the uppermost first.
    made: Vec<PathBuf>,
}

/// Whether a folder holds a finished run.
pub fn is_finished(folder: &Path) -> bool {
    folder.join(RESULTS).is_file()
}

/// Claims a run for this process; with `again` even if it is finished, in which case it is replaced at the end.
///
/// With `cancelled`, a process on another machine that gives no sign of life is watched for some seconds, and its run is taken over
/// if it stays silent. Without it, that process counts as doing the run.
///
/// # Errors
/// [`LmError::Write`] for a folder that cannot be written, or that exists and is not a run; [`LmError::Interrupted`].
pub fn claim(folder: &Path, again: bool, cancelled: Option<&dyn Fn() -> bool>) -> Result<Claim> {
    let places = Places::for_folder(folder)?;
    // Another process may be removing the lock and empty directories at this moment.
    for _ in 0..1000 {
        if is_finished(folder) && !again {
            places.tidy();
            return Ok(Claim::Finished);
        }
        let Some(made) = make_directories(&places.parent)? else { continue };
        let lease = match Lease::take(&places.lock, cancelled)? {
            Taken::Mine(lease) => lease,
            Taken::Held(holder) => return Ok(Claim::Busy(holder)),
            Taken::NoFolder => continue,
        };
        let partial = places.hidden(&format!("{}.partial", lease.token));
        let claimed = ClaimedFolder { places, partial, again, lease: Some(lease), made };
        claimed.places.recover()?;
        if is_finished(folder) && !again {
            return Ok(Claim::Finished);
        }
        if folder.exists() && !is_finished(folder) && fs::remove_dir(folder).is_err() {
            let advice = "remove it, or choose another place";
            return Err(LmError::write(folder, format!("there is something of that name without {RESULTS}: {advice}")));
        }
        fs::create_dir(&claimed.partial).map_err(|e| LmError::write(&claimed.partial, e))?;
        return Ok(Claim::Mine(claimed));
    }
    Err(LmError::write(folder, "others begin and end their work on it all the time"))
}

impl ClaimedFolder {
    /// The folder for the files of the run.
    pub fn directory(&self) -> &Path {
        &self.partial
    }

    /// Whether another process is known to have taken the run over, because this one gave no sign of life for minutes, as when suspended.
    pub fn is_lost(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_lost)
    }

    /// Whether a failure may be due to another process having taken the run over, or having done it.
    pub fn is_elsewhere(&self) -> bool {
        (!self.again && is_finished(&self.places.folder)) || self.lease.as_ref().is_none_or(Lease::is_lost_now)
    }

    /// Gives the folder its final name; a folder of an earlier run is replaced, if that was requested.
    ///
    /// # Errors
    /// [`LmError::Write`] if it cannot be renamed.
    pub fn finish(mut self) -> Result<Finish> {
        let folder = &self.places.folder;
        let old = self.lease.as_ref().map(|lease| self.places.hidden(&format!("{}.old", lease.token)));
        if let Some(old) = old.filter(|_| self.again && folder.exists()) {
            fs::rename(folder, &old).map_err(|e| LmError::write(folder, e))?;
            if let Err(e) = fs::rename(&self.partial, folder) {
                let _ = fs::rename(&old, folder);
                return Err(LmError::write(folder, e));
            }
            // If this fails, a hidden folder stays, which does no harm.
            let _ = fs::remove_dir_all(&old);
        } else {
            // A rename cannot replace a folder that is not empty, so only one of several complete runs gets the name.
            match fs::rename(&self.partial, folder) {
                Err(_) if is_finished(folder) => return Ok(Finish::Elsewhere),
                renamed => renamed.map_err(|e| LmError::write(folder, e))?,
            }
        }
        self.made.clear();
        Ok(Finish::Here)
    }
}

impl Drop for ClaimedFolder {
    /// What cannot be removed stays hidden until the next claim of the run removes it.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.partial);
        drop(self.lease.take());
        for directory in self.made.iter().rev() {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// The paths around a run.
#[derive(Debug, Clone)]
struct Places {
    parent: PathBuf,
    folder: PathBuf,
    /// Prefix of the names of hidden files and folders of the run.
    prefix: String,
    lock: PathBuf,
}

impl Places {
    fn for_folder(folder: &Path) -> Result<Self> {
        let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
            return Err(LmError::write(folder, "the path does not end in the name of a folder"));
        };
        let prefix = format!(".{}.", name.to_string_lossy());
        let lock = parent.join(format!("{prefix}lock"));
        Ok(Self { parent: parent.to_owned(), folder: folder.to_owned(), prefix, lock })
    }

    fn hidden(&self, ending: &str) -> PathBuf {
        self.parent.join(format!("{}{ending}", self.prefix))
    }

    /// Removes what killed processes left; an earlier run that was not replaced after all is put back.
    fn recover(&self) -> Result<()> {
        let parent = if self.parent.as_os_str().is_empty() { Path::new(".") } else { &self.parent };
        for entry in fs::read_dir(parent).map_err(|e| LmError::read(parent, e))? {
            let name = entry.map_err(|e| LmError::read(parent, e))?.file_name().to_string_lossy().into_owned();
            let Some(rest) = name.strip_prefix(&self.prefix) else { continue };
            let path = self.parent.join(&name);
            let removed = match rest.rsplit('.').next() {
                Some("old") if !self.folder.exists() => fs::rename(&path, &self.folder),
                Some("old" | "partial") => fs::remove_dir_all(&path),
                Some("probe" | "stale" | "draft") => fs::remove_file(&path),
                _ => continue,
            };
            match removed {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(LmError::write(&path, e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what was left next to a finished run, if the lock is free. Leftovers take space but do no harm.
    fn tidy(&self) {
        if self.lock.exists()
            && let Ok(Taken::Mine(_lease)) = Lease::take(&self.lock, None)
        {
            let _ = self.recover();
        }
    }
}

/// Creates a directory with its parents and returns those that did not exist, the uppermost first; none if another process just
/// removed some of them and the caller should try again.
fn make_directories(directory: &Path) -> Result<Option<Vec<PathBuf>>> {
    let is_absent = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let mut made: Vec<PathBuf> = directory.ancestors().take_while(is_absent).map(Path::to_owned).collect();
    made.reverse();
    let Err(e) = fs::create_dir_all(directory) else { return Ok(Some(made)) };
    let is_race = matches!(e.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound);
    match is_race && !directory.ancestors().any(Path::is_file) {
        true => Ok(None),
        false => Err(LmError::write(directory, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::tests::left_by_a_killed_process;

    fn mine(folder: &Path, again: bool) -> ClaimedFolder {
        match claim(folder, again, None).unwrap() {
            Claim::Mine(claimed) => claimed,
            other => panic!("{other:?}"),
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write(folder: &Path, content: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(RESULTS), content).unwrap();
    }

    fn content(folder: &Path) -> String {
        fs::read_to_string(folder.join(RESULTS)).unwrap()
    }

    #[test]
    fn a_run_appears_whole_and_is_then_finished() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("runs/m/seed0_fwd");
        let claimed = mine(&folder, false);
        fs::write(claimed.directory().join(RESULTS), "{}").unwrap();
        assert!(!folder.exists());
        assert!(matches!(claim(&folder, false, None).unwrap(), Claim::Busy(_)));
        assert_eq!(claimed.finish().unwrap(), Finish::Here);
        assert_eq!(names(folder.parent().unwrap()), ["seed0_fwd"]);
        assert_eq!(content(&folder), "{}");
        assert!(matches!(claim(&folder, false, None).unwrap(), Claim::Finished));
        assert_eq!(names(folder.parent().unwrap()), ["seed0_fwd"]);
    }

    #[test]
    fn a_claim_that_is_given_up_leaves_nothing_not_even_directories() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("runs/m/t/seed0_fwd");
        let claimed = mine(&folder, false);
        fs::write(claimed.directory().join(RESULTS), "half").unwrap();
        drop(claimed);
        assert!(names(place.path()).is_empty());
        // What was there before stays.
        fs::create_dir_all(place.path().join("runs")).unwrap();
        drop(mine(&folder, false));
        assert_eq!(names(place.path()), ["runs"]);
        assert!(names(&place.path().join("runs")).is_empty());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_by_the_next() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("seed0_fwd");
        write(&place.path().join(".seed0_fwd.0f.partial"), "half");
        fs::write(place.path().join(".seed0_fwd.lock.0f.draft"), "half").unwrap();
        left_by_a_killed_process(&place.path().join(".seed0_fwd.lock"));
        let claimed = mine(&folder, false);
        assert!(names(claimed.directory()).is_empty());
        drop(claimed);
        assert!(names(place.path()).is_empty());
        // Also beside a run that another finished since.
        write(&folder, "whole");
        write(&place.path().join(".seed0_fwd.0f.partial"), "half");
        left_by_a_killed_process(&place.path().join(".seed0_fwd.lock"));
        assert!(matches!(claim(&folder, false, None).unwrap(), Claim::Finished));
        assert_eq!(names(place.path()), ["seed0_fwd"]);
    }

    #[test]
    fn a_finished_run_is_replaced_only_at_the_end_and_only_when_asked() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("seed0_fwd");
        write(&folder, "old");
        drop(mine(&folder, true));
        assert_eq!(content(&folder), "old");
        let claimed = mine(&folder, true);
        fs::write(claimed.directory().join(RESULTS), "new").unwrap();
        assert_eq!(content(&folder), "old");
        claimed.finish().unwrap();
        assert_eq!(content(&folder), "new");
        assert_eq!(names(place.path()), ["seed0_fwd"]);
        // Killed between the two renames: the former run comes back.
        fs::rename(&folder, place.path().join(".seed0_fwd.0f.old")).unwrap();
        left_by_a_killed_process(&place.path().join(".seed0_fwd.lock"));
        assert!(matches!(claim(&folder, false, None).unwrap(), Claim::Finished));
        assert_eq!(content(&folder), "new");
        assert_eq!(names(place.path()), ["seed0_fwd"]);
    }

    #[test]
    fn something_else_of_that_name_is_not_touched() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("seed0_fwd");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        let problem = claim(&folder, true, None).unwrap_err().to_string();
        assert!(problem.contains("without results.json"), "{problem}");
        assert_eq!(names(place.path()), ["seed0_fwd"]);
        // An empty folder is nobody's.
        fs::remove_file(folder.join("notes.txt")).unwrap();
        drop(mine(&folder, false));
        assert!(names(place.path()).is_empty());
        let below_a_file = place.path().join("file/seed0_fwd");
        fs::write(place.path().join("file"), "").unwrap();
        assert!(claim(&below_a_file, false, None).is_err());
    }

    #[test]
    fn many_at_once_do_every_run_once() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("runs");
        let done = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for k in 0..100 {
                        let folder = root.join(format!("h{}/seed{k}_fwd", k % 7));
                        if let Claim::Mine(claimed) = claim(&folder, false, None).unwrap() {
                            // Every third attempt is given up.
                            if done.load(std::sync::atomic::Ordering::SeqCst) % 3 == 2 && k % 2 == 0 {
                                continue;
                            }
                            fs::write(claimed.directory().join(RESULTS), "{}").unwrap();
                            claimed.finish().unwrap();
                            done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        let finished = (0..100).filter(|k| is_finished(&root.join(format!("h{}/seed{k}_fwd", k % 7)))).count();
        assert_eq!(done.into_inner(), finished, "no run is done twice");
        assert!(finished >= 50, "odd seeds are never given up");
        for k in 0..7 {
            let left = names(&root.join(format!("h{k}")));
            assert!(left.iter().all(|name| name.starts_with("seed")), "{left:?}");
        }
    }

    #[test]
    fn of_two_that_complete_a_run_the_first_has_it_and_the_other_is_told() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("seed0_fwd");
        // The lock is taken away, as by a file system on which it does not hold.
        let first = mine(&folder, false);
        fs::remove_file(place.path().join(".seed0_fwd.lock")).unwrap();
        // A claim removes what it takes for left by the dead: here it is not yet there.
        let second = mine(&folder, false);
        assert_ne!(first.directory(), second.directory());
        fs::create_dir_all(first.directory()).unwrap();
        fs::write(first.directory().join(RESULTS), "first").unwrap();
        fs::write(second.directory().join(RESULTS), "second").unwrap();
        assert_eq!(second.finish().unwrap(), Finish::Here);
        assert_eq!(first.finish().unwrap(), Finish::Elsewhere);
        assert_eq!(content(&folder), "second");
        assert_eq!(names(place.path()), ["seed0_fwd"]);
    }

    #[test]
    fn what_earlier_versions_left_is_removed_once_their_lock_is_old() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("seed0_fwd");
        let lock = place.path().join(".seed0_fwd.lock");
        write(&place.path().join(".seed0_fwd.partial"), "half");
        fs::write(&lock, "").unwrap();
        // It may be held: nothing says by whom.
        let Claim::Busy(holder) = claim(&folder, false, None).unwrap() else { panic!("it is claimed") };
        assert_eq!(holder.to_string(), "another process");
        fs::remove_file(&lock).unwrap();
        drop(mine(&folder, false));
        assert!(names(place.path()).is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn a_finished_run_is_there_also_where_nothing_can_be_written() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("runs/seed0_fwd");
        write(&folder, "whole");
        left_by_a_killed_process(&place.path().join("runs/.seed0_fwd.lock"));
        let mode = |mode| fs::set_permissions(place.path().join("runs"), fs::Permissions::from_mode(mode)).unwrap();
        mode(0o555);
        let is_root = fs::write(place.path().join("runs/test"), "").is_ok();
        let found = claim(&folder, false, None);
        let other = claim(&place.path().join("runs/seed1_fwd"), false, None);
        mode(0o755);
        assert!(matches!(found.unwrap(), Claim::Finished));
        if !is_root {
            let problem = other.unwrap_err().to_string();
            assert!(problem.contains(".seed1_fwd.lock: cannot be written: "), "{problem}");
        }
    }
}
