//! The folder of a run: whole or absent, worked on by one process at a time.
//!
//! A run is prepared in a hidden folder beside its own and renamed when it is complete. A lock file beside both, held for as long
//! as the process lives, keeps others away; what a killed process left is recognized by its lock being free, and removed by the
//! next that wants the run.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use same_file::Handle;

use crate::error::{LmError, Result};

/// The file that makes a folder a finished run.
pub(crate) const RESULTS: &str = "results.json";

/// What a folder is to whoever wants to run it.
#[derive(Debug)]
pub enum Claim {
    /// This process is to run it.
    Mine(ClaimedFolder),
    /// It is there already.
    Finished,
    /// Another process is at it.
    Busy,
}

/// A run folder in the making. Dropped without [`finish`](Self::finish), it leaves nothing.
#[derive(Debug)]
pub struct ClaimedFolder {
    places: Places,
    lock: Option<File>,
    /// Directories that were made for it, the uppermost first.
    made: Vec<PathBuf>,
}

/// Whether a folder holds a finished run.
pub fn is_finished(folder: &Path) -> bool {
    folder.join(RESULTS).is_file()
}

/// Claims a run for this process; with `again` even if it is finished, in which case it is replaced at the end.
///
/// # Errors
/// [`LmError::Write`] for a place that cannot be written, and for a folder of that name that holds something else.
pub fn claim(folder: &Path, again: bool) -> Result<Claim> {
    let places = Places::of(folder)?;
    // Whoever ends its work on a run removes the lock, perhaps together with emptied directories, just when this begins.
    for _ in 0..1000 {
        if is_finished(folder) && !again && !places.lock.exists() {
            return Ok(Claim::Finished);
        }
        let Some(made) = make_directories(&places.parent)? else { continue };
        let Some(claimed) = lock(&places, made)? else { continue };
        let Some(claimed) = claimed else { return Ok(Claim::Busy) };
        claimed.places.recover()?;
        if is_finished(folder) && !again {
            return Ok(Claim::Finished);
        }
        if folder.exists() && !is_finished(folder) && fs::remove_dir(folder).is_err() {
            let problem =
                format!("there is something of that name without {RESULTS}: remove it, or choose another place");
            return Err(LmError::write(folder, problem));
        }
        fs::create_dir(&places.partial).map_err(|e| LmError::write(&places.partial, e))?;
        return Ok(Claim::Mine(claimed));
    }
    Err(LmError::write(folder, "others begin and end their work on it all the time"))
}

/// Locks a run: none if it has to be tried again, none inside if another process holds it.
fn lock(places: &Places, made: Vec<PathBuf>) -> Result<Option<Option<ClaimedFolder>>> {
    let file = match File::options().create(true).truncate(false).write(true).open(&places.lock) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(LmError::write(&places.lock, e)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Some(None)),
        Err(TryLockError::Error(e)) => return Err(LmError::write(&places.lock, format!("it cannot be locked: {e}"))),
    }
    // A lock on a file that has been removed since keeps nobody away.
    let locked = file.try_clone().and_then(Handle::from_file).map_err(|e| LmError::write(&places.lock, e))?;
    let is_there = Handle::from_path(&places.lock).is_ok_and(|there| there == locked);
    Ok(is_there.then(|| Some(ClaimedFolder { places: places.clone(), lock: Some(file), made })))
}

impl ClaimedFolder {
    /// Where the files of the run are to be put.
    pub fn directory(&self) -> &Path {
        &self.places.partial
    }

    /// Gives the folder its name, with all that is in it; one of a former run is replaced.
    ///
    /// # Errors
    /// [`LmError::Write`] if it cannot be renamed.
    pub fn finish(mut self) -> Result<()> {
        let Places { folder, partial, old, .. } = &self.places;
        let fail = |e| LmError::write(folder, e);
        if folder.exists() {
            fs::rename(folder, old).map_err(fail)?;
        }
        fs::rename(partial, folder).map_err(fail)?;
        // It is hidden and takes room, but does no harm.
        let _ = fs::remove_dir_all(old);
        self.made.clear();
        Ok(())
    }
}

impl Drop for ClaimedFolder {
    /// What cannot be removed is hidden, and removed by the next that claims the run.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.places.partial);
        let _ = self.places.recover();
        // Removed before it is let go: whoever opened it before finds that it is no longer there.
        let _ = fs::remove_file(&self.places.lock);
        drop(self.lock.take());
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
    partial: PathBuf,
    old: PathBuf,
    lock: PathBuf,
}

impl Places {
    fn of(folder: &Path) -> Result<Self> {
        let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
            return Err(LmError::write(folder, "the path does not end in the name of a folder"));
        };
        let hidden = |ending: &str| parent.join(format!(".{}.{ending}", name.to_string_lossy()));
        Ok(Self {
            parent: parent.to_owned(),
            folder: folder.to_owned(),
            partial: hidden("partial"),
            old: hidden("old"),
            lock: hidden("lock"),
        })
    }

    /// Removes what a killed process left; a former run whose replacement did not come is put back.
    fn recover(&self) -> Result<()> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |e| LmError::write(&path, e)
        };
        if self.old.exists() {
            match self.folder.exists() {
                true => fs::remove_dir_all(&self.old).map_err(fail(&self.old))?,
                false => fs::rename(&self.old, &self.folder).map_err(fail(&self.folder))?,
            }
        }
        match fs::remove_dir_all(&self.partial) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(fail(&self.partial)(e)),
            _ => Ok(()),
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

    fn mine(folder: &Path, again: bool) -> ClaimedFolder {
        match claim(folder, again).unwrap() {
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
        assert!(matches!(claim(&folder, false).unwrap(), Claim::Busy));
        claimed.finish().unwrap();
        assert_eq!(names(folder.parent().unwrap()), ["seed0_fwd"]);
        assert_eq!(content(&folder), "{}");
        assert!(matches!(claim(&folder, false).unwrap(), Claim::Finished));
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
        write(&place.path().join(".seed0_fwd.partial"), "half");
        fs::write(place.path().join(".seed0_fwd.lock"), "").unwrap();
        let claimed = mine(&folder, false);
        assert!(names(claimed.directory()).is_empty());
        drop(claimed);
        assert!(names(place.path()).is_empty());
        // Also beside a run that another finished since.
        write(&folder, "whole");
        write(&place.path().join(".seed0_fwd.partial"), "half");
        fs::write(place.path().join(".seed0_fwd.lock"), "").unwrap();
        assert!(matches!(claim(&folder, false).unwrap(), Claim::Finished));
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
        fs::rename(&folder, place.path().join(".seed0_fwd.old")).unwrap();
        fs::write(place.path().join(".seed0_fwd.lock"), "").unwrap();
        assert!(matches!(claim(&folder, false).unwrap(), Claim::Finished));
        assert_eq!(content(&folder), "new");
        assert_eq!(names(place.path()), ["seed0_fwd"]);
    }

    #[test]
    fn something_else_of_that_name_is_not_touched() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("seed0_fwd");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        let problem = claim(&folder, true).unwrap_err().to_string();
        assert!(problem.contains("without results.json"), "{problem}");
        assert_eq!(names(place.path()), ["seed0_fwd"]);
        // An empty folder is nobody's.
        fs::remove_file(folder.join("notes.txt")).unwrap();
        drop(mine(&folder, false));
        assert!(names(place.path()).is_empty());
        let below_a_file = place.path().join("file/seed0_fwd");
        fs::write(place.path().join("file"), "").unwrap();
        assert!(claim(&below_a_file, false).is_err());
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
                        if let Claim::Mine(claimed) = claim(&folder, false).unwrap() {
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
}
