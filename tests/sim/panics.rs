//! Panics of tasks: a runtime keeps them to itself.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOKED: Once = Once::new();

/// Forgets those of an earlier life, and hears of every one from now on.
pub(crate) fn begin_anew() {
    HOOKED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            LAST.with_borrow_mut(|last| *last = Some(info.to_string()));
            before(info);
        }));
    });
    LAST.take();
}

/// The last one of this thread.
pub(crate) fn take() -> Option<String> {
    LAST.take()
}
