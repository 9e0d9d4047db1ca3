//! Orders go or do not: by hand, or because something is wrong.

use tracing::{error, warn};

use super::Dispatch;
use crate::app::notices::Notice;
use crate::model::time::Timestamp;

/// Since when and why orders go or not.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct Orders {
    pub(in crate::app) why: Option<String>,
    pub(in crate::app) since: Option<Timestamp>,
}

impl Dispatch {
    pub(super) fn quota_used(&mut self, action: usize, most: u32) {
        let name = self.name(action);
        if self.is_trading(action) {
            return self.disarm_by_itself(&format!("{name} has had its {most} orders of today (max_per_day)"));
        }
        self.tell(&Notice {
            key: format!("max_per_day:{name}"),
            about: None,
            title: format!("{name} has had its {most} messages of today"),
            text: "max_per_day is reached: what comes until midnight UTC is suppressed, recorded and counted.".to_owned(),
        });
    }

    /// Stops orders because something is wrong, and says so.
    pub(in crate::app) fn disarm_by_itself(&mut self, why: &str) {
        if !self.has_orders() || !self.switch.is_armed() {
            warn!("{why}");
            return;
        }
        error!("orders are stopped: {why}");
        self.set_switch(false, why);
        self.tell(&Notice {
            key: format!("disarmed:{}", self.clock.now().as_millis()),
            about: None,
            title: "Orders are stopped".to_owned(),
            text: format!("{why}. No order is sent until somebody says: birdcall arm"),
        });
    }

    fn has_orders(&self) -> bool {
        self.rules.actions.iter().any(|action| action.trading)
    }

    /// Arms or disarms, now and for later runs. Says how it was before.
    pub(in crate::app) fn set_switch(&mut self, armed: bool, why: &str) -> bool {
        let (before, now) = (self.switch.is_armed(), self.clock.now());
        self.switch.set(armed);
        if armed {
            self.safety.rearm();
        }
        self.orders = Orders { why: Some(why.to_owned()), since: Some(now) };
        if let Some(journal) = &self.journal {
            journal.set_switch(armed, why, now);
        }
        before
    }
}
