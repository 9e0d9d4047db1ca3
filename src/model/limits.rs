//! Every bound in the program, in one place, each with its unit and why it is what it is.

use std::time::Duration;

// --- feed ---

/// Bytes of one WebSocket message; longer ones close the connection (the feed's envelopes are some KiB).
pub const MESSAGE_BYTES: usize = 1024 * 1024;
/// Between two pings of ours.
pub const PING_EVERY: Duration = Duration::from_secs(15);
/// Without any frame for this long the connection is dead (PROTOCOL 1.5).
pub const DEAD_AFTER: Duration = Duration::from_secs(45);
/// TCP, TLS and the WebSocket upgrade together.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Data must have flowed for this long before the back-off starts anew (an accept-then-close server must not be hammered).
pub const STABLE_AFTER: Duration = Duration::from_secs(30);

// --- join ---

/// Tweets remembered for joining; the oldest leaves first and is counted.
pub const JOIN_TWEETS: usize = 20_000;
/// Bytes of remembered tweets.
pub const JOIN_BYTES: usize = 64 * 1024 * 1024;
/// Envelopes remembered of one tweet (content, updates, metas); more are counted and ignored.
pub const PARTS_PER_TWEET: usize = 16;
/// Firing ids remembered, so that a duplicate after the tweet itself was forgotten does not fire again.
pub const FIRED_IDS: usize = 200_000;
/// How long rules wait for `meta` when neither the file nor the rule says otherwise.
pub const META_TIMEOUT: Duration = Duration::from_secs(15);

// --- rules ---

/// Bytes of one rules file.
pub const RULES_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Characters of one regex pattern.
pub const REGEX_CHARS: usize = 1_000;
/// Bytes of one compiled regex (RELIABILITY 3: refuses the bombs in under a millisecond).
pub const REGEX_BYTES: usize = 256 * 1024;
/// Nesting of `all`, `any` and `none`.
pub const CONDITION_DEPTH: usize = 32;
/// Diagnostics shown for one run; the rest is a number.
pub const DIAGNOSTICS_SHOWN: usize = 200;

// --- matching ---

/// Bytes of one normalised text that matchers look at; the rest of a longer one is not searched. The longest posts on X have 25,000
/// characters, some 100 KB at most.
pub const TEXT_BYTES: usize = 128 * 1024;
/// Bytes of one raw text that are normalised at all: entities and invisible characters may take most of it.
pub const RAW_TEXT_BYTES: usize = 512 * 1024;
/// Bytes of a token's name or a market's title that matchers look at.
pub const NAME_BYTES: usize = 1024;
/// Tokens, markets, predictions, media, links, mentions kept of one tweet, each.
pub const ELEMENTS: usize = 100;

// --- render ---

/// Bytes of one template's own text; its compiler works recursively.
pub const TEMPLATE_SOURCE_BYTES: usize = 16 * 1024;

/// Bytes that one template may produce before it is cut off.
pub const TEMPLATE_BYTES: usize = 64 * 1024;
/// Steps that one template may take (minijinja's fuel).
pub const TEMPLATE_FUEL: u64 = 50_000;

// --- deliver ---

/// Deliveries waiting in one lane.
pub const LANE_QUEUE: usize = 1_000;
/// Requests of one webhook lane under way at once; chat lanes have one, so that messages stay in order.
pub const WEBHOOK_CONCURRENCY: usize = 64;
/// TCP and TLS towards a destination.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One whole request, answer included, unless the action says otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes read of an answer.
pub const ANSWER_BYTES: usize = 64 * 1024;
/// Characters kept of an answer for people to read.
pub const ANSWER_SHOWN: usize = 200;
/// An action's `max_age` unless it says otherwise (RULES 3).
pub const MAX_AGE: Duration = Duration::from_secs(600);
/// The longest pause that a destination's `Retry-After` can ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// First back-off of a retry; doubles up to `RETRY_MAX`, with full jitter.
pub const RETRY_FIRST: Duration = Duration::from_millis(500);
/// Longest back-off of a retry.
pub const RETRY_MAX: Duration = Duration::from_secs(60);
/// How long a stopping program lets its lanes finish.
pub const DRAIN: Duration = Duration::from_secs(10);
/// An idle connection to a destination is kept for this long, so that the next alert finds it warm.
pub const POOL_IDLE: Duration = Duration::from_secs(300);
/// Between two signs of life on an idle connection, so that one that died silently is noticed before it is needed.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// First pause after a 429 that does not say for how long; doubles up to `RETRY_AFTER_MAX`.
pub const THROTTLED_FIRST: Duration = Duration::from_secs(1);
/// The same for an answer of Discord's edge, which blocks the whole address (DESTINATIONS 3.3).
pub const BLOCKED_FIRST: Duration = Duration::from_secs(60);

// --- log ---

/// Lines of the log that may wait for a reader; more are dropped and counted.
pub const LOG_LINES: usize = 4_096;
/// Standard error or output that takes nothing for so long is held, and a program that ends waits no longer.
pub const LOG_FLUSH: Duration = Duration::from_millis(200);

// --- secrets ---

/// Bytes of a file that holds one secret.
pub const SECRET_BYTES: usize = 64 * 1024;
