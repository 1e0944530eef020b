//! The program `caveat`: the command, with an allocator of its own.

use std::process::ExitCode;

/// Training allocates and frees megabytes in every operation. The system's allocator returns them to the system each time, which
/// costs a quarter of a step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Builds the program with language models.
const BUILD: &str = "cargo install --path crates/caveat --features lm";

fn main() -> ExitCode {
    ExitCode::from(caveat::run(std::env::args_os(), BUILD))
}
