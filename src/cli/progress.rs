//! How far a long piece of work is, on one line of standard error that is drawn again and again; nothing unless that is a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use super::moments::span;
use crate::clock::Clock;
use crate::rules::template::words;

/// Between two drawings.
const EVERY: Duration = Duration::from_millis(200);
/// Nothing is drawn of what is over sooner.
const PATIENCE: Duration = Duration::from_millis(500);
/// Cells of the bar.
const BAR: usize = 24;

/// One piece of work.
pub(super) struct Progress {
    clock: Clock,
    is_shown: bool,
    drawn_at: Option<Duration>,
}

impl Progress {
    /// Begins.
    pub(super) fn new() -> Self {
        Self { clock: Clock::system(), is_shown: std::io::stderr().is_terminal(), drawn_at: None }
    }

    /// How long it has taken so far.
    pub(super) fn took(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Draws it anew if that is due: so much of all is done, if that is known, and so many of these; `more` is said behind.
    pub(super) fn at(&mut self, share: Option<f64>, number: u64, of: &str, more: &str) {
        let took = self.clock.elapsed();
        if !self.is_shown || took < PATIENCE || self.drawn_at.is_some_and(|drawn| took < drawn + EVERY) {
            return;
        }
        self.drawn_at = Some(took);
        let line = line(share, number, of, more, took);
        // A terminal that is gone needs no progress.
        let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
    }

    /// Removes what was drawn.
    pub(super) fn clear(&mut self) {
        if self.drawn_at.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shown, not reckoned with"
)]
fn line(share: Option<f64>, number: u64, of: &str, more: &str, took: Duration) -> String {
    let rate = number as f64 / took.as_secs_f64().max(0.001);
    let behind = if more.is_empty() { String::new() } else { format!(", {more}") };
    let said = format!("{} {of}, {}/s{behind}", grouped(number), grouped(rate as u64));
    let Some(share) = share.filter(|share| share.is_finite()).map(|share| share.clamp(0.0, 1.0)) else { return said };
    let full = (share * BAR as f64) as usize;
    let bar: String = (0..BAR).map(|cell| if cell < full { '█' } else { '░' }).collect();
    let left = if share > 0.005 {
        let left = took.as_secs_f64() * (1.0 - share) / share;
        format!(", {} left", span(Duration::from_secs(left.ceil() as u64)))
    } else {
        String::new()
    };
    format!("{bar} {:3.0} %  {said}{left}", share * 100.0)
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    words::grouped(&number.to_string())
}

/// `1 firing`, `1,234 firings`.
pub(super) fn number_of(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long_still() {
        let line = line(Some(0.25), 1_500_000, "entries", "12 firings", Duration::from_secs(10));
        assert_eq!(line, "██████░░░░░░░░░░░░░░░░░░  25 %  1,500,000 entries, 150,000/s, 12 firings, 30 s left");
        assert_eq!(super::line(None, 20, "entries", "", Duration::from_secs(10)), "20 entries, 2/s");
        assert_eq!(super::line(Some(f64::NAN), 0, "entries", "", Duration::ZERO), "0 entries, 0/s");
    }
}
