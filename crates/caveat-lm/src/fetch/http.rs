//! HTTP requests: time limits, certificates, and errors in one line.

use std::io::Read;
use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::{StatusCode, Uri};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, RequestBuilder, Timeout};

use crate::error::one_line;

/// Longest time for resolving a name, and again for connecting. It is short so that a missing network shows soon.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest silence of a connected server.
const SILENCE: Duration = Duration::from_secs(30);

/// An answer whose body has not been read yet.
pub(super) type Reply = ureq::http::Response<Body>;

/// Why there is no usable answer.
#[derive(Debug)]
pub(super) struct Failure {
    /// Whether the same request may succeed a moment later.
    pub(super) transient: bool,
    /// What went wrong, in one line.
    pub(super) problem: String,
}

impl Failure {
    pub(super) fn transient(problem: impl Into<String>) -> Self {
        Self { transient: true, problem: problem.into() }
    }

    pub(super) fn lasting(problem: impl Into<String>) -> Self {
        Self { transient: false, problem: problem.into() }
    }
}

/// Makes requests, with proxies from HTTPS_PROXY, HTTP_PROXY and NO_PROXY and the certificate authorities of the system.
pub(super) struct Client {
    pub(super) agent: Agent,
    /// Time before the first continuation of a broken download; it doubles with each further one.
    pub(super) retry_pause: Duration,
}

impl Client {
    pub(super) fn new() -> Self {
        let user_agent = concat!("caveat/", env!("CARGO_PKG_VERSION"));
        let config = Agent::config_builder().user_agent(user_agent).build();
        Self { agent: config.into(), retry_pause: Duration::from_millis(500) }
    }

    /// Sends a request, made by this client or another, with this client's limits, and follows redirects. An answer with any status
    /// counts as success.
    pub(super) fn send(&self, request: RequestBuilder<WithoutBody>) -> Result<Reply, Failure> {
        let (host, is_local) = request.uri_ref().map(|uri| (host_of(uri), is_loopback(uri))).unwrap_or_default();
        let authorities = TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(RootCerts::PlatformVerifier);
        let mut config = request
            .config()
            .http_status_as_error(false)
            .tls_config(authorities.build())
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE));
        if is_local {
            config = config.proxy(None);
        }
        config.build().call().map_err(|e| failure(e, &host))
    }
}

/// The body as text; more than `limit` bytes are refused.
pub(super) fn text(reply: Reply, limit: u64) -> Result<String, Failure> {
    let mut content = Vec::new();
    let mut reader = reply.into_body().into_reader().take(limit + 1);
    reader.read_to_end(&mut content).map_err(|e| Failure::transient(format!("the answer broke off: {e}")))?;
    if content.len() as u64 > limit {
        return Err(Failure::lasting(format!("the answer is longer than {limit} bytes")));
    }
    String::from_utf8(content).map_err(|_| Failure::lasting("the answer is not text"))
}

/// The failure that an unsuccessful status stands for. 408, 429 and those from 500 on are transient.
pub(super) fn refusal(status: StatusCode) -> Failure {
    let transient = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
    let advice = if transient { ": try again later" } else { "" };
    Failure { transient, problem: format!("the server answered {status}{advice}") }
}

/// Host and port, without any user name or password.
pub(super) fn host_of(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    authority.rsplit('@').next().unwrap_or(authority).to_owned()
}

fn is_loopback(uri: &Uri) -> bool {
    uri.host().is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

fn failure(error: ureq::Error, host: &str) -> Failure {
    match error {
        ureq::Error::HostNotFound => {
            Failure::transient(format!("the name {host} cannot be resolved: is there a network?"))
        }
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            Failure::transient(format!("no connection to {host} within {} seconds", CONNECT.as_secs()))
        }
        ureq::Error::Timeout(_) => Failure::transient(format!("{host} was silent for {} seconds", SILENCE.as_secs())),
        ureq::Error::Rustls(e) => Failure::lasting(insecure(host, &one_line(e))),
        ureq::Error::Io(e) => match one_line(e) {
            problem if problem.contains("certificate") => Failure::lasting(insecure(host, &problem)),
            problem => Failure::transient(format!("no connection to {host}: {problem}")),
        },
        e @ ureq::Error::ConnectionFailed => Failure::transient(format!("no connection to {host}: {e}")),
        e => Failure::lasting(format!("the request to {host} failed: {}", one_line(e))),
    }
}

fn insecure(host: &str, problem: &str) -> String {
    let advice = "install the authorities of the system (ca-certificates), or name a file of them in SSL_CERT_FILE";
    format!("no secure connection to {host}: {problem}: {advice}")
}
