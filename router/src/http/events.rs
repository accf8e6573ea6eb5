//! What happens, as server-sent events.
//!
//! Nothing is kept for a listener but how far it has come: what it has not taken yet is what everybody remembers. One
//! that takes its time misses what is forgotten meanwhile, and is told so; one that takes nothing loses its connection
//! as any client does. Whoever is let in today may not be tomorrow, over the same connection: before anything is told,
//! the key is looked at again.

use super::address::Query;
use super::answer::HttpFailure;
use super::doors::shown;
use crate::Router;
use crate::access::{Access, Caller, Needs, Role};
use annuli_api::v1::event::{Event, EventId, EventsQuery};
use annuli_api::{Chronicle, ErrorCode, Failure};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::Event as Sent;
use futures_util::{Stream, stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

/// Who may listen.
pub(super) const ROLE: Role = Role::Read;

/// By what a client that was cut off says how far it had come.
const LAST_EVENT_ID: &str = "last-event-id";

/// Without anything to tell, a listener hears that often that it is still connected, and how far it has come. Proxies
/// close what is silent for a minute.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// Events that are taken from memory at once.
const TAKEN_AT_ONCE: usize = 64;

/// `GET /v1/events`
pub(super) async fn listen(
    State(router): State<Arc<Router>>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>>>, HttpFailure> {
    let chronicle = router.operations()?.chronicle();
    let caller = router.access.admit(shown(&headers), Needs::Role(ROLE))?;
    let last = headers.get(LAST_EVENT_ID).map(|last| last.to_str().unwrap_or_default().to_owned());
    let after = last.or(query.after).map(|after| parse(&after)).transpose()?;
    let Ok(place) = Arc::clone(&router.listeners).try_acquire_owned() else {
        let message = "too many listen to events at once: close some, or ask another router";
        return Err(Failure::new(ErrorCode::Overloaded, message).into());
    };
    // So that who was told of something by another router is not told less here.
    router.catalogue.refresh().await;
    let after = after.unwrap_or_else(|| chronicle.now());
    let (follow, ending) = (query.follow.unwrap_or(true), router.ending.subscribe());
    let (access, ready) = (router.access.clone(), VecDeque::new());
    let listener = Listener { chronicle, at: after, ready, follow, ending, access, caller, _place: place };
    Ok(Sse::new(stream::unfold(listener, |mut listener| async move {
        let sent = listener.next().await?;
        Some((Ok(sent), listener))
    })))
}

fn parse(after: &str) -> Result<EventId, Failure> {
    let why = |error| Failure::new(ErrorCode::InvalidRequest, format_args!("`after`: {error}"));
    after.parse().map_err(why)
}

/// Who listens.
struct Listener {
    chronicle: Arc<dyn Chronicle>,
    /// What was sent last.
    at: EventId,
    /// What is sent next.
    ready: VecDeque<(EventId, Event)>,
    /// Whether it goes on with what happens.
    follow: bool,
    /// Turns to true when the process is about to end.
    ending: watch::Receiver<bool>,
    /// Who is let in by now.
    access: Access,
    /// Who it was let in as.
    caller: Option<Caller>,
    /// Given back when nobody listens any longer.
    _place: OwnedSemaphorePermit,
}

impl Listener {
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if *self.ending.borrow() || !self.is_admitted() {
                return None;
            }
            if let Some((id, event)) = self.take() {
                self.at = id;
                return Some(sent(id, &event));
            }
            if !self.follow {
                return None;
            }
            tokio::select! {
                waited = timeout(ALIVE_EVERY, self.chronicle.wait(self.at)) => {
                    if waited.is_err() {
                        return self.is_admitted().then(|| self.alive());
                    }
                }
                // Whoever would say so is gone with the process.
                _ = self.ending.changed() => {}
            }
        }
    }

    /// Whether it would be let in once more.
    fn is_admitted(&self) -> bool {
        self.access.still_admits(self.caller.as_ref(), ROLE)
    }

    /// The next event, if there is one.
    fn take(&mut self) -> Option<(EventId, Event)> {
        if self.ready.is_empty() {
            let told = self.chronicle.after(self.at, TAKEN_AT_ONCE);
            self.ready.extend(told.gap.map(|from| (from, Event::Gap)));
            self.ready.extend(told.events);
        }
        self.ready.pop_front()
    }

    /// A comment, by which a client's last id moves on although nothing has happened: what else changes in the store
    /// is no gap for it later.
    fn alive(&mut self) -> Sent {
        let now = self.chronicle.now();
        // Something may have happened in between: that comes first.
        if self.chronicle.after(self.at, 1).events.is_empty() {
            self.at = self.at.max(now);
        }
        Sent::default().id(self.at.to_string()).comment("alive")
    }
}

fn sent(id: EventId, event: &Event) -> Sent {
    let sent = Sent::default().id(id.to_string()).event(event.name());
    let data = serde_json::to_string(event).expect("events hold texts and numbers");
    sent.data(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Key, KeyRing, Keys, MetricsAccess};
    use annuli_api::chronicle::Told;
    use async_trait::async_trait;
    use std::future::pending;
    use std::sync::Mutex;
    use tokio::sync::Semaphore;

    /// Remembers everything, or begins at a revision.
    #[derive(Default)]
    struct Book {
        floor: u64,
        now: Mutex<u64>,
    }

    #[async_trait]
    impl Chronicle for Book {
        fn now(&self) -> EventId {
            EventId::after(*self.now.lock().unwrap())
        }

        fn after(&self, id: EventId, at_most: usize) -> Told {
            let gap = (id.revision < self.floor).then(|| EventId::after(self.floor));
            let alias = |revision| Event::AliasRemoved { alias: format!("a{revision}") };
            let from = id.revision.max(self.floor) + 1;
            // Every tenth revision is one in which something happens.
            let happened = (from..=self.now().revision).filter(|revision| revision % 10 == 0);
            let events = happened.map(|revision| (EventId::after(revision), alias(revision)));
            Told { gap, events: events.take(at_most).collect() }
        }

        async fn wait(&self, id: EventId) {
            if self.after(id, 1).events.is_empty() {
                pending::<()>().await;
            }
        }
    }

    fn listener(book: &Arc<Book>, after: u64, follow: bool) -> (Listener, watch::Sender<bool>) {
        let (end, ending) = watch::channel(false);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let chronicle = Arc::clone(book) as Arc<dyn Chronicle>;
        let (at, ready) = (EventId::after(after), VecDeque::new());
        let (access, caller) = (Access::Open, None);
        (Listener { chronicle, at, ready, follow, ending, access, caller, _place: place }, end)
    }

    const KEY: &str = "correct-horse-battery";

    fn keys(text: &str) -> Keys {
        Keys::new(vec![Key::new("dashboard", Role::Read, text).unwrap()]).unwrap()
    }

    /// The same, with a key that can be taken back.
    fn keyed_listener(book: &Arc<Book>, after: u64) -> (Listener, Arc<KeyRing>, watch::Sender<bool>) {
        let ring = KeyRing::new(keys(KEY));
        let access = Access::Keys { ring: Arc::clone(&ring), metrics: MetricsAccess::Read };
        let caller = access.admit(Some(KEY.as_bytes()), Needs::Role(ROLE)).unwrap();
        let (listener, end) = listener(book, after, true);
        (Listener { access, caller, ..listener }, ring, end)
    }

    fn book(floor: u64, now: u64) -> Arc<Book> {
        Arc::new(Book { floor, now: Mutex::new(now) })
    }

    /// The ids that a listener is told, till the end.
    async fn told(mut listener: Listener) -> Vec<String> {
        let mut told = Vec::new();
        while listener.next().await.is_some() {
            told.push(listener.at.to_string());
        }
        told
    }

    #[tokio::test]
    async fn a_listener_is_told_everything_after_its_last_event_in_its_order() {
        assert_eq!(told(listener(&book(0, 35), 5, false).0).await, ["10", "20", "30"]);
        assert_eq!(told(listener(&book(0, 35), 20, false).0).await, ["30"]);
        assert_eq!(told(listener(&book(0, 35), 35, false).0).await, [""; 0]);
        let many = told(listener(&book(0, 2_000), 0, false).0).await;
        assert_eq!(many.len(), 200);
    }

    #[tokio::test]
    async fn what_is_not_remembered_is_told_first_as_a_gap() {
        assert_eq!(told(listener(&book(15, 35), 5, false).0).await, ["15", "20", "30"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_listener_hears_that_it_is_connected_and_how_far_it_is() {
        let book = book(0, 35);
        let (mut listener, _end) = listener(&book, 30, true);
        assert!(listener.next().await.is_some());
        assert_eq!(listener.at.to_string(), "35");
        *book.now.lock().unwrap() = 40;
        assert!(listener.next().await.is_some());
        assert_eq!(listener.at.to_string(), "40");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_a_key_no_longer_is_told_nothing_more() {
        let (mut listener, ring, _end) = keyed_listener(&book(0, 35), 5);
        assert!(listener.next().await.is_some());
        ring.replace(keys("another-horse-battery"));
        assert!(listener.next().await.is_none());
        assert_eq!(listener.at.to_string(), "10");
    }

    #[tokio::test(start_paused = true)]
    async fn listening_in_silence_ends_with_the_key_as_well() {
        let (listener, ring, _end) = keyed_listener(&book(0, 35), 35);
        let listening = tokio::spawn(told(listener));
        tokio::time::sleep(ALIVE_EVERY / 2).await;
        ring.replace(keys("another-horse-battery"));
        assert_eq!(listening.await.unwrap(), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn listening_ends_with_the_process() {
        let (listener, end) = listener(&book(0, 35), 35, true);
        let listening = tokio::spawn(told(listener));
        tokio::task::yield_now().await;
        end.send_replace(true);
        assert_eq!(listening.await.unwrap(), [""; 0]);
    }
}
