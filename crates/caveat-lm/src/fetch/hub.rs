//! Fetches a model from the Hugging Face hub: the description of a repository at a revision, then its files one by one.

use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use serde::Deserialize;
use ureq::http::StatusCode;

use super::digest::{Checksum, is_hex};
use super::download::{Wanted, download};
use super::endpoints::Endpoints;
use super::http::{Client, refusal, text};
use super::store::{Manifest, Shelf};
use super::watch::Watch;
use crate::error::{LmError, Result, one_line};
use crate::registry::HubSource;

/// Largest description of a repository that is accepted.
const MAX_INFO_BYTES: u64 = 16 << 20;
/// Files that every model has besides its weights.
const NEEDED: [&str; 2] = ["config.json", "tokenizer.json"];
/// Fetched if it exists: it names the special tokens and the chat template.
const OPTIONAL: [&str; 1] = ["tokenizer_config.json"];
/// The weights, if they are in one file.
const WEIGHTS: &str = "model.safetensors";
/// States which of several files holds which weights.
const WEIGHTS_INDEX: &str = "model.safetensors.index.json";

/// Fetches the files of the repository into the shelf. The caller must hold the lock.
pub(super) fn fetch(client: &Client, endpoints: &Endpoints, shelf: &Shelf<'_>, watch: &Watch<'_>) -> Result<Manifest> {
    let source = &shelf.entry.hub;
    let repository = Repository { endpoint: endpoints.hub()?, token: endpoints.token.as_deref(), source, shelf };
    let description = repository.describe(client)?;
    let plan = repository.plan(&description)?;
    shelf.begin()?;
    let fetched = plan.iter().map(|wanted| download(client, wanted, &shelf.directory, watch));
    let files = fetched.collect::<Result<Vec<_>>>()?;
    let manifest = Manifest::new(source.repository, &description.sha, files);
    shelf.complete(&manifest)?;
    Ok(manifest)
}

/// The hub's description of a repository at a revision.
#[derive(Deserialize)]
struct Description {
    /// The commit.
    sha: String,
    siblings: Vec<RemoteFile>,
}

#[derive(Deserialize)]
struct RemoteFile {
    #[serde(rename = "rfilename")]
    name: String,
    size: Option<u64>,
    /// Git's checksum: of the content of a small file, or of the pointer to a file in large-file storage.
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<LargeFile>,
}

#[derive(Deserialize)]
struct LargeFile {
    sha256: String,
    size: Option<u64>,
}

struct Repository<'a> {
    endpoint: String,
    token: Option<&'a str>,
    source: &'a HubSource,
    shelf: &'a Shelf<'a>,
}

impl Repository<'_> {
    /// The addresses at a revision, as the hub's client library makes them. The library's own downloads are not used: they are not
    /// verified, and if a server ignores a range, its answer is appended to the part that is already there.
    fn at_revision(&self, revision: &str) -> Result<ApiRepo> {
        let api = ApiBuilder::from_cache(Cache::new(self.shelf.directory.join("unused")))
            .with_endpoint(self.endpoint.clone())
            .with_token(self.token.map(str::to_owned))
            .with_progress(false)
            .build()
            .map_err(|e| self.error(one_line(e)))?;
        let repository = self.source.repository.to_owned();
        Ok(api.repo(Repo::with_revision(repository, RepoType::Model, revision.to_owned())))
    }

    fn describe(&self, client: &Client) -> Result<Description> {
        // `blobs` asks for the size and the checksum of every file.
        let request = self.at_revision(self.source.revision)?.info_request().query("blobs", "true");
        let reply = client.send(request).map_err(|failure| self.error(failure.problem))?;
        if reply.status() != StatusCode::OK {
            return Err(self.refused(reply.status()));
        }
        let text = text(reply, MAX_INFO_BYTES).map_err(|failure| self.error(failure.problem))?;
        let description: Description = serde_json::from_str(&text)
            .map_err(|e| self.error(format!("the answer is not the description of a repository: {e}")))?;
        let pinned = self.source.revision;
        if !is_hex(&description.sha, 40) || (is_hex(pinned, 40) && description.sha != pinned) {
            return Err(self.error(format!("the answer is for another revision than {pinned}")));
        }
        Ok(description)
    }

    /// The files to download, all from one commit, with sizes and checksums, the large weights last.
    fn plan(&self, description: &Description) -> Result<Vec<Wanted>> {
        let remote = |name: &str| description.siblings.iter().find(|file| file.name == name);
        let needed = NEEDED.map(|name| remote(name).ok_or_else(|| self.error(format!("the repository has no {name}"))));
        let mut files = needed.into_iter().collect::<Result<Vec<_>>>()?;
        files.extend(OPTIONAL.iter().filter_map(|name| remote(name)));
        match (remote(WEIGHTS), remote(WEIGHTS_INDEX)) {
            (Some(weights), _) => files.push(weights),
            (None, Some(index)) => {
                files.push(index);
                files.extend(self.shards(description)?);
            }
            (None, None) => return Err(self.error(format!("the repository has neither {WEIGHTS} nor {WEIGHTS_INDEX}"))),
        }
        let repository = self.at_revision(&description.sha)?;
        files.into_iter().map(|file| self.wanted(file, repository.url(&file.name))).collect()
    }

    /// The files `model-00001-of-0000N.safetensors`, all N of them in order.
    fn shards<'d>(&self, description: &'d Description) -> Result<Vec<&'d RemoteFile>> {
        let mut shards: Vec<_> =
            description.siblings.iter().filter_map(|file| Some((shard_number(&file.name)?, file))).collect();
        shards.sort_by_key(|&(number, _)| number);
        let count = shards.len();
        let complete = shards.iter().zip(1..).all(|(&((number, of), _), i)| number == i && of == count);
        if count == 0 || !complete {
            return Err(self.error("the weights are in several files, and some of them are missing"));
        }
        Ok(shards.into_iter().map(|(_, file)| file).collect())
    }

    fn wanted(&self, file: &RemoteFile, url: String) -> Result<Wanted> {
        let lfs = file.lfs.as_ref();
        let checksum = match (lfs, &file.blob_id) {
            (Some(lfs), _) => Checksum::sha256(&lfs.sha256),
            (None, Some(blob)) => Checksum::git_blob(blob),
            (None, None) => None,
        };
        let (Some(checksum), Some(bytes)) = (checksum, lfs.and_then(|lfs| lfs.size).or(file.size)) else {
            return Err(self.error(format!("the description has no size and checksum of {}", file.name)));
        };
        if let Some(known) =
            self.source.weights_sha256.filter(|&known| file.name == WEIGHTS && checksum.digits() != known)
        {
            let problem = format!("{WEIGHTS} there has the SHA-256 {} where {known} is expected", checksum.digits());
            return Err(self.error(problem));
        }
        let authorization = self.token.map(|token| format!("Bearer {token}"));
        let name = file.name.clone();
        Ok(Wanted { name, url, authorization, bytes, checksum, when_refused: Some(self.how_to_be_let_in()) })
    }

    fn refused(&self, status: StatusCode) -> LmError {
        let mut problem = refusal(status).problem;
        match status.as_u16() {
            401 | 403 => problem = format!("{problem}: {}", self.how_to_be_let_in()),
            404 => problem = format!("{problem}: it has no revision {} of that repository", self.source.revision),
            _ => {}
        }
        self.error(problem)
    }

    /// Advice after 401 and 403, which the hub also answers for what does not exist.
    fn how_to_be_let_in(&self) -> String {
        let has_been = if self.token.is_some() { "the token (HF_TOKEN) does not open it" } else { "it needs a token" };
        format!(
            "{has_been}: accept the license at {}/{}, make a token at {0}/settings/tokens and set HF_TOKEN to it",
            "https://huggingface.co", self.source.repository
        )
    }

    fn error(&self, problem: impl Into<String>) -> LmError {
        let endpoint = self.endpoint.split("://").last().unwrap_or_default();
        let host = endpoint.rsplit('@').next().unwrap_or_default();
        LmError::download(format!("{} on {host}", self.source.repository), problem)
    }
}

/// I and N of `model-I-of-N.safetensors`, five digits each.
fn shard_number(name: &str) -> Option<(usize, usize)> {
    let (number, of) = name.strip_prefix("model-")?.strip_suffix(".safetensors")?.split_once("-of-")?;
    let digits = |text: &str| (text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok());
    Some((digits(number)??, digits(of)??))
}
