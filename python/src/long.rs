//! Work that takes longer than a moment: on a thread of its own, while the interpreter runs others, heeds Ctrl-C and shows progress.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use caveat_analysis::{Watch, Work};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// How often signals are looked for and progress is shown.
const TICK: Duration = Duration::from_millis(50);

/// How long work takes before progress is shown that nobody asked for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Steps done by the work, told from any thread.
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

    /// Counts some more steps done; as [`reach`](Self::reach).
    pub(crate) fn add(&self, steps: usize) {
        self.done.fetch_add(steps, Ordering::Relaxed);
        self.end_if_given_up();
    }

    /// Says how many steps are done. Ends the work here, by unwinding, if nobody waits for it any longer.
    pub(crate) fn reach(&self, steps: usize) {
        self.done.fetch_max(steps, Ordering::Relaxed);
        self.end_if_given_up();
    }

    fn end_if_given_up(&self) {
        if self.given_up.load(Ordering::Relaxed) {
            resume_unwind(Box::new("given up"));
        }
    }
}

impl Watch for Steps {
    fn begin(&self, total: u64, _: &'static str) -> Box<dyn Work + '_> {
        self.done.store(0, Ordering::Relaxed);
        Work::reach(&self, 0, total);
        Box::new(self)
    }
}

impl Work for &Steps {
    fn advance(&self, steps: u64) {
        self.add(steps as usize);
    }

    fn reach(&self, done: u64, total: u64) {
        // Steps fit in memory, so that their number fits a usize.
        self.expect(total as usize);
        Steps::reach(self, done as usize);
    }
}

/// The process that loaded this module.
static HOME: LazyLock<u32> = LazyLock::new(std::process::id);

/// Remembers which process this is; to be called when the module is loaded.
pub(crate) fn settle() {
    LazyLock::force(&HOME);
}

/// Does `work` with threads for what is parallel in it.
///
/// A process begun by fork has Rayon's pool but not its threads, and would wait for them forever; it gets a pool of its own.
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

/// Does `work` where it stands, with the interpreter released.
pub(crate) fn here<T: Send>(py: Python<'_>, what: &str, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    py.detach(|| with_threads(work)).map_err(|e| threadless(what, e))
}

fn threadless(what: &str, error: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(format!("{what}: no thread can be started: {error}"))
}

/// Runs work that takes less than some ten milliseconds where it stands, with the interpreter released; any other as [`run`].
///
/// A thread of its own would cost more than short work, and nobody presses Ctrl-C in that time.
pub(crate) fn run_unless<T: Send + 'static>(
    py: Python<'_>,
    is_short: bool,
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    if is_short { here(py, what, work) } else { run(py, what, None, |_| work()) }
}

/// Runs `work` with the interpreter released, and waits for it.
///
/// `progress` is True for a bar where someone can see one, False for none, or a function of the steps done and their total, which is
/// called some twenty times a second, and when the work is done.
/// After Ctrl-C the exception is raised at once; the work ends at its next step, or when it is done.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    what: &'static str,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Steps) -> T + Send + 'static,
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
        // The lock is never contended; it makes the receiver something that the closure may hold.
        let waited = py.detach(|| match receive.lock() {
            Ok(receive) => receive.recv_timeout(TICK),
            Err(_) => Err(mpsc::RecvTimeoutError::Disconnected),
        });
        match waited {
            Ok(Ok(Err(error))) => return Err(threadless(what, error)),
            Ok(Ok(Ok(value))) => {
                let told = show.update(py, &steps);
                show.finish(py)?;
                return told.map(|()| value);
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

/// Who is told of progress.
struct Display<'a, 'py> {
    what: &'static str,
    since: Instant,
    /// Whether a bar is shown when the work takes long.
    wanted: bool,
    /// The user's function.
    function: Option<&'a Bound<'py, PyAny>>,
    /// The bar once it is shown.
    bar: Option<Py<PyAny>>,
}

impl<'a, 'py> Display<'a, 'py> {
    fn new(what: &'static str, progress: Option<&'a Bound<'py, PyAny>>) -> PyResult<Self> {
        let (wanted, function) = match progress {
            None => (true, None),
            Some(p) => match p.cast::<PyBool>() {
                Ok(flag) => (flag.is_true(), None),
                Err(_) if p.is_callable() => (false, Some(p)),
                Err(_) => {
                    let got = p.get_type().name()?;
                    return Err(pyo3::exceptions::PyTypeError::new_err(format!(
                        "progress: expected True, False or a function of (done, total), got {got}"
                    )));
                }
            },
        };
        Ok(Self { what, since: Instant::now(), wanted, function, bar: None })
    }

    fn update(&mut self, py: Python<'_>, steps: &Steps) -> PyResult<()> {
        let (done, total) = (steps.done.load(Ordering::Relaxed), steps.total.load(Ordering::Relaxed));
        if let Some(function) = self.function
            && total > 0
        {
            function.call1((done.min(total), total))?;
        }
        if self.wanted && self.since.elapsed() > PATIENCE {
            if self.bar.is_none() {
                self.bar = py.import("caveat._progress")?.call_method1("display", (self.what,))?.extract()?;
                self.wanted = self.bar.as_ref().is_some_and(|bar| !bar.is_none(py));
            }
            if let Some(bar) = &self.bar
                && self.wanted
            {
                bar.call1(py, (done.min(total), total))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, py: Python<'_>) -> PyResult<()> {
        match &self.bar {
            Some(bar) if !bar.is_none(py) => bar.call_method0(py, "close").map(|_| ()),
            _ => Ok(()),
        }
    }
}
