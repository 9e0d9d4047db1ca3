//! (seed, rate, start) → envelopes with the moments at which they are sent, for ever. Pure: the same arguments tell the same story.
//!
//! Scenes are dealt from a shuffled deck, so that every kind of scene comes once in a dozen seconds at the default rate. A scene is played
//! by the [`cast`] and puts its envelopes into a queue: content at once, updates and meta when they would come.

pub mod cast;
mod chain;
mod hostile;
mod lines;
mod scene;
mod stage;
#[cfg(test)]
mod tests;
mod tweets;

use std::time::Duration;

use crate::model::time::Timestamp;
use scene::{DECK, Scene};
use stage::Stage;

/// Envelopes a second, on average, unless somebody asks for another rate.
pub const RATE: f64 = 5.0;

/// An envelope and when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// Its `ts`.
    pub at: Timestamp,
    /// The whole frame.
    pub json: String,
}

/// Traffic that never ends.
#[derive(Debug)]
pub struct Traffic {
    stage: Stage,
    rate: f64,
    deck: Vec<Scene>,
    /// When the next scene begins, in ms; a fraction, so that high rates are kept too.
    curtain: f64,
    head: Scheduled,
}

impl Traffic {
    /// `rate` in envelopes a second; what is not between 0.1 and 100 000 is taken as the nearer of the two.
    #[must_use]
    pub fn new(seed: u64, rate: f64, start: Timestamp) -> Self {
        let rate = if rate.is_finite() { rate.clamp(0.1, 100_000.0) } else { RATE };
        let mut traffic = Self {
            stage: Stage::new(seed),
            rate,
            deck: Vec::new(),
            curtain: millis(start),
            head: Scheduled { at: start, json: String::new() },
        };
        traffic.head = traffic.pull();
        traffic
    }

    /// When the next envelope is sent.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.head.at
    }

    /// The next envelope. They come in the order of their moments.
    pub fn take(&mut self) -> Scheduled {
        let next = self.pull();
        std::mem::replace(&mut self.head, next)
    }

    /// Forgets what was to be sent before `now` and goes on from there.
    pub fn skip_to(&mut self, now: Timestamp) {
        self.stage.clear();
        self.curtain = millis(now);
        self.head = self.pull();
    }

    fn pull(&mut self) -> Scheduled {
        loop {
            // Truncated: an envelope of the millisecond in which the curtain rises may go first.
            let curtain = Timestamp::from_millis(self.curtain as i64);
            if let Some(ready) = self.stage.pop_before(curtain) {
                return ready;
            }
            let before = self.stage.queued();
            let scene = self.draw();
            scene.play(&mut self.stage, curtain);
            let envelopes = self.stage.queued().saturating_sub(before);
            let pause = 1_000.0 * envelopes as f64 / self.rate;
            self.curtain += pause * (0.5 + self.stage.random.f64());
        }
    }

    fn draw(&mut self) -> Scene {
        if self.deck.is_empty() {
            self.deck.extend(DECK);
            self.stage.random.shuffle(&mut self.deck);
        }
        self.deck.pop().unwrap_or(Scene::Chat)
    }
}

fn millis(at: Timestamp) -> f64 {
    at.as_millis() as f64
}

/// A random time of between `from` and `to` ms.
fn between(random: &mut fastrand::Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.u64(from..=to))
}
