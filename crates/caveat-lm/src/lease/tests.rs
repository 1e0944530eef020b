//! Leases between threads that play processes and machines.

use std::process::Command;

use super::*;

/// Fast enough for tests, and slow enough for a machine with much to do.
const FAST: Pace = Pace {
    heartbeat: Duration::from_millis(20),
    expiry: Duration::from_millis(1500),
    confirm: Duration::from_millis(700),
};

/// A machine of that name, of whose processes this one knows nothing.
fn machine(name: &str) -> Host {
    Host { name: name.to_owned(), machine: name.to_owned(), started: 1, user: Host::here().user }
}

/// The file of a lease whose holder, a process of this machine, was killed.
pub(crate) fn left_by_a_killed_process(path: &Path) {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let host = Host::here();
    let owner = Owner {
        token: "00000000000000ff".to_owned(),
        host: host.name,
        machine: host.machine,
        pid: child.id(),
        started: u64::MAX,
        beat: beat(3),
    };
    create(path, &owner).unwrap();
}

fn owner(machine: &str) -> Owner {
    let text = |text: &str| text.to_owned();
    Owner { token: text("0f"), host: text(machine), machine: text(machine), pid: 7, started: 3, beat: beat(1) }
}

fn lock(place: &tempfile::TempDir) -> PathBuf {
    place.path().join(".run.lock")
}

fn names(place: &tempfile::TempDir) -> Vec<String> {
    fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn age(path: &Path, age: Duration) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

fn take(path: &Path, host: &Host) -> Taken {
    Lease::take_as(path, Some(&|| false), host, FAST).unwrap()
}

fn mine(taken: Taken) -> Lease {
    match taken {
        Taken::Mine(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_file_of_a_lease_is_never_seen_without_its_holder() {
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut seen = 0;
            while !is_over.load(Ordering::Relaxed) {
                if let Ok(content) = fs::read(&path) {
                    assert!(parse(&content).is_some(), "{content:?}");
                    seen += 1;
                }
            }
            seen
        });
        for _ in 0..300 {
            drop(mine(take(&path, &Host::here())));
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(reading.join().unwrap() > 0);
    });
    assert!(names(&place).is_empty(), "{:?}", names(&place));
}

#[test]
fn a_lease_is_held_by_one_until_it_is_dropped_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let lease = mine(take(&lock(&place), &machine("a")));
    let Taken::Held(holder) = take(&lock(&place), &machine("b")) else { panic!("two hold it") };
    assert_eq!(holder.to_string(), format!("process {} on a", std::process::id()));
    drop(lease);
    assert!(names(&place).is_empty());
    drop(mine(take(&lock(&place), &machine("b"))));
    assert!(matches!(take(&place.path().join("absent/x.lock"), &machine("a")), Taken::NoFolder));
}

#[test]
fn a_holder_that_shows_itself_keeps_its_lease_whatever_the_clocks_say() {
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    let lease = mine(take(&path, &machine("a")));
    // An hour behind, or ahead: long past by the times, and yet alive.
    for _ in 0..2 {
        for now in [SystemTime::now() - Duration::from_secs(3600), SystemTime::now() + Duration::from_secs(3600)] {
            File::options().write(true).open(&path).unwrap().set_modified(now).unwrap();
            assert!(matches!(take(&path, &machine("b")), Taken::Held(_)));
        }
    }
    assert!(!lease.is_lost());
    drop(lease);
    assert!(names(&place).is_empty());
}

#[test]
fn a_silent_holder_elsewhere_is_taken_over_after_its_time_and_no_sooner() {
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    create(&path, &owner("a")).unwrap();
    let start = Instant::now();
    assert!(matches!(take(&path, &machine("b")), Taken::Held(_)));
    let lease = loop {
        match take(&path, &machine("b")) {
            Taken::Mine(lease) => break lease,
            _ => thread::sleep(Duration::from_millis(20)),
        }
    };
    assert!(start.elapsed() >= FAST.expiry + FAST.confirm);
    drop(lease);
    // A time to come, by a clock that was wrong, is taken over too.
    create(&path, &owner("a")).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(10_000)).unwrap();
    drop(mine(take(&path, &machine("b"))));
    assert!(names(&place).is_empty());
}

#[test]
fn nobody_is_watched_by_whoever_does_not_want_to_wait() {
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    create(&path, &owner("a")).unwrap();
    age(&path, Duration::from_secs(3600));
    let at_once = Lease::take_as(&path, None, &machine("b"), PACE).unwrap();
    assert!(matches!(at_once, Taken::Held(_)));
    let ended = Lease::take_as(&path, Some(&|| true), &machine("b"), PACE);
    assert!(matches!(ended, Err(LmError::Interrupted)));
    assert_eq!(names(&place), [".run.lock"]);
}

#[test]
#[cfg(target_os = "linux")]
fn on_the_same_machine_the_dead_are_known_at_once_and_the_living_are_never_taken_over() {
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    left_by_a_killed_process(&path);
    let lease = mine(Lease::take_as(&path, None, &Host::here(), PACE).unwrap());
    drop(lease);
    // A process that lives, but is stopped, and so gives no sign.
    let here = Host::here();
    let stopped = Owner { machine: here.machine.clone(), pid: std::process::id(), started: here.started, ..owner("a") };
    create(&path, &stopped).unwrap();
    age(&path, Duration::from_secs(3600));
    assert!(matches!(take(&path, &here), Taken::Held(_)));
    // The same number in another container, or since another start of the machine, is another process.
    drop(mine(take(&path, &machine("another container"))));
    // One of another user's processes may be hidden: only its silence counts.
    left_by_a_killed_process(&path);
    let other = Host { user: Some(12_345_678), ..Host::here() };
    assert!(matches!(Lease::take_as(&path, None, &other, PACE).unwrap(), Taken::Held(_)));
}

#[test]
fn what_cannot_be_read_as_a_lease_is_held_until_it_is_old() {
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    for content in [&b""[..], b"{\"token\": \"0f\"", b"\xff\x00", &[b'x'; 40_000]] {
        fs::write(&path, content).unwrap();
        let Taken::Held(holder) = take(&path, &machine("b")) else { panic!("it is taken at once") };
        assert_eq!(holder.to_string(), "another process");
        age(&path, Duration::from_secs(60));
        drop(mine(take(&path, &machine("b"))));
        assert!(names(&place).is_empty());
    }
    fs::create_dir(&path).unwrap();
    let problem = Lease::take_as(&path, None, &machine("b"), FAST).unwrap_err().to_string();
    assert!(problem.contains("it is no file"), "{problem}");
}

#[test]
#[cfg(unix)]
fn a_lease_that_may_not_be_read_is_taken_over_by_its_age() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    create(&path, &owner("a")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    assert!(matches!(take(&path, &machine("b")), Taken::Held(_)));
    thread::sleep(FAST.expiry + Duration::from_millis(50));
    drop(mine(take(&path, &machine("b"))));
    assert!(names(&place).is_empty());
}

#[test]
fn a_holder_that_was_taken_over_finds_out_and_leaves_the_file_to_the_other() {
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    let frozen = mine(take(&path, &machine("a")));
    // As if it had slept until another took over.
    let other = Owner { token: "another".to_owned(), ..owner("b") };
    fs::remove_file(&path).unwrap();
    while create(&path, &other).is_err() {
        fs::remove_file(&path).unwrap();
    }
    let start = Instant::now();
    while !frozen.is_lost() {
        assert!(start.elapsed().as_secs() < 60);
        thread::sleep(Duration::from_millis(5));
    }
    drop(frozen);
    assert_eq!(Seen::read(&path).unwrap().unwrap().owner, Some(other));
}

#[test]
fn a_file_that_was_removed_by_hand_comes_back() {
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    let lease = mine(take(&path, &machine("a")));
    fs::remove_file(&path).unwrap();
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed().as_secs() < 60);
        thread::sleep(Duration::from_millis(5));
    }
    assert!(!lease.is_lost());
    drop(lease);
    assert!(names(&place).is_empty());
}

#[test]
fn a_lease_that_changes_hands_while_it_is_taken_for_dead_is_put_back() {
    let place = tempfile::tempdir().unwrap();
    let path = lock(&place);
    create(&path, &owner("a")).unwrap();
    let dead = Seen::read(&path).unwrap().unwrap();
    // Another was faster.
    let faster = Owner { token: "faster".to_owned(), ..owner("b") };
    fs::remove_file(&path).unwrap();
    create(&path, &faster).unwrap();
    dead.remove(&path, "slower").unwrap();
    assert_eq!(Seen::read(&path).unwrap().unwrap().owner, Some(faster));
    assert_eq!(names(&place), [".run.lock"]);
}

#[test]
fn of_many_that_find_a_dead_holder_one_takes_over() {
    for _ in 0..10 {
        let place = tempfile::tempdir().unwrap();
        let path = lock(&place);
        left_by_a_killed_process(&path);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    if let Taken::Mine(lease) = Lease::take_as(&path, None, &Host::here(), FAST).unwrap() {
                        most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(30));
                        held.fetch_sub(1, Ordering::SeqCst);
                        drop(lease);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), 1);
        assert!(names(&place).is_empty());
    }
}
