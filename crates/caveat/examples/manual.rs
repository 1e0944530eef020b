//! Writes the manual pages of the command and all its subcommands: `manual DIR`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap_mangen::Man;

const VERSION: &str = concat!("caveat ", env!("CARGO_PKG_VERSION"));

fn main() -> Result<()> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from).context("usage: manual DIR")?;
    fs::create_dir_all(&directory)?;
    let mut command = caveat::command_line().disable_help_subcommand(true);
    command.build();
    write_pages(&command, &directory)
}

/// The page of a command and those of its subcommands.
fn write_pages(command: &clap::Command, directory: &Path) -> Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        write_pages(subcommand, directory)?;
    }
    let man = Man::new(command.clone()).source(VERSION).manual("Rules and their exceptions");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_long_help().or(command.get_after_help()) {
        page.extend(as_written(&text.to_string()).into_bytes());
    }
    let path = directory.join(man.get_filename());
    fs::write(&path, page).with_context(|| path.display().to_string())
}

/// Text below the help, line by line as it is; what follows a line like `Examples:` is a section of that name.
fn as_written(text: &str) -> String {
    let mut page = String::new();
    let mut is_open = false;
    let close = |page: &mut String, is_open: &mut bool| {
        if std::mem::take(is_open) {
            page.push_str(".fi\n");
        }
    };
    for line in text.lines() {
        let heading = line.strip_suffix(':').filter(|words| !words.starts_with(' ') && words.len() < 40);
        if let Some(words) = heading {
            close(&mut page, &mut is_open);
            page.push_str(&format!(".SH \"{}\"\n.nf\n", words.to_uppercase()));
            is_open = true;
            continue;
        }
        if !is_open {
            page.push_str(".SH NOTES\n.nf\n");
            is_open = true;
        }
        // A line that begins with a point or an apostrophe would be a request, and hyphens are to be copied as such.
        let plain = line.replace('\\', "\\e").replace('-', "\\-");
        page.push_str(if plain.starts_with(['.', '\'']) { "\\&" } else { "" });
        page.push_str(&plain);
        page.push('\n');
    }
    close(&mut page, &mut is_open);
    page
}
