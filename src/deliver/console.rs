//! delivery → standard output. On a thread of its own: a terminal that is held (Ctrl-S) or a slow pipe delays no other lane.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::Common;
use crate::model::delivery::{Delivery, Outcome, Report};
use crate::model::limits::LANE_QUEUE;
use crate::model::message::{Body, Role};

/// The lane of every `console` action. Dropping it lets the writer end when it has written all.
#[derive(Debug)]
pub struct Console {
    queue: SyncSender<Delivery>,
}

/// Opens the lane. The second half is the writer's work: the app gives it a thread.
pub fn open(out: Box<dyn Write + Send>, common: &Common) -> (Console, impl FnOnce() + Send + 'static) {
    let (queue, deliveries) = sync_channel(LANE_QUEUE);
    let common = common.clone();
    (Console { queue }, move || write_all(&deliveries, out, &common))
}

impl Console {
    /// Puts a delivery on its way; never waits. When the queue is full the delivery is dropped, and the report returned.
    #[must_use = "the report is the end of a delivery and must be counted"]
    pub fn offer(&self, delivery: Delivery) -> Option<Report> {
        let (delivery, outcome) = match self.queue.try_send(delivery) {
            Ok(()) => return None,
            Err(TrySendError::Full(delivery)) => (delivery, Outcome::Dropped),
            Err(TrySendError::Disconnected(delivery)) => (delivery, Outcome::Abandoned),
        };
        Some(report(&delivery, outcome, Duration::ZERO))
    }
}

fn report(delivery: &Delivery, outcome: Outcome, took: Duration) -> Report {
    let attempts = u32::from(matches!(outcome, Outcome::Delivered { .. }));
    Report { firing: delivery.firing.clone(), action: delivery.action, outcome, attempts, took }
}

fn write_all(deliveries: &Receiver<Delivery>, mut out: Box<dyn Write + Send>, common: &Common) {
    while let Ok(delivery) = deliveries.recv() {
        let now = common.clock.now();
        let outcome = if now >= delivery.expires_at {
            Outcome::Expired
        } else {
            match write(&mut out, &delivery.body) {
                Ok(()) => Outcome::Delivered { receipt: None, fallback: false },
                Err(error) => Outcome::Dead { reason: format!("standard output: {error}") },
            }
        };
        let took = common.clock.now().since(delivery.firing.at);
        // Nobody counts any more once the app has gone.
        let _ = common.reports.blocking_send(report(&delivery, outcome, took));
    }
}

/// One message and an empty line after it, in one write, so that no other output falls into it.
fn write(out: &mut dyn Write, body: &Body) -> std::io::Result<()> {
    let Body::Console(body) = body else { return Ok(()) };
    let mut text = Vec::new();
    for (role, piece) in &body.pieces {
        let style = style(*role);
        // A style must not run over a line's end: pagers and `grep` show one line at a time.
        for (at, line) in piece.split('\n').enumerate() {
            let gap = if at == 0 { "" } else { "\n" };
            if line.is_empty() {
                write!(text, "{gap}")?;
            } else {
                write!(text, "{gap}{style}{line}{style:#}")?;
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
