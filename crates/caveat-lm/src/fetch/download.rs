//! Downloads a file, which appears under its name only when complete and verified, and resumes interrupted downloads.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ureq::http::{StatusCode, header};

use super::digest::{BLOCK, Checksum, Hashing, verified};
use super::http::{Client, Failure, Reply, refusal};
use super::store::{FileRecord, write_error};
use super::watch::{FetchStep, Watch};
use crate::checksum::next_block;
use crate::error::{LmError, Result};

/// How often a broken download is continued. One that received nothing fails at once.
const MAX_CONTINUATIONS: u32 = 6;

/// A file to download.
pub(super) struct Wanted {
    /// Its name in the folder, which is never chosen by a server.
    pub(super) name: String,
    /// Its address.
    pub(super) url: String,
    /// Value of the Authorization header, if any.
    pub(super) authorization: Option<String>,
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// Its checksum.
    pub(super) checksum: Checksum,
    /// Advice for the case that the server answers 401 or 403.
    pub(super) when_refused: Option<String>,
}

impl Wanted {
    /// The file that collects the bytes. Its name includes the checksum, so that bytes of another version are never continued.
    fn partial(&self, directory: &Path) -> PathBuf {
        let digits = self.checksum.digits();
        directory.join(format!(".{}.{}.partial", self.name, digits.get(..16).unwrap_or(digits)))
    }
}

/// Downloads `wanted` into `directory`, verified, and returns its record. A file that is already there is not transferred, and what
/// an earlier attempt left is continued.
///
/// The caller must hold the lock of `directory`. Bytes are collected in a hidden file, in order and without gaps, which is renamed
/// once size and checksum are right, so that the next call can resume after an interruption at any moment. If a continued file
/// turns out wrong, because the server's file has changed or a crash lost bytes, it is fetched once more from the start.
pub(super) fn download(client: &Client, wanted: &Wanted, directory: &Path, watch: &Watch<'_>) -> Result<FileRecord> {
    let path = directory.join(&wanted.name);
    let record = |sha256| FileRecord { name: wanted.name.clone(), bytes: wanted.bytes, sha256 };
    if let Some(sha256) = verified(&path, &wanted.name, wanted.bytes, &wanted.checksum, watch)? {
        return Ok(record(sha256));
    }
    let partial = wanted.partial(directory);
    loop {
        let mut transfer = Transfer::open(wanted, &partial, watch)?;
        let continued = transfer.hashing.bytes > 0;
        transfer.run(client)?;
        let started_anew = transfer.started_anew;
        match transfer.finish()? {
            Ok(sha256) => {
                fs::rename(&partial, &path).map_err(|e| LmError::write(&path, e))?;
                return Ok(record(sha256));
            }
            Err(problem) => {
                fs::remove_file(&partial).map_err(|e| LmError::write(&partial, e))?;
                if !continued || started_anew {
                    return Err(LmError::download(
                        &wanted.name,
                        format!("{problem}: the server has another file than this program knows, or it was damaged"),
                    ));
                }
            }
        }
    }
}

/// The transfer of one file into its partial file.
struct Transfer<'a> {
    wanted: &'a Wanted,
    path: &'a Path,
    file: File,
    /// Has hashed exactly the bytes of `file`, whose position is at its end.
    hashing: Hashing,
    /// Whether the bytes of earlier attempts were discarded because the server would not continue.
    started_anew: bool,
    watch: &'a Watch<'a>,
}

impl<'a> Transfer<'a> {
    fn open(wanted: &'a Wanted, path: &'a Path, watch: &'a Watch<'a>) -> Result<Self> {
        let system = |e| LmError::write(path, e);
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(system)?;
        if file.metadata().map_err(system)?.len() > wanted.bytes {
            file.set_len(0).map_err(system)?;
        }
        let mut hashing = Hashing::new(&wanted.checksum, wanted.bytes);
        if file.metadata().map_err(system)?.len() > 0 {
            hashing.read(&mut file, path, &wanted.name, watch)?;
        }
        Ok(Self { wanted, path, file, hashing, started_anew: false, watch })
    }

    /// Discards the bytes so far, because the server sends the file from its start.
    fn start_anew(&mut self) -> Result<()> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|e| LmError::write(self.path, e))?;
        self.hashing = Hashing::new(&self.wanted.checksum, self.wanted.bytes);
        self.started_anew = true;
        Ok(())
    }

    /// Transfers until the file is complete.
    fn run(&mut self, client: &Client) -> Result<()> {
        let total = self.wanted.bytes;
        self.watch.begin(FetchStep::Downloading, &self.wanted.name, self.hashing.bytes, Some(total));
        let (mut begun, mut continuations) = (false, 0);
        while self.hashing.bytes < total {
            self.watch.check()?;
            let before = self.hashing.bytes;
            let Err(failure) = self.attempt(client)? else { continue };
            begun |= self.hashing.bytes > before;
            if !failure.transient || !begun || continuations == MAX_CONTINUATIONS {
                let so_far = match self.hashing.bytes {
                    0 => String::new(),
                    bytes => format!("; {bytes} of {total} bytes are kept, and the next fetch continues there"),
                };
                return Err(LmError::download(&self.wanted.name, failure.problem + &so_far));
            }
            self.watch.pause(client.retry_pause.saturating_mul(1 << continuations))?;
            continuations += 1;
        }
        Ok(())
    }

    /// Makes one request for the missing bytes. The outer error ends the fetch, the inner one only this attempt.
    fn attempt(&mut self, client: &Client) -> Result<std::result::Result<(), Failure>> {
        let from = self.hashing.bytes;
        // A compressed answer would have neither the size nor the byte ranges of the file.
        let mut request = client.agent.get(&self.wanted.url).header(header::ACCEPT_ENCODING, "identity");
        if let Some(authorization) = &self.wanted.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        let reply = match client.send(request) {
            Ok(reply) => reply,
            Err(failure) => return Ok(Err(failure)),
        };
        match reply.status() {
            StatusCode::OK => {
                if let Some(bytes) = content_length(&reply).filter(|&bytes| bytes != self.wanted.bytes) {
                    return Ok(Err(Failure::lasting(other_size(bytes, self.wanted.bytes))));
                }
                // The server does not know ranges.
                if from > 0 {
                    self.start_anew()?;
                }
            }
            StatusCode::PARTIAL_CONTENT => match content_range(&reply) {
                Some((first, total)) if first == from && total.is_none_or(|total| total == self.wanted.bytes) => {}
                Some((_, Some(total))) if total != self.wanted.bytes => {
                    return Ok(Err(Failure::lasting(other_size(total, self.wanted.bytes))));
                }
                _ if from > 0 => return self.start_anew().map(Ok),
                _ => return Ok(Err(Failure::lasting("the server answered with a part that was not asked for"))),
            },
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => return self.start_anew().map(Ok),
            status => {
                let mut failure = refusal(status);
                if let (401 | 403, Some(advice)) = (status.as_u16(), &self.wanted.when_refused) {
                    failure.problem = format!("{}: {advice}", failure.problem);
                }
                return Ok(Err(failure));
            }
        }
        self.receive(reply)
    }

    fn receive(&mut self, reply: Reply) -> Result<std::result::Result<(), Failure>> {
        let total = self.wanted.bytes;
        let mut body = reply.into_body().into_reader();
        let mut block = vec![0; BLOCK];
        loop {
            self.watch.check()?;
            let received = match next_block(&mut body, &mut block) {
                Ok(received) => received,
                Err(e) => return Ok(Err(Failure::transient(format!("the connection broke: {e}")))),
            };
            if received.is_empty() {
                return Ok(match self.hashing.bytes {
                    bytes if bytes == total => Ok(()),
                    bytes => Err(Failure::transient(format!("the connection ended after {bytes} of {total} bytes"))),
                });
            }
            if received.len() as u64 > total - self.hashing.bytes {
                self.start_anew()?;
                return Ok(Err(Failure::lasting(format!("the server sends more than the {total} bytes expected"))));
            }
            let missing = total - self.hashing.bytes;
            self.file.write_all(received).map_err(|e| write_error(self.path, &e, missing))?;
            self.hashing.update(received);
            self.watch.report(FetchStep::Downloading, &self.wanted.name, self.hashing.bytes, Some(total));
        }
    }

    /// Syncs the bytes to the disk and compares the checksum.
    fn finish(self) -> Result<std::result::Result<String, String>> {
        self.file.sync_data().map_err(|e| write_error(self.path, &e, 0))?;
        Ok(self.hashing.finish())
    }
}

fn other_size(found: u64, expected: u64) -> String {
    format!("the server has {found} bytes where {expected} are expected: is a login page or a proxy in between?")
}

/// The announced size of an answer that is not compressed.
fn content_length(reply: &Reply) -> Option<u64> {
    if reply.headers().contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    reply.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// First byte and full size of `bytes FIRST-LAST/SIZE`; the size is `None` for `*`.
fn content_range(reply: &Reply) -> Option<(u64, Option<u64>)> {
    let range = reply.headers().get(header::CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes")?;
    let (part, size) = range.trim_start().split_once('/')?;
    let (first, _) = part.split_once('-')?;
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    Some((first.trim().parse().ok()?, size))
}
