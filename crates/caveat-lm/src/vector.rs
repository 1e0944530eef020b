//! Runs loops with the vector instructions of this processor, and work on the threads of the pool.

/// Runs `body` compiled for the widest vector instructions of this processor.
///
/// This applies only to code inlined into it: write the closure as `#[inline(always)] || { … }`, and loops in it as `for`.
#[inline(always)]
pub(crate) fn vectorized(body: impl FnMut()) {
    pulp::Arch::new().dispatch(Body(body));
}

/// A closure that is called by reference. Called by value it would become a separate function, which is not inlined and is therefore
/// compiled for the oldest processors.
struct Body<F>(F);

impl<F: FnMut()> pulp::WithSimd for Body<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(mut self, _: S) {
        (self.0)();
    }
}

/// Runs `work` on a thread of the pool, among whose threads it divides its operations.
///
/// From outside the pool, every single operation would put this thread to sleep and wake another.
pub(crate) fn in_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}
