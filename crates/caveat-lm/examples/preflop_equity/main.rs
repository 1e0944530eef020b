//! Computes the table of preflop equities of poker hands: `-- OUT` writes it, `-- --check FILE` compares it with a file.
//!
//! The table in the repository is `crates/caveat-lm/data/preflop_equity.csv`:
//!
//! ```sh
//! cargo run --release -p caveat-lm --example preflop_equity -- crates/caveat-lm/data/preflop_equity.csv
//! ```

mod enumeration;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use caveat_lm::stimuli::poker::PreflopEquity;
use enumeration::enumerate_deals;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--check", file] => compute().and_then(|table| check(&table, file.into())),
        [out] if !out.starts_with('-') => compute().and_then(|table| write(&table, out.into())),
        _ => {
            eprintln!("usage: preflop_equity OUT | preflop_equity --check FILE");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn compute() -> Result<PreflopEquity, String> {
    let shown = AtomicU64::new(0);
    let table = enumerate_deals(&|done, total| {
        let percent = 100 * done / total;
        if shown.fetch_max(percent, Ordering::Relaxed) < percent {
            eprint!("\r{percent:3} % of {total} boards");
        }
    });
    eprintln!();
    table.map_err(|e| e.to_string())
}

fn write(table: &PreflopEquity, out: PathBuf) -> Result<String, String> {
    caveat_results::write_atomically(&out, |file| file.write_all(table.to_csv().as_bytes()))
        .map_err(|e| e.to_string())?;
    Ok(format!("{}: written", out.display()))
}

fn check(table: &PreflopEquity, file: PathBuf) -> Result<String, String> {
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: cannot be read: {e}", file.display()))?;
    match text.replace("\r\n", "\n") == table.to_csv() {
        true => Ok(format!("{}: as computed", file.display())),
        false => Err(format!("{}: differs from what was computed", file.display())),
    }
}
