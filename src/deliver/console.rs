//! delivery → standard output. On a thread of its own: a terminal that is held (Ctrl-S) or a slow pipe delays no other lane.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use tokio::sync::mpsc::error::TrySendError;

use super::lane::is_notice;
use super::{Common, LaneEvent};
use crate::model::delivery::{Delivery, Form, Outcome, Receipt, Report, Suppression};
use crate::model::limits::LANE_QUEUE;
use crate::model::message::{Body, ConsoleBody, Role};

/// Why deliveries are dead once the reader has gone.
pub const CLOSED: &str = "standard output is closed";

/// Between two looks whether the app has read what was told.
const REPORT_AGAIN: Duration = Duration::from_millis(5);

/// The lane of every `console` action. Dropping it lets the writer end when it has written all.
pub struct Console {
    shared: Arc<Shared>,
}

struct Shared {
    common: Common,
    /// Held for moments only, never while something is written.
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Delivery>,
    /// The writer has it.
    writing: Option<Delivery>,
    closed: bool,
    /// Nobody waits for the writer any more; all it had is reported.
    abandoned: bool,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

/// Opens the lane. The second half is the writer's work: the app gives it a thread.
pub fn open(out: Box<dyn Write + Send>, common: &Common) -> (Console, impl FnOnce() + Send + 'static) {
    let shared = Arc::new(Shared { common: common.clone(), state: Mutex::default(), changed: Condvar::new() });
    (Console { shared: Arc::clone(&shared) }, move || write_all(&shared, out))
}

impl Console {
    /// Puts a delivery on its way, a notice of birdcall's own before all else that waits; never waits. When the queue is full the delivery is
    /// dropped, and the report returned; notices have as much room again.
    #[must_use = "the report is the end of a delivery and must be counted"]
    pub fn offer(&self, delivery: Delivery) -> Option<Report> {
        let mut state = self.shared.state();
        let (at, most) = match is_notice(&delivery) {
            true => (state.queue.iter().take_while(|waiting| is_notice(waiting)).count(), 2 * LANE_QUEUE),
            false => (state.queue.len(), LANE_QUEUE),
        };
        let outcome = if state.closed {
            Outcome::Abandoned
        } else if state.queue.len() >= most {
            Outcome::Suppressed { reason: Suppression::Overflow }
        } else {
            state.queue.insert(at, delivery);
            drop(state);
            self.shared.changed.notify_one();
            return None;
        };
        Some(report(&delivery, outcome, Duration::ZERO))
    }

    /// Deliveries that have not come to an end: queued, and the one in the writer's hands.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let state = self.shared.state();
        state.queue.len() + usize::from(state.writing.is_some())
    }

    /// Takes nothing more; the writer ends when all that was taken is written.
    pub fn close(&self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_one();
    }

    /// Closes, and gives up what is not written yet, the message in the writer's hands included: nobody can call back a thread that is
    /// stuck in a terminal or a pipe. Returns the reports; the writer makes none any more.
    #[must_use = "the reports are the ends of deliveries and must be counted"]
    pub fn abandon(&self) -> Vec<Report> {
        let mut state = self.shared.state();
        (state.closed, state.abandoned) = (true, true);
        let left: Vec<Delivery> = state.writing.take().into_iter().chain(std::mem::take(&mut state.queue)).collect();
        drop(state);
        self.shared.changed.notify_one();
        left.iter().map(|delivery| report(delivery, Outcome::Abandoned, self.shared.took(delivery))).collect()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn took(&self, delivery: &Delivery) -> Duration {
        self.common.clock.now().since(delivery.firing.at)
    }

    /// The next delivery, once there is one; `None` when no more will come.
    fn next(&self) -> Option<Delivery> {
        let idle = |state: &mut State| state.queue.is_empty() && !state.closed;
        let mut state = self.changed.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        state.writing = state.queue.pop_front();
        state.writing.clone()
    }

    /// Reports what the writer has in its hands, unless that was abandoned meanwhile.
    fn end(&self, outcome: Outcome) {
        let mut state = self.state();
        let Some(delivery) = state.writing.clone() else { return };
        let mut event = LaneEvent::Ended(report(&delivery, outcome, self.took(&delivery)));
        // Under the lock, so that it is reported either here or as abandoned.
        while !state.abandoned {
            match self.common.events.try_send(event) {
                // Nobody counts any more once the app has gone.
                Ok(()) | Err(TrySendError::Closed(_)) => break,
                Err(TrySendError::Full(back)) => event = back,
            }
            state = self.changed.wait_timeout(state, REPORT_AGAIN).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.writing = None;
    }
}

fn report(delivery: &Delivery, outcome: Outcome, took: Duration) -> Report {
    let attempts = u32::from(matches!(outcome, Outcome::Delivered { .. }));
    Report { firing: delivery.firing.clone(), action: delivery.action, outcome, attempts, took }
}

fn write_all(shared: &Shared, mut out: Box<dyn Write + Send>) {
    let mut is_open = true;
    while let Some(delivery) = shared.next() {
        let outcome = match delivery.body.as_ref() {
            _ if !is_open => Outcome::Dead { reason: CLOSED.to_owned() },
            _ if shared.common.clock.now() >= delivery.expires_at => Outcome::Expired,
            Body::Console(body) => print(&mut out, body, &mut is_open),
            _ => Outcome::Dead { reason: "the message is not one for console".to_owned() },
        };
        shared.end(outcome);
    }
}

fn print(out: &mut dyn Write, body: &ConsoleBody, is_open: &mut bool) -> Outcome {
    let written = write(out, body);
    match (Receipt::of_write(&written), written) {
        (Some(receipt), _) => Outcome::Delivered { receipt, form: Form::Message },
        (None, Err(error)) if error.kind() == ErrorKind::BrokenPipe => {
            *is_open = false;
            Outcome::Dead { reason: CLOSED.to_owned() }
        }
        (None, written) => Outcome::Dead { reason: format!("standard output: {written:?}") },
    }
}

/// One message and an empty line after it, in one write, so that no other output falls into it.
fn write(out: &mut dyn Write, body: &ConsoleBody) -> std::io::Result<()> {
    let mut text = Vec::new();
    for (role, piece) in &body.pieces {
        let style = style(*role);
        // A style must not run over a line's end, as pagers and `grep` show one line at a time; nor lie under spaces.
        for (at, line) in piece.split('\n').enumerate() {
            let words = line.trim();
            let (before, after) = line.split_once(words).unwrap_or((line, ""));
            let gap = if at == 0 { "" } else { "\n" };
            if words.is_empty() {
                write!(text, "{gap}{line}")?;
            } else {
                write!(text, "{gap}{before}{style}{words}{style:#}{after}")?;
            }
        }
    }
    text.extend_from_slice(if text.ends_with(b"\n") { b"\n" } else { b"\n\n" });
    out.write_all(&text)?;
    out.flush()
}

fn style(role: Role) -> Style {
    match role {
        Role::Title => AnsiColor::Yellow.on_default().bold(),
        Role::Author => AnsiColor::Cyan.on_default(),
        Role::Quoted => Style::new(),
        Role::Link => AnsiColor::Blue.on_default().underline(),
        Role::Fact => AnsiColor::Green.on_default(),
        Role::Plain => Style::new().dimmed(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::clock::Clock;
    use crate::deliver::{Granted, Switch};
    use crate::model::firing::FiringBrief;
    use crate::model::ids::FiringId;
    use crate::model::time::Timestamp;
    use crate::rules::ruleset::NOTICES;

    fn common() -> (Common, mpsc::Receiver<LaneEvent>) {
        let tls = crate::tls::client_config_trusting(Arc::new(rustls::RootCertStore::empty()), &[]).unwrap();
        let (events, told) = mpsc::channel(16);
        (Common { tls, clock: Clock::system(), events, switch: Switch::new(true), intents: Arc::new(Granted) }, told)
    }

    fn delivery(rule: &str, body: Body) -> Delivery {
        let (id, at) = (FiringId::of(rule, "1", ""), Timestamp::from_millis(0));
        let firing = Arc::new(FiringBrief { id, rule: rule.into(), subject: "tweet:1".to_owned(), at, late: false });
        let expires_at = Timestamp::from_millis(i64::MAX);
        Delivery { firing, action: 0, expires_at, body: Arc::new(body), fallback: None, line: None, edits: false }
    }

    fn printed(text: &str) -> Body {
        Body::Console(ConsoleBody { pieces: vec![(Role::Quoted, text.to_owned())] })
    }

    #[test]
    fn a_message_of_another_kind_is_dead_and_not_delivered_as_nothing() {
        let (common, mut told) = common();
        let (console, write) = open(Box::new(std::io::sink()), &common);
        assert!(console.offer(delivery("gm", Body::Telegram(Box::default()))).is_none());
        assert!(console.offer(delivery("gm", printed("hello"))).is_none());
        console.close();
        write();
        let mut outcome = || match told.try_recv() {
            Ok(LaneEvent::Ended(report)) => (report.outcome, report.attempts),
            other => panic!("{other:?}"),
        };
        let (dead, attempts) = outcome();
        assert_eq!((dead, attempts), (Outcome::Dead { reason: "the message is not one for console".to_owned() }, 0));
        assert_eq!(outcome().0.name(), "delivered");
    }

    #[test]
    fn a_notice_is_printed_before_what_waits_and_has_room_when_alerts_have_none() {
        let (common, _told) = common();
        let (console, _write) = open(Box::new(std::io::sink()), &common);
        assert!((0..LANE_QUEUE).all(|_| console.offer(delivery("gm", printed("x"))).is_none()));
        assert!(console.offer(delivery("gm", printed("x"))).is_some());
        assert!(console.offer(delivery(NOTICES, printed("n"))).is_none());
        assert_eq!(&*console.shared.next().unwrap().firing.rule, NOTICES);
        assert!((0..2 * LANE_QUEUE).any(|_| console.offer(delivery(NOTICES, printed("n"))).is_some()), "there is an end to it");
    }
}
