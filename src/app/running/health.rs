//! Whether all is well, looked at each second and each minute: how long the feed says nothing, what the journal says of itself, and whether the
//! counts agree.

use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::Running;
use crate::app::dispatch::Verdict;
use crate::app::notices::Notice;
use crate::app::quiet::{self, Pause};
use crate::app::safety::written;
use crate::deliver::LaneEvent;
use crate::model::status::FeedState;

impl Running {
    /// One second has passed. `heard_ago`: when the feed was last heard.
    pub(in crate::app) fn second(&mut self, heard_ago: Option<Duration>) {
        self.backlog.leave_room(self.dispatch.journal.as_ref());
        self.dispatch.safety.feed_clock.compare(self.clock.now(), self.clock.wall());
        if self.watch.state == FeedState::Connected {
            self.heard(heard_ago);
        }
        self.give_back();
        self.look_at_mutes();
        self.look_at_journal();
        if let Some(pause) = self.watch.quiet.look(self.clock.now()) {
            self.gone_quiet(pause);
        }
    }

    /// The connection lives, and brings nothing.
    fn gone_quiet(&mut self, pause: Pause) {
        let usual = pause.usual.map(written);
        warn!(lasts = written(pause.lasts), usual, "the feed is connected and brings no tweets");
        self.dispatch.tell(&quiet::gone(pause));
    }

    /// It brings something again, which was told of.
    pub(super) fn heard_again(&mut self, pause: Duration) {
        info!(lasted = written(pause), "the feed brings tweets again");
        self.dispatch.tell(&quiet::over(pause));
    }

    /// Tells people when the journal cannot record, and when it can again.
    fn look_at_journal(&mut self) {
        let Some(health) = self.dispatch.journal.as_ref().map(crate::journal::Journal::health) else { return };
        match (&self.degraded, &health.degraded) {
            (None, Some(why)) => {
                error!("the journal cannot record: {why}");
                self.dispatch.tell(&Notice {
                    key: "journal".to_owned(),
                    about: None,
                    title: "The journal cannot record".to_owned(),
                    text: format!("{why}. Alerts go on; orders are refused until it can."),
                });
            }
            (Some(_), None) => info!("the journal records again"),
            _ => {}
        }
        self.degraded = health.degraded;
        match (std::mem::replace(&mut self.behind, health.behind.is_some()), health.behind) {
            (false, Some(why)) => warn!("the journal records, but {why}"),
            (true, None) => info!("the journal's log could be emptied again"),
            _ => {}
        }
        if health.repaired.is_some() && self.repaired != health.repaired {
            let text = health.repaired.clone().unwrap_or_default();
            self.repaired = health.repaired;
            warn!("{text}");
            self.dispatch.tell(&Notice {
                key: "repaired".to_owned(),
                about: None,
                title: "The journal was damaged".to_owned(),
                text,
            });
        }
    }

    /// Holds what the ledger says is pending against what the lanes have. What differs may be on its way from there to here; it is a fault
    /// when the next look finds the very same.
    pub(in crate::app) fn audit(&mut self, events: &mut mpsc::Receiver<LaneEvent>) {
        let waiting = self.dispatch.settled(events);
        let found = self.dispatch.audit(&waiting).err();
        match self.suspicion.look(found) {
            Verdict::Fine => self.agree = true,
            Verdict::Suspect => {}
            Verdict::Wrong(why) => {
                error!("the counts do not agree, which is a bug in birdcall: {why}; please report it");
                self.agree = false;
            }
        }
    }

    /// As [`Running::audit`], when the latest look found a difference.
    pub(in crate::app) fn audit_again(&mut self, events: &mut mpsc::Receiver<LaneEvent>) {
        if self.suspicion.is_open() {
            self.audit(events);
        }
    }

    /// Compares what the journal has pending with what the ledger had when it was asked.
    pub(in crate::app) fn compare(&mut self, expected: u64, found: u64) {
        let Some(health) = self.dispatch.journal.as_ref().map(crate::journal::Journal::health) else { return };
        if let Some(should) = self.comparison.look(&health, expected, found) {
            error!(
                "the journal has {found} pending deliveries and {should} should be, which is a bug in birdcall; please report it"
            );
            self.agree = false;
        }
    }
}
