//! A tiny HTTP server on the loopback interface, whose every answer a test decides.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a client asked for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Path with query.
    pub(super) path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// First byte of the range that was asked for.
    pub(super) fn range_start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What the client is told.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// Bytes after which the connection is closed, though more were announced.
    pub(super) cut: Option<usize>,
    /// Whether the connection, once cut, stays open and silent until the client closes it.
    pub(super) holds: bool,
    /// Pause after every 16 KiB.
    pub(super) pause: Duration,
}

impl Reply {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Self { status, headers, body: body.into(), cut: None, holds: false, pause: Duration::ZERO }
    }

    pub(super) fn status(status: u16) -> Self {
        Self::new(status, "text/plain", "no")
    }

    /// A file as a server that knows ranges sends it.
    pub(super) fn file(request: &Request, content: &[u8]) -> Self {
        let binary = "application/octet-stream";
        match request.range_start() {
            None => Self::new(200, binary, content),
            Some(start) if start < content.len() => {
                let mut reply = Self::new(206, binary, &content[start..]);
                let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
                reply.headers.push(("Content-Range", range));
                reply
            }
            Some(_) => Self::status(416),
        }
    }

    pub(super) fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    pub(super) fn redirect(location: String) -> Self {
        let mut reply = Self::status(302);
        reply.headers.push(("Location", location));
        reply
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// Listens until dropped.
pub(super) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let handler: Arc<Handler> = Arc::new(handler);
        let thread = thread::spawn({
            let (requests, stopped) = (Arc::clone(&requests), Arc::clone(&stopped));
            move || {
                for stream in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    let (requests, handler) = (Arc::clone(&requests), Arc::clone(&handler));
                    // A client that hangs up in the middle is what many of the tests are about.
                    thread::spawn(move || serve(stream.unwrap(), &requests, &*handler).ok());
                }
            }
        });
        Self { address, requests, stopped, thread: Some(thread) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far whose path ends so.
    pub(super) fn requests(&self, ending: &str) -> Vec<Request> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.path.ends_with(ending)).cloned().collect()
    }

    pub(super) fn request_count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(mut stream: TcpStream, requests: &Mutex<Vec<Request>>, handler: &Handler) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let request = Request { path, headers };
    requests.lock().unwrap().push(request.clone());
    let reply = handler(&request);
    let mut head =
        format!("HTTP/1.1 {} Status\r\nContent-Length: {}\r\nConnection: close\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    let sent = reply.cut.unwrap_or(reply.body.len()).min(reply.body.len());
    for block in reply.body[..sent].chunks(1 << 14) {
        stream.write_all(block)?;
        thread::sleep(reply.pause);
    }
    stream.flush()?;
    if reply.holds {
        // A client sends nothing more, so this ends when it hangs up.
        stream.read_exact(&mut [0])?;
    }
    Ok(())
}
