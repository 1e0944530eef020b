//! Work that takes longer than a moment: it runs on a thread of its own, while the interpreter heeds Ctrl-C and shows progress.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use caveat_analysis::{AnalysisError, Watch, Work};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::arguments::wrong;
use crate::errors::raise;

/// How often to look for signals and to show progress.
const TICK: Duration = Duration::from_millis(50);

/// How long work takes before a bar appears that nobody asked for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The steps that work has done; any thread may count them.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: AtomicUsize,
    total: AtomicUsize,
    given_up: AtomicBool,
}

impl Steps {
    /// Sets how many steps there are in all.
    pub(crate) fn expect(&self, total: usize) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// Counts more steps as done.
    pub(crate) fn add(&self, steps: usize) {
        self.done.fetch_add(steps, Ordering::Relaxed);
        self.end_if_given_up();
    }

    /// Ends the work here, by unwinding, if nobody waits for it any longer.
    fn end_if_given_up(&self) {
        if self.given_up.load(Ordering::Relaxed) {
            resume_unwind(Box::new("given up"));
        }
    }
}

impl Watch for Steps {
    fn begin(&self, total: u64, _: &'static str) -> Box<dyn Work + '_> {
        self.done.store(0, Ordering::Relaxed);
        self.reach(0, total);
        Box::new(self)
    }
}

impl Work for &Steps {
    fn advance(&self, steps: u64) {
        self.add(steps as usize);
    }

    fn reach(&self, done: u64, total: u64) {
        // What is counted fits in memory, so its number fits a usize.
        self.expect(total as usize);
        self.done.fetch_max(done as usize, Ordering::Relaxed);
        self.end_if_given_up();
    }
}

/// The process that loaded this module.
static HOME: LazyLock<u32> = LazyLock::new(std::process::id);

/// Remembers which process this is, when the module is loaded.
pub(crate) fn remember_process() {
    LazyLock::force(&HOME);
}

/// Does `work` with threads for what is parallel in it.
///
/// A forked process has Rayon's pool without its threads and would wait for them forever, so it gets a pool of its own.
fn with_threads<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, ThreadPoolBuildError> {
    static FORKED: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);
    let process = std::process::id();
    if process == *HOME {
        return Ok(work());
    }
    let pool = {
        let mut forked = FORKED.lock().unwrap_or_else(PoisonError::into_inner);
        match &*forked {
            Some((of, pool)) if *of == process => pool.clone(),
            _ => {
                let made = Arc::new(ThreadPoolBuilder::new().build()?);
                // The pool of a process before this one has no threads that could end.
                std::mem::forget(forked.replace((process, made.clone())));
                made
            }
        }
    };
    Ok(pool.install(work))
}

/// Does `work` on this thread, with the interpreter released.
pub(crate) fn run_here<T: Send, E: Into<AnalysisError> + Send>(
    py: Python<'_>,
    what: &str,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    raise(py.detach(|| with_threads(work)).map_err(|e| threadless(what, e))?)
}

fn threadless(what: &str, error: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(format!("{what}: no thread can be started: {error}"))
}

/// Does `work` on this thread where it is short, at most some ten milliseconds; otherwise as [`run`].
///
/// A thread would cost more than short work, and nobody presses Ctrl-C in that time.
pub(crate) fn run_unless<T: Send + 'static, E: Into<AnalysisError> + Send + 'static>(
    py: Python<'_>,
    is_short: bool,
    what: &'static str,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> PyResult<T> {
    if is_short { run_here(py, what, work) } else { run(py, what, None, |_| work()) }
}

/// Does `work` on a thread of its own, and waits for it with the interpreter released.
///
/// `progress` is True for a bar where someone can see one, False for none, or a function of the steps done and their total. The
/// function is called some twenty times a second and once at the end. Ctrl-C raises its exception at once; the work ends at its next
/// step, or when it is done.
pub(crate) fn run<T: Send + 'static, E: Into<AnalysisError> + Send + 'static>(
    py: Python<'_>,
    what: &'static str,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Steps) -> Result<T, E> + Send + 'static,
) -> PyResult<T> {
    let steps = Arc::new(Steps::default());
    let (send, receive) = mpsc::channel();
    let shared = steps.clone();
    std::thread::Builder::new()
        .name(format!("caveat {what}"))
        .spawn(move || {
            // Nobody listens after Ctrl-C.
            let _ = send.send(catch_unwind(AssertUnwindSafe(|| with_threads(|| work(&shared)))));
        })
        .map_err(|e| threadless(what, e))?;
    let receive = Mutex::new(receive);
    let mut show = Display::new(what, progress)?;
    loop {
        // Nobody else takes the lock; the closure may hold a receiver only inside one.
        let waited = py.detach(|| match receive.lock() {
            Ok(receive) => receive.recv_timeout(TICK),
            Err(_) => Err(mpsc::RecvTimeoutError::Disconnected),
        });
        match waited {
            Ok(Ok(Err(error))) => return Err(threadless(what, error)),
            Ok(Ok(Ok(done))) => {
                let told = show.update(py, &steps);
                show.finish(py)?;
                return told.and_then(|()| raise(done));
            }
            Ok(Err(panic)) => resume_unwind(panic),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err(format!("{what}: the computation ended without a result")));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let told = py.check_signals().and_then(|()| show.update(py, &steps));
                if told.is_err() {
                    steps.given_up.store(true, Ordering::Relaxed);
                    let _ = show.finish(py);
                    told?;
                }
            }
        }
    }
}

/// Shows progress, on a bar or by the user's function.
struct Display<'a, 'py> {
    what: &'static str,
    since: Instant,
    /// Whether a bar appears when the work takes long.
    wants_bar: bool,
    bar: Option<Py<PyAny>>,
    function: Option<&'a Bound<'py, PyAny>>,
}

impl<'a, 'py> Display<'a, 'py> {
    fn new(what: &'static str, progress: Option<&'a Bound<'py, PyAny>>) -> PyResult<Self> {
        let (wants_bar, function) = match progress.map(|p| (p, p.cast::<PyBool>())) {
            None => (true, None),
            Some((_, Ok(flag))) => (flag.is_true(), None),
            Some((p, Err(_))) if p.is_callable() => (false, Some(p)),
            Some((p, Err(_))) => return Err(wrong("progress", "True, False or a function of (done, total)", p)),
        };
        Ok(Self { what, since: Instant::now(), wants_bar, bar: None, function })
    }

    fn update(&mut self, py: Python<'_>, steps: &Steps) -> PyResult<()> {
        let (done, total) = (steps.done.load(Ordering::Relaxed), steps.total.load(Ordering::Relaxed));
        let told = (done.min(total), total);
        if let Some(function) = self.function.filter(|_| total > 0) {
            function.call1(told)?;
        }
        if self.wants_bar && self.since.elapsed() > PATIENCE {
            self.wants_bar = false;
            self.bar = py.import("caveat._progress")?.call_method1("display", (self.what,))?.extract()?;
        }
        if let Some(bar) = &self.bar {
            bar.call1(py, told)?;
        }
        Ok(())
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.bar.as_ref().map_or(Ok(()), |bar| bar.call_method0(py, "close").map(drop))
    }
}
