//! Orders go or do not: by hand, or because something is wrong.

use std::future::Future;
use std::pin::Pin;

use tracing::{error, warn};

use super::Dispatch;
use crate::app::notices::Notice;
use crate::app::running::is_kept;
use crate::journal::Journal;
use crate::model::limits::FEED_LAG;
use crate::model::time::Timestamp;

/// Whether the journal has what was said of orders.
pub(in crate::app) type Keeping = Pin<Box<dyn Future<Output = bool> + Send>>;

const FORGETS: &str =
    "The journal cannot record at the moment that orders are stopped: until it can, a restart would let them go again";

/// What a lag does to alerts.
const EXPIRES: &str = "What is older than its max_age is recorded as expired and not sent.";

fn keeping(journal: Journal) -> Keeping {
    Box::pin(async move { is_kept(&journal).await })
}

/// What it is known by that an action has had its messages of a day.
pub(in crate::app) fn quota_key(action: &str) -> String {
    format!("max_per_day:{action}")
}

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
            key: quota_key(&name),
            about: None,
            title: format!("{name} has had its {most} messages of today"),
            text: "max_per_day is reached: what comes until midnight UTC is suppressed, recorded and counted.".to_owned(),
        });
    }

    /// Stops orders because something is wrong, and says so.
    pub(in crate::app) fn disarm_by_itself(&mut self, why: &str) {
        if self.orders_go() { self.stop_orders(why, "") } else { warn!("{why}") }
    }

    /// `more`: what else is said of it.
    fn stop_orders(&mut self, why: &str, more: &str) {
        error!("orders are stopped: {why}");
        self.set_switch(false, why);
        // The notice does not wait for the disk, which may be the trouble; what comes of that is told when it is known.
        let degraded = self.journal.as_ref().and_then(|journal| journal.health().degraded);
        let forgets = degraded.map_or_else(String::new, |why| format!(". {FORGETS} ({why})"));
        self.tell(&Notice {
            key: format!("disarmed:{}", self.clock.now().as_millis()),
            about: None,
            title: "Orders are stopped".to_owned(),
            text: format!("{why}. No order is sent until somebody says: birdcall arm{forgets}{more}"),
        });
        if forgets.is_empty() {
            self.keeping = self.journal.clone().map(keeping);
        }
    }

    /// The journal has said whether it has that orders were stopped.
    pub(in crate::app) fn kept(&mut self, kept: bool) {
        self.keeping = None;
        if kept || self.switch.is_armed() {
            return;
        }
        error!("{FORGETS}");
        self.tell(&Notice {
            key: format!("unkept:{}", self.clock.now().as_millis()),
            about: None,
            title: "Orders are stopped only as long as birdcall runs".to_owned(),
            text: FORGETS.to_owned(),
        });
    }

    /// The feed's time and this machine's are apart. People are told if it makes alerts too old to be sent, whether there are orders to stop
    /// or not.
    pub(in crate::app) fn times_differ(&mut self, why: &str) {
        let lags = self.safety.lag().is_some_and(|lag| u128::from(lag.max(0).unsigned_abs()) > FEED_LAG.as_millis());
        match (self.orders_go(), lags) {
            (true, true) => return self.stop_orders(why, &format!(". Alerts come late, too. {EXPIRES}")),
            (true, false) => return self.stop_orders(why, ""),
            (false, _) => {}
        }
        warn!("{why}");
        if !lags {
            return;
        }
        self.tell(&Notice {
            key: "lag".to_owned(),
            about: None,
            title: "Alerts come late".to_owned(),
            text: format!("{why}. {EXPIRES}"),
        });
    }

    /// There are some, and they are not stopped.
    fn orders_go(&self) -> bool {
        self.switch.is_armed() && self.has_orders()
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
