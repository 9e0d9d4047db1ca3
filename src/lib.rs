//! birdcall: a live feed of tweets in, alerts and orders out.
//!
//! ```text
//!  feed ──> decode ──> join ──> match ──> suppress ──> deliver ──> Discord, Telegram, Slack, webhook, console
//!    │        (envelope)  (subject)  (rule)    (firing)     (lane)
//! ```
//!
//! | module | does | may import |
//! |---|---|---|
//! | [`model`] | the words: envelope, subject, firing, delivery, outcome, limits, time, secrets | – |
//! | [`decode`] | bytes → envelope | model |
//! | [`join`] | envelope → subject: content, updates and meta in any order, twice or never | model |
//! | [`rules`] | text of rules.toml → checked rule set, or every mistake in it | model |
//! | [`matching`] | subject × rule set → matches | the above |
//! | [`window`] | matches → what is true over time | the above |
//! | [`suppress`] | match → firing, or its reason not to | the above |
//! | [`render`] | firing → message | the above |
//! | [`engine`] | (now, input) → effects: all of the above in one pure state machine | the above |
//! | [`replay`] | entries of the past through the engine: what would have fired, and the summary of it | the above |
//! | [`rule_test`] | tests of rules: stories through the engine, and what was expected of them | the above |
//! | [`priority`] | which threads go first where processors are few | – |
//! | [`clock`], [`secrets`], [`tls`], [`telemetry`] | what the shell stands on: time, credentials, trust, the log | model |
//! | [`feed`] | TweetStream live, its history API, recordings, and a simulator of the first two | the above |
//! | [`deliver`] | lanes: pace, retry, classify; one folder of destinations, all of one shape | the above, not `feed` |
//! | [`journal`] | what must survive: entries, firings, deliveries, cursors, modes (SQLite) | the above, not `feed` or `deliver` |
//! | [`control`] | the socket of a running instance: status, arm and disarm, deliveries | the above, not `feed`, `deliver` or `journal` |
//! | [`app`] | the wiring; the only place that spawns (but for the log's thread, the journal's copying and the simulator's connections) | all of the above |
//! | [`cli`] | arguments → command → exit code; one file per subcommand | all of the above |
//!
//! The first ten are pure: no tokio, sockets, files, clock or randomness; `now` is an argument. `tests/layers.rs` holds all this.
//!
//! Where the code goes another way than its design: a webhook's lane *starts* its requests in order but has several under way, so that one
//! slow answer does not make the next order late; a chat's lane has one.

// The words.
pub mod model;

// Pure, in the order of the flow.
pub mod decode;

pub mod join;

pub mod rules;

pub mod matching;

pub mod window;

pub mod suppress;

pub mod render;

pub mod engine;

pub mod replay;
pub mod rule_test;

// What the shell stands on.
pub mod priority;

pub mod clock;
pub mod secrets;
pub mod telemetry;
pub mod tls;

// The shell: the feed in, the lanes out, and what ties them together.
pub mod feed;

pub mod deliver;

pub mod journal;

pub mod control;

pub mod app;

pub mod cli;
