//! What every stand-in keeps: what it accepted, what it had to reject, and what the test told it to say next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::http::{Manner, Received, Reply, Server};

/// A stand-in that runs until it is dropped.
pub(crate) struct StandIn {
    pub(crate) server: Server,
    book: Arc<Mutex<Book>>,
    url: String,
}

/// The state of a stand-in.
#[derive(Default)]
pub(crate) struct Book {
    messages: Vec<Value>,
    /// Edits that were accepted: which message, counted from one, and what was said.
    edits: Vec<(usize, Value)>,
    violations: Vec<String>,
    throttled: usize,
    script: VecDeque<Said>,
    windows: Vec<Window>,
}

/// What a test wants said next.
enum Said {
    Reply(Reply),
    /// What the rules say, so much later.
    Late(Duration),
}

struct Window {
    count: usize,
    per: Duration,
    seen: VecDeque<Instant>,
}

impl StandIn {
    /// Answers with what the script says, if anything, else by `rules`.
    pub(crate) async fn start(
        path: &str,
        windows: &[(usize, Duration)],
        rules: impl Fn(&Received, &mut Book) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let windows = windows.iter().map(|(count, per)| Window { count: *count, per: *per, seen: VecDeque::new() }).collect();
        let book = Arc::new(Mutex::new(Book { windows, ..Book::default() }));
        let handler_book = Arc::clone(&book);
        let server = Server::start(move |request| {
            let mut book = handler_book.lock().unwrap();
            match book.script.pop_front() {
                Some(Said::Reply(reply)) => reply,
                Some(Said::Late(pause)) => Reply { manner: Manner::Late(pause), ..rules(request, &mut book) },
                None => rules(request, &mut book),
            }
        })
        .await;
        let url = format!("{}{path}", server.url());
        Self { server, book, url }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// Where an action is to point: with the credential, where that is part of the URL.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.server.received()
    }

    /// The bodies that were accepted, in order.
    pub(crate) fn messages(&self) -> Vec<Value> {
        self.book().messages.clone()
    }

    /// The edits that were accepted, in order: which message, counted from one, and its body.
    pub(crate) fn edits(&self) -> Vec<(usize, Value)> {
        self.book().edits.clone()
    }

    /// What a message says by now, counted from one.
    pub(crate) fn reads(&self, message: usize) -> Value {
        self.book().reads(message).expect("a message")
    }

    /// What we sent that the platform would not have taken, in words.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.book().violations.clone()
    }

    /// How often we were too fast.
    pub(crate) fn throttled(&self) -> usize {
        self.book().throttled
    }

    /// The next answers, whatever the request.
    pub(crate) fn say_next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.book().script.extend(replies.into_iter().map(Said::Reply));
    }

    /// Forgets what it was to say next.
    pub(crate) fn say_nothing_more(&self) {
        self.book().script.clear();
    }

    /// The next answer is what it would be, so much later.
    pub(crate) fn late_next(&self, pause: Duration) {
        self.book().script.push_back(Said::Late(pause));
    }
}

impl Book {
    pub(crate) fn accept(&mut self, message: Value) {
        self.messages.push(message);
    }

    /// What a message says by now, counted from one.
    pub(crate) fn reads(&self, message: usize) -> Option<Value> {
        let edited = self.edits.iter().rev().find(|(of, _)| *of == message).map(|(_, body)| body);
        edited.or_else(|| self.messages.get(message.checked_sub(1)?)).cloned()
    }

    pub(crate) fn edit(&mut self, message: usize, body: Value) {
        self.edits.push((message, body));
    }

    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    pub(crate) fn count(&self) -> usize {
        self.messages.len()
    }

    /// How long until the windows let this request through; it counts only if that is now.
    pub(crate) fn too_fast(&mut self, now: Instant) -> Option<Duration> {
        let mut wait = Duration::ZERO;
        for window in &mut self.windows {
            while window.seen.front().is_some_and(|seen| *seen + window.per <= now) {
                window.seen.pop_front();
            }
            if let Some(oldest) = window.seen.front().filter(|_| window.seen.len() >= window.count) {
                wait = wait.max(*oldest + window.per - now);
            }
        }
        if wait.is_zero() {
            self.windows.iter_mut().for_each(|window| window.seen.push_back(now));
            return None;
        }
        self.throttled += 1;
        Some(wait)
    }

    /// Of the first window: its count, what is left of it, and when its oldest leaves.
    pub(crate) fn bucket(&self, now: Instant) -> Option<(usize, usize, Duration)> {
        let window = self.windows.first()?;
        let reset = window.seen.front().map_or(Duration::ZERO, |seen| (*seen + window.per).saturating_duration_since(now));
        Some((window.count, window.count.saturating_sub(window.seen.len()), reset))
    }
}

/// Collects what is wrong with a JSON object.
pub(crate) struct Check {
    pub(crate) wrong: Vec<(String, String)>,
}

impl Check {
    pub(crate) fn new() -> Self {
        Self { wrong: Vec::new() }
    }

    pub(crate) fn fail(&mut self, path: &str, what: impl Into<String>) {
        self.wrong.push((path.to_owned(), what.into()));
    }

    pub(crate) fn keys(&mut self, path: &str, value: &Value, known: &[&str]) {
        let Some(object) = value.as_object() else { return self.fail(path, "must be an object") };
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.fail(path, format!("unknown key {key}"));
        }
    }

    /// A string of `from` to `to` code points, if it is there.
    pub(crate) fn text(&mut self, path: &str, value: &Value, from: usize, to: usize) -> usize {
        if value.is_null() {
            return 0;
        }
        let Some(text) = value.as_str() else {
            self.fail(path, "must be a string");
            return 0;
        };
        let length = text.trim().chars().count();
        if length < from || length > to {
            self.fail(path, format!("must be {from} to {to} in length, is {length}"));
        }
        length
    }

    pub(crate) fn url(&mut self, path: &str, value: &Value, to: usize) {
        self.text(path, value, 1, to);
        if value.as_str().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            self.fail(path, "is not a web URL");
        }
    }

    pub(crate) fn list<'a>(&mut self, path: &str, value: &'a Value, most: usize) -> &'a [Value] {
        let list = match value {
            Value::Null => &[],
            Value::Array(list) => list.as_slice(),
            _ => {
                self.fail(path, "must be a list");
                &[]
            }
        };
        if list.len() > most {
            self.fail(path, format!("at most {most}, has {}", list.len()));
        }
        list
    }
}
