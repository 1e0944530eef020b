//! The folder of a run: whole or absent, worked on by one process at a time.
//!
//! A run is prepared in a hidden folder beside its own and renamed when it is complete. A lock file beside both, which is kept
//! fresh for as long as the process lives, keeps others away on this machine and on those that share the file system
//! ([`lease`](crate::lease)); what a killed process left is removed by the next that wants the run. Whatever goes wrong with
//! locks, the renaming decides: the first that is complete has the name, and for another the run is done elsewhere.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use caveat_results::RESULTS;

use crate::error::{LmError, Result};
use crate::lease::{Holder, Lease, Taken};

/// What a folder is to whoever wants to run it.
#[derive(Debug)]
pub enum Claim {
    /// This process is to run it.
    Mine(ClaimedFolder),
    /// It is there already.
    Finished,
    /// Another process is at it.
    Busy(Holder),
}

/// Who has given a run its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// This process.
    Here,
    /// Another process, which was at the same run and was first; its results are kept.
    Elsewhere,
}

/// A run folder in the making. Dropped without [`finish`](Self::finish), it leaves nothing.
#[derive(Debug)]
pub struct ClaimedFolder {
    places: Places,
    /// Where the run is prepared: no other claim has the same folder.
    partial: PathBuf,
    again: bool,
    lease: Option<Lease>,
    /// Directories that were made for it, the uppermost first.
    made: Vec<PathBuf>,
}

/// Whether a folder holds a finished run.
pub fn is_finished(folder: &Path) -> bool {
    folder.join(RESULTS).is_file()
}

/// Claims a run for this process; with `again` even if it is finished, in which case it is replaced at the end.
///
/// With `cancelled`, a process on another machine that gives no sign of life is watched for some seconds, and its run taken over if
/// it stays silent; without, it counts as being at the run.
///
/// # Errors
/// [`LmError::Write`] for a place that cannot be written, and for a folder of that name that holds something else;
/// [`LmError::Interrupted`].
pub fn claim(folder: &Path, again: bool, cancelled: Option<&dyn Fn() -> bool>) -> Result<Claim> {
    let places = Places::for_folder(folder)?;
    // Whoever ends its work on a run removes the lock, perhaps together with emptied directories, just when this begins.
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
        let partial = places.hidden(&format!("{}.partial", lease.token()));
        let claimed = ClaimedFolder { places, partial, again, lease: Some(lease), made };
        claimed.places.recover()?;
        if is_finished(folder) && !again {
            return Ok(Claim::Finished);
        }
        if folder.exists() && !is_finished(folder) && fs::remove_dir(folder).is_err() {
            let problem =
                format!("there is something of that name without {RESULTS}: remove it, or choose another place");
            return Err(LmError::write(folder, problem));
        }
        fs::create_dir(&claimed.partial).map_err(|e| LmError::write(&claimed.partial, e))?;
        return Ok(Claim::Mine(claimed));
    }
    Err(LmError::write(folder, "others begin and end their work on it all the time"))
}

impl ClaimedFolder {
    /// Where the files of the run are to be put.
    pub fn directory(&self) -> &Path {
        &self.partial
    }

    /// Whether another process is known to have taken the run over, because this one gave no sign of life for minutes, as when it was suspended.
    pub fn is_lost(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_lost)
    }

    /// Whether what failed just now may have failed because another process has taken the run over, or has done it.
    pub fn is_elsewhere(&self) -> bool {
        (!self.again && is_finished(&self.places.folder)) || self.lease.as_ref().is_none_or(Lease::is_lost_now)
    }

    /// Gives the folder its name, with all that is in it; one of a former run is replaced, if that was asked for.
    ///
    /// # Errors
    /// [`LmError::Write`] if it cannot be renamed.
    pub fn finish(mut self) -> Result<Finish> {
        let folder = &self.places.folder;
        let old = self.lease.as_ref().map(|lease| self.places.hidden(&format!("{}.old", lease.token())));
        if let Some(old) = old.filter(|_| self.again && folder.exists()) {
            fs::rename(folder, &old).map_err(|e| LmError::write(folder, e))?;
            if let Err(e) = fs::rename(&self.partial, folder) {
                let _ = fs::rename(&old, folder);
                return Err(LmError::write(folder, e));
            }
            // It is hidden and takes room, but does no harm.
            let _ = fs::remove_dir_all(&old);
        } else {
            // No folder with something in it can be replaced so: of several that are complete, one gets the name.
            match fs::rename(&self.partial, folder) {
                Ok(()) => {}
                Err(_) if is_finished(folder) => return Ok(Finish::Elsewhere),
                Err(e) => return Err(LmError::write(folder, e)),
            }
        }
        self.made.clear();
        Ok(Finish::Here)
    }
}

impl Drop for ClaimedFolder {
    /// What cannot be removed is hidden, and removed by the next that claims the run.
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
    /// What the names of hidden files and folders of the run begin with.
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

    /// Removes what killed processes left; a former run whose replacement did not come is put back.
    fn recover(&self) -> Result<()> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |e| LmError::write(&path, e)
        };
        let parent = if self.parent.as_os_str().is_empty() { Path::new(".") } else { &self.parent };
        for entry in fs::read_dir(parent).map_err(|e| LmError::read(parent, e))? {
            let name = entry.map_err(|e| LmError::read(parent, e))?.file_name().to_string_lossy().into_owned();
            let Some(rest) = name.strip_prefix(&self.prefix) else { continue };
            let path = self.parent.join(&name);
            let removed = match rest.rsplit('.').next() {
                Some("old") if !self.folder.exists() => fs::rename(&path, &self.folder),
                Some("old" | "partial") => fs::remove_dir_all(&path),
                Some("probe" | "stale") => fs::remove_file(&path),
                _ => continue,
            };
            match removed {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(fail(&path)(e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what was left beside a finished run, where that is possible at once: it takes room, but does no harm.
    fn tidy(&self) {
        if self.lock.exists()
            && let Ok(Taken::Mine(_lease)) = Lease::take(&self.lock, None)
        {
            let _ = self.recover();
        }
    }
}

/// Makes a directory with all above it; returns those that were not there, the uppermost first, or none if another process
/// removed some of them, emptied, just then, and it has to be tried again.
fn make_directories(directory: &Path) -> Result<Option<Vec<PathBuf>>> {
    let is_absent = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let mut made: Vec<PathBuf> = directory.ancestors().take_while(is_absent).map(Path::to_owned).collect();
    made.reverse();
    match fs::create_dir_all(directory) {
        Ok(()) => Ok(Some(made)),
        Err(e)
            if matches!(e.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound)
                && !directory.ancestors().any(Path::is_file) =>
        {
            Ok(None)
        }
        Err(e) => Err(LmError::write(directory, e)),
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
