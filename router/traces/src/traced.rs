//! Work that is done within a span.

use crate::span::Span;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A future whose work is a span's. Where the request is not traced it is the future, and a word to look at.
    #[must_use = "futures do nothing unless polled"]
    pub struct Traced<F: Future> {
        #[pin]
        future: F,
        span: Span,
        told: fn(&Span, &F::Output),
    }
}

impl<F: Future> Traced<F> {
    pub(crate) fn new(future: F, span: Span, told: fn(&Span, &F::Output)) -> Self {
        Self { future, span, told }
    }
}

impl<F: Future> Future for Traced<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, waker: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let done = {
            let _current = this.span.context().map(|context| context.clone().attach());
            ready!(this.future.poll(waker))
        };
        if this.span.is_kept() {
            (this.told)(this.span, &done);
            this.span.end();
        }
        Poll::Ready(done)
    }
}
