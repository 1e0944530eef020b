//! `caveat figure`: one figure, drawn to a file.

use std::path::PathBuf;

use caveat_analysis::{FigureRequest, figure};
use caveat_results::Input;
use caveat_theory::TransitiveTask;

use crate::cli::FigureArgs;
use crate::failure::Failure;
use crate::output::{check_picture_path, check_separate, check_table_path, write_figure};
use crate::progress::Bars;
use crate::tell::tell;
use crate::values::pairs;

pub(crate) fn run(args: &FigureArgs) -> Result<(), Failure> {
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.svg", args.name)));
    check_picture_path(&path)?;
    if let Some(table) = &args.table {
        check_table_path(table)?;
    }
    let written = [path.as_path()].into_iter().chain(args.table.as_deref());
    check_separate(args.published.iter().map(Input::path), written)?;
    let task = args.n_items.map(|n| TransitiveTask::new(n, &pairs(&args.exception))).transpose()?;
    let request = FigureRequest { name: args.name, task, c: args.c, published: args.published.clone() };
    let figure = figure(&request, &Bars)?;
    write_figure(&path, &figure)?;
    if let Some(path) = &args.table {
        figure.table.write(path)?;
    }
    tell(&path.display().to_string());
    if let Some(left_out) = &figure.left_out {
        tell(&format!("note: {left_out}"));
    }
    Ok(())
}
