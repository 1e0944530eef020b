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

/// Text below the help: what follows a line such as `Examples:` as it is, in a section of that name; other text as notes.
fn as_written(text: &str) -> String {
    // Hyphens must be copied as hyphens, and a point or an apostrophe at the start of a line would be a request to roff.
    let plain = |line: &str| {
        let escaped = line.replace('\\', "\\e").replace('-', "\\-");
        format!("{}{escaped}\n", if escaped.starts_with(['.', '\'']) { "\\&" } else { "" })
    };
    let mut page = String::new();
    for block in text.split("\n\n") {
        let (first, rest) = block.split_once('\n').unwrap_or((block, ""));
        match first.strip_suffix(':') {
            Some(heading) if rest.lines().all(|line| line.starts_with(' ')) => {
                page += &format!(".SH \"{}\"\n.nf\n", heading.to_uppercase());
                page.extend(rest.lines().map(plain));
                page += ".fi\n";
            }
            _ => {
                page += if page.contains(".SH NOTES") { ".PP\n" } else { ".SH NOTES\n" };
                page.extend(block.lines().map(plain));
            }
        }
    }
    page
}
