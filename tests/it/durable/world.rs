//! The program between a simulated feed, a desk that people read and a bot that takes orders.

use birdcall::feed::simulator::Handle;
use serde_json::Value;

use super::content;
use crate::kit::binary::{Home, Program, wait_until};
use crate::kit::book::StandIn;
use crate::kit::feed::{KEY, Rig};
use crate::kit::{discord, webhook};

/// What [`rules`] match.
pub(super) const LISTING: &str = "Kol will list $ORBL";

pub(super) struct World {
    pub(super) rig: Rig,
    pub(super) desk: StandIn,
    pub(super) bot: StandIn,
}

/// One rule to a desk and a bot, with more lines for `[feed]` and the bot.
pub(super) fn rules(feed: &str, bot: &str) -> String {
    format!(
        r#"
[feed]
key = "env:FEED_KEY"
notices = ["desk"]
{feed}
[actions.desk]
type = "discord"
url = "env:DESK"
rate_limit = "10000/s"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
json = {{ tweet = "{{{{ tweet.id }}}}", at = "{{{{ firing.at_ms }}}}" }}
{bot}
[[rule]]
name = "listing"
send = ["desk", "bot"]
when = {{ handle = "kol", keyword = "will list" }}
"#
    )
}

/// A feed without a history, and a home for the rules of which the bot's `max_age` is a minute; with more lines for the bot.
pub(super) async fn plain(bot: &str) -> (World, Home) {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&rules("", &format!("max_age = \"60s\"\n{bot}")));
    (world, home)
}

impl World {
    pub(super) async fn new(rig: Rig) -> Self {
        Self { rig, desk: discord::start(&[]).await, bot: webhook::start().await }
    }

    pub(super) fn home(&self, rules: &str) -> Home {
        Home::with_rules(rules)
            .env("FEED_KEY", KEY)
            .env("DESK", &self.desk.url())
            .env("BOT", &self.bot.url())
            .env("BOT_SECRET", webhook::SECRET)
    }

    pub(super) fn feed(&self) -> &Handle {
        &self.rig.handle
    }

    /// Starts it and waits until it hears the feed.
    pub(super) fn start(&self, home: &Home) -> Program {
        let mut program = home.start(&["run", "--url", &self.rig.url]);
        program.wait_for("connected to the feed");
        program
    }

    /// A tweet that fires.
    pub(super) fn lists(&self, id: &str) {
        self.feed().send(content(id, LISTING).to_string());
    }

    /// Messages at the desk with these words.
    pub(super) fn said(&self, words: &str) -> usize {
        let bodies = self.desk.messages();
        bodies.iter().filter(|body| body.to_string().contains(words)).count()
    }

    /// Waits until the desk was told this.
    pub(super) fn told(&self, words: &str) {
        wait_until(&format!("the desk is told {words:?}"), || self.said(words) > 0);
    }

    /// Waits until the bot was sent so many orders, whatever it answered. Returns the tweets that they are of.
    pub(super) fn orders(&self, count: usize) -> Vec<String> {
        wait_until(&format!("{count} orders are sent"), || self.bot.received().len() >= count);
        let orders = self.bot.received();
        orders.iter().map(|order| order.json()["tweet"].as_str().unwrap().to_owned()).collect()
    }

    /// Nothing was sent that the destinations would not have taken.
    pub(super) fn is_well(&self) {
        assert_eq!((self.desk.violations(), self.bot.violations()), (vec![], vec![]));
    }
}

/// Waits until the journal has so many deliveries of the rule to `action` in this state. Returns them, the newest first.
pub(super) fn in_state(home: &Home, action: &str, state: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    wait_until(&format!("{count} deliveries to {action} are {state}"), || {
        found = home.deliveries(&["--rule", "listing", "--action", action]);
        found.retain(|row| row["state"] == state);
        found.len() >= count
    });
    assert_eq!(found.len(), count, "{found:#?}");
    found
}

/// Asks it twice to stop, so that it lets go what has not come to its end. Returns what it said.
pub(super) fn stop_at_once(mut program: Program) -> String {
    program.ask_to_stop();
    program.wait_for("stopping");
    stop(program)
}

/// Asks it to stop. Returns what it said.
pub(super) fn stop(mut program: Program) -> String {
    program.ask_to_stop();
    let (code, said) = program.end();
    assert_eq!(code, 0, "{said}");
    said
}
