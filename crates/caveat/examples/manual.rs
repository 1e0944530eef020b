//! Writes the manual pages of the command and all its subcommands: `manual DIR`.

use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from).context("usage: manual DIR")?;
    std::fs::create_dir_all(&directory)?;
    Ok(clap_mangen::generate_to(caveat::command_line(), &directory)?)
}
