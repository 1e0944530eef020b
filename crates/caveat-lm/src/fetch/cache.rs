//! Finds the cache folder, and the models in it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::store::{Presence, Shelf};
use crate::error::{LmError, Result};
use crate::registry::{FetchedFrom, RegistryEntry, all_weights};

/// The folder for models: CAVEAT_CACHE if it is set, else `caveat` in the user's cache folder, which is `$XDG_CACHE_HOME` or
/// `~/.cache`, on macOS `~/Library/Caches`, on Windows `%LOCALAPPDATA%`. It need not exist.
///
/// # Errors
/// [`LmError::Invalid`] if no variable says where the user's cache folder is.
pub fn cache_directory() -> Result<PathBuf> {
    directory(Platform::HERE, &|name| env::var_os(name), env::home_dir())
}

/// Systems that keep the caches of users in different places.
#[derive(Clone, Copy)]
enum Platform {
    Unix,
    MacOs,
    Windows,
}

impl Platform {
    const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Unix
    };
}

fn directory(
    platform: Platform,
    variable: &dyn Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
) -> Result<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(cache) = set("CAVEAT_CACHE") {
        return Ok(cache);
    }
    let home = home.filter(|home| !home.as_os_str().is_empty());
    let user_cache = match platform {
        // The XDG base directory specification says that relative paths are ignored.
        Platform::Unix => {
            set("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(|| Some(home?.join(".cache")))
        }
        Platform::MacOs => home.map(|home| home.join("Library").join("Caches")),
        Platform::Windows => set("LOCALAPPDATA"),
    };
    let unknown = "no folder for models is known: set CAVEAT_CACHE to one";
    user_cache.map(|folder| folder.join("caveat")).ok_or_else(|| LmError::invalid(unknown))
}

/// The source of the weights if only the model is named: one that is complete in `cache`, else one that is damaged there, else the hub.
pub(crate) fn preferred_source(entry: &RegistryEntry, cache: &Path) -> FetchedFrom {
    let state = |from: &FetchedFrom| match Shelf::new(cache, entry, *from).presence() {
        Presence::Whole(_) => 0,
        Presence::Damaged(_) => 1,
        Presence::Absent => 2,
    };
    // The first of equals is taken.
    entry.sources().into_iter().min_by_key(state).unwrap_or(FetchedFrom::Hub)
}

/// The registered model, complete in `cache`, that a path leads to.
pub(crate) fn registered_at(path: &Path, cache: &Path) -> Option<(&'static RegistryEntry, FetchedFrom)> {
    let path = path.canonicalize().ok()?;
    let is_there = |(entry, from): &(&'static RegistryEntry, FetchedFrom)| {
        let shelf = Shelf::new(cache, entry, *from);
        [shelf.model_path(), shelf.directory.clone()]
            .into_iter()
            .any(|place| place.canonicalize().is_ok_and(|place| place == path))
            && matches!(shelf.presence(), Presence::Whole(_))
    };
    all_weights().find(is_there)
}

/// The path in the cache of a registered model from one source. If it is absent or damaged, the error names the command that fetches it.
pub(crate) fn weights_path(entry: &RegistryEntry, from: FetchedFrom, cache: &Path) -> Result<PathBuf> {
    let shelf = Shelf::new(cache, entry, from);
    let state = match shelf.presence() {
        Presence::Whole(_) => return Ok(shelf.model_path()),
        Presence::Damaged(problem) => format!("it is damaged ({problem})"),
        Presence::Absent => "it is not".to_owned(),
    };
    Err(LmError::invalid(format!(
        "{}: {state} in {}: fetch it with `caveat lm fetch {0}`",
        entry.weights_name(from),
        cache.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(platform: Platform, variables: &[(&str, &str)], home: Option<&str>) -> Option<PathBuf> {
        let variable =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(*value));
        directory(platform, &variable, home.map(PathBuf::from)).ok()
    }

    #[test]
    fn the_cache_folder_follows_the_customs_of_each_platform() {
        let home = Some("/home/u");
        let folder = |parts: &[&str]| Some(parts.iter().collect::<PathBuf>());
        assert_eq!(on(Platform::Unix, &[], home), folder(&["/home/u", ".cache", "caveat"]));
        assert_eq!(on(Platform::MacOs, &[], home), folder(&["/home/u", "Library", "Caches", "caveat"]));
        assert_eq!(on(Platform::Windows, &[("LOCALAPPDATA", "L")], home), folder(&["L", "caveat"]));
        let xdg = std::env::temp_dir();
        let xdg = xdg.to_str().expect("a temporary folder of ordinary name");
        assert_eq!(on(Platform::Unix, &[("XDG_CACHE_HOME", xdg)], home), folder(&[xdg, "caveat"]));
        assert_eq!(on(Platform::Unix, &[("XDG_CACHE_HOME", "relative")], home), on(Platform::Unix, &[], home));
        assert_eq!(on(Platform::Unix, &[("XDG_CACHE_HOME", "")], home), on(Platform::Unix, &[], home));
    }

    #[test]
    fn caveat_cache_wins_everywhere_and_is_what_to_set_when_nothing_is_known() {
        for platform in [Platform::Unix, Platform::MacOs, Platform::Windows] {
            assert_eq!(on(platform, &[("CAVEAT_CACHE", "here")], Some("/home/u")), Some(PathBuf::from("here")));
            assert_eq!(on(platform, &[("CAVEAT_CACHE", "")], Some("")), None);
            let problem = directory(platform, &|_| None, None).expect_err("nothing is known").to_string();
            assert!(problem.contains("CAVEAT_CACHE"), "{problem}");
        }
    }
}
