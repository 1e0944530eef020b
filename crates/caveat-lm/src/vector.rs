//! Loops compiled for the vector instructions that the processor turns out to have.

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
