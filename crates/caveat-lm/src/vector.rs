//! How loops run: compiled for the vector instructions that the processor turns out to have, and among the threads of the pool.

/// Runs `body` as compiled for the widest vector instructions of this processor.
///
/// Only what is inlined into it is compiled so: write the closure as `#[inline(always)] || { … }`, and loops in it as `for`.
#[inline(always)]
pub(crate) fn vectorized(body: impl FnMut()) {
    pulp::Arch::new().dispatch(Body(body));
}

/// A closure that is called by reference. Called by value it would go through a function of its own, which is not inlined and so
/// compiled for the oldest processor.
struct Body<F>(F);

impl<F: FnMut()> pulp::WithSimd for Body<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(mut self, _: S) {
        (self.0)();
    }
}

/// Runs `work`, which divides much of what it does among the threads of the pool, on one of them.
///
/// From outside of the pool every single operation would put this thread to sleep and wake another.
pub(crate) fn in_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}
