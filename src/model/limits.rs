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
/// Bytes of a file that the simulator sends; it holds them all.
pub const RECORDING_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of one line of a recording: a message of the feed, and when it came.
pub const RECORDED_LINE_BYTES: usize = MESSAGE_BYTES + 1024;
/// Bytes that are read of a recording, or written to one, at once.
pub const RECORDING_BUFFER: usize = 128 * 1024;
/// What was received is in the file at the latest so long after: what a `kill -9` can take.
pub const RECORDING_FLUSH: Duration = Duration::from_secs(2);

/// A pause between tweets is not told of before it has lasted so long, however busy the feed is used to be.
pub const QUIET_AFTER: Duration = Duration::from_secs(15 * 60);
/// It is told of when it is so many times the longest pause of the last day.
pub const QUIET_TIMES: u32 = 3;
/// What is usual is known after so long.
pub const QUIET_LISTENED: Duration = Duration::from_secs(3_600);
/// Until then it is told of after so long.
pub const QUIET_UNKNOWN: Duration = Duration::from_secs(3_600);
/// How far back a start looks for what is usual.
pub const QUIET_LOOKS_BACK: Duration = Duration::from_secs(36 * 3_600);

// --- feed: gaps and history ---

/// Asked of the history more than was missed, on both sides: clocks differ, and rows are dated by more than one of them (PROTOCOL 5).
pub const HISTORY_OVERLAP: Duration = Duration::from_secs(120);
/// How far back from a gap's end the history is asked: what is older is of no use to anybody who trades, and costs a request for each window.
pub const HISTORY_REACH: Duration = Duration::from_secs(24 * 3_600);
/// After so long what the feed has sent is in the history, and so is its meta.
pub const HISTORY_SETTLE: Duration = Duration::from_secs(30);
/// Gaps that wait to be filled; of more, the two nearest become one.
pub const GAPS_WAITING: usize = 32;
/// The first window of a backfill; it grows while little comes and is halved when it holds too much.
pub const HISTORY_WINDOW: Duration = Duration::from_secs(15 * 60);
/// The longest window.
pub const HISTORY_WINDOW_MAX: Duration = Duration::from_secs(4 * 3_600);
/// Rows asked for at once: the API's maximum (PROTOCOL 5).
pub const HISTORY_LIMIT: usize = 1_000;
/// Rows held of one window, all types together. They come newest first and are wanted oldest first, so a window is held as a whole: what
/// a program grows by while it fills a gap.
pub const HISTORY_ROWS: usize = 2_000;
/// Bytes held of one window.
pub const HISTORY_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of an answer as it should be: rows are asked for in such numbers.
pub const HISTORY_ANSWER_WANTED: usize = 512 * 1024;
/// Bytes read of one answer, which holds whole rows however long they are. A longer one is asked for in smaller parts.
pub const HISTORY_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// One request to the history API, answer included.
pub const HISTORY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one request of a backfill is tried again and again before the history counts as unreachable.
pub const HISTORY_PATIENCE: Duration = Duration::from_secs(120);
/// Requests of one backfill.
pub const HISTORY_REQUESTS: usize = 5_000;
/// Envelopes handed on at once: the live feed waits while they are evaluated.
pub const HISTORY_PAGE: usize = 64;

// --- join ---

/// Tweets remembered for joining; the oldest leaves first and is counted.
pub const JOIN_TWEETS: usize = 100_000;
/// How long a tweet is remembered after it was first heard of; then it leaves as the next envelope comes.
pub const JOIN_AGE: Duration = Duration::from_secs(86_400);
/// Bytes of remembered tweets.
pub const JOIN_BYTES: usize = 64 * 1024 * 1024;
/// Envelopes remembered of one tweet (content, updates, metas); more are counted and ignored.
pub const PARTS_PER_TWEET: usize = 16;
/// Firing ids remembered, so that a duplicate after the tweet itself was forgotten does not fire again.
pub const FIRED_IDS: usize = 200_000;
/// How long rules wait for `meta` when neither the file nor the rule says otherwise.
pub const META_TIMEOUT: Duration = Duration::from_secs(15);

// --- rules ---

/// Different regexes that have no text to be looked for and are tried on every text together. Rules with others of the kind are looked at one by
/// one: `check` names both.
pub const REGEXES_TRIED: usize = 200;
/// What these may take when they are compiled together. With more, each is tried by itself.
pub const REGEXES_TRIED_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of one rules file.
pub const RULES_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of a file that a list stands in.
pub const LIST_FILE_BYTES: u64 = 1024 * 1024;
/// Values of a file that a list stands in: more accounts than any key tracks.
pub const LIST_FILE_VALUES: usize = 100_000;
/// Characters of one regex pattern.
pub const REGEX_CHARS: usize = 1_000;
/// Bytes of one compiled regex (RELIABILITY 3: refuses the bombs in under a millisecond).
pub const REGEX_BYTES: usize = 256 * 1024;
/// Regexes that are compiled when rules are loaded, if they differ: all of an ordinary file, so that no alert waits for one. Each takes some
/// 20 KB and 100 µs, which of thousands would be nearly all that rules take. Of those beyond, the ones that any text may concern are compiled
/// before the first comes, and the others when a text has the words that they cannot do without: so many regexes as share a word are compiled
/// in front of the first alert that has it.
pub const REGEXES_AT_LOAD: usize = 128;
/// Nesting of `all`, `any` and `none`.
pub const CONDITION_DEPTH: usize = 32;
/// Diagnostics shown for one run; the rest is a number.
pub const DIAGNOSTICS_SHOWN: usize = 200;

// --- windows ---

/// Keys that a window remembers unless the file says otherwise (RULES 4).
pub const WINDOW_KEYS: usize = 20_000;
/// The most that a file may ask for.
pub const WINDOW_KEYS_MAX: usize = 1_000_000;
/// Matches of a rule with a window that are known to have been counted, so that a duplicate is not once more; up to as many before them.
pub const WINDOW_TAKEN: usize = 20_000;
/// The greatest `at_least` of a window: so many members are remembered of each of its keys.
pub const WINDOW_AT_LEAST: u32 = 1_000;
/// Accounts, and contracts, of which it is known what belongs together: the id of a handle, the chain of a contract.
pub const IDENTITIES: usize = 20_000;
/// Steps of a sequence.
pub const WINDOW_STEPS: usize = 8;
/// The longest `within`.
pub const WINDOW_WITHIN_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Firings that have passed a cooldown or a limit and of which it is remembered, so that it can be given back if they expire unsent.
pub const BRAKED_FIRINGS: usize = 10_000;

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

/// Deliveries of one webhook lane that are under way or wait to be tried again; more wait in its queue. Each holds its message, of at most
/// [`TEMPLATE_BYTES`].
pub const WEBHOOK_JOBS: usize = 4 * WEBHOOK_CONCURRENCY;
/// Orders that wait for so long because their destination asks for patience are told of: they may be too old by then.
pub const ORDER_HOLD_TOLD: Duration = Duration::from_secs(60);
/// Deliveries waiting in one lane.
pub const LANE_QUEUE: usize = 1_000;
/// Deliveries after which a digest can be asked for: more would be let go while they wait ([`LANE_QUEUE`]).
pub const DIGEST_COUNT: usize = 500;
/// The longest time that a digest by time is waited for.
pub const DIGEST_EVERY: Duration = Duration::from_secs(7 * 86_400);
/// Bytes of the deliveries that wait in one lane; the oldest leaves first and is counted (RELIABILITY B10: a dead destination costs at most
/// 20 MiB).
pub const LANE_BYTES: usize = 16 * 1024 * 1024;
/// What a lane has to tell and nobody has read yet; more, and it begins no other delivery.
pub const LANE_UNTOLD: usize = 256;
/// Failures in a row after which a destination is only probed.
pub const CIRCUIT_AFTER: u32 = 5;
/// First pause before a probe of a destination in trouble; doubles up to `TROUBLE_PROBE_MAX`.
pub const TROUBLE_PROBE_FIRST: Duration = Duration::from_secs(1);
/// Longest pause before such a probe.
pub const TROUBLE_PROBE_MAX: Duration = Duration::from_secs(30);
/// First pause before a probe of a destination that refuses message after message; doubles up to `REFUSED_PROBE_MAX` (RELIABILITY B8).
pub const REFUSED_PROBE_FIRST: Duration = Duration::from_secs(10);
/// Longest pause before such a probe.
pub const REFUSED_PROBE_MAX: Duration = Duration::from_secs(300);
/// An order waits no longer than this for a destination to be probed.
pub const ORDER_PATIENCE: Duration = Duration::from_secs(1);
/// Requests of one webhook lane under way at once; chat lanes have one, so that messages stay in order.
pub const WEBHOOK_CONCURRENCY: usize = 64;
/// TCP and TLS towards a destination.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One whole request, answer included, unless the action says otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// One destination that is asked whether it can be reached, by `check --connect`.
pub const REACH_TIMEOUT: Duration = Duration::from_secs(10);
/// Destinations that are asked so at once.
pub const REACH_AT_ONCE: usize = 32;
/// Bytes read of what the feed says of an account: some ten thousand handles.
pub const ACCOUNT_ANSWER_BYTES: usize = 1024 * 1024;
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
/// Between two questions for the addresses of a destination's name.
pub const NAMES_REFRESH: Duration = Duration::from_secs(60);
/// Connections of HTTP/1.1 that a webhook's lane holds open while nothing is to be sent: at 40 ms there and back, a burst of eight that finds one
/// open waits five times as long (chats send one after the other and hold one).
pub const WEBHOOK_WARM: usize = 8;
/// Longest pause before a connection is opened again to a destination that closes new ones or cannot be reached; begins at
/// `REOPEN_FIRST` and doubles.
pub const REOPEN_MAX: Duration = Duration::from_secs(60);
/// The first such pause.
pub const REOPEN_FIRST: Duration = Duration::from_secs(1);
/// How long a connection must have lived, or have carried a request, for its end to be nothing unusual: then the next one is opened at once.
/// A destination that ends idle connections sooner is not kept warm by renewing them, as that would never stop; the commonest time-out of
/// servers that have a short one is 5 s.
pub const IDLE_LIFE_MIN: Duration = Duration::from_secs(4);
/// How long it is remembered that a destination ended an idle connection: it may have been for another reason than its age.
pub const IDLE_LIFE_KEPT: Duration = Duration::from_secs(3_600);
/// First pause after a 429 that does not say for how long; doubles up to `RETRY_AFTER_MAX`.
pub const THROTTLED_FIRST: Duration = Duration::from_secs(1);
/// The same for an answer of Discord's edge, which blocks the whole address (DESTINATIONS 3.3).
pub const BLOCKED_FIRST: Duration = Duration::from_secs(60);

// --- restart ---

/// So far back entries are replayed at a start: longer than any rule waits for the rest of a tweet.
pub const REPLAY_REACH: Duration = Duration::from_secs(3_600);
/// Entries replayed at start, the latest: what takes half a second.
pub const REPLAY_ENTRIES: usize = 60_000;
/// The same where rules look further back, with windows, cooldowns or limits: what takes some ten seconds.
pub const REPLAY_ENTRIES_OVER_TIME: usize = 1_500_000;

/// Attempts of earlier runs that are looked at for the rate limits of this one: the newest, more than any platform lets through in its window.
pub const PACE_REACH: usize = 100_000;

// --- notices ---

/// The same occasion is not told again for this long.
pub const NOTICE_AGAIN: Duration = Duration::from_secs(600);
/// How long a notice is worth sending.
pub const NOTICE_MAX_AGE: Duration = Duration::from_secs(3_600);
/// Occasions that are remembered.
pub const NOTICES_KNOWN: usize = 1_000;

// --- orders ---

/// An envelope that is older than this when it comes is late; one that is so far in the future is of another clock.
pub const FEED_LAG: Duration = Duration::from_secs(10);
/// Late envelopes in a row that stop orders.
pub const FEED_LAG_ENVELOPES: u32 = 5;
/// How far the feed's clock may be from ours before what it dates is aged by its own. Orders live for 3 s or so, and much of that would be gone;
/// less cannot be told, as clocks are said in whole seconds.
pub const CLOCK_SKEW: Duration = Duration::from_secs(2);
/// A step of the system's clock against the steady one that stops orders.
pub const CLOCK_JUMP: Duration = Duration::from_secs(2);
/// A program that has not looked at its clock for so long stood still, and was not busy: it looks every second, and nothing that it does in
/// between takes longer than some seconds (all rules on a full memory of tweets, after an outage).
pub const STOOD_STILL: Duration = Duration::from_secs(30);
/// Orders in a row that were tried and not placed, after which no more are tried.
pub const ORDER_ERRORS: u32 = 5;

// --- journal ---

/// How long the journal remembers unless `[journal] max_age` says otherwise.
pub const JOURNAL_AGE: Duration = Duration::from_secs(14 * 86_400);
/// Bytes that the journal may take unless `[journal] max_bytes` says otherwise.
pub const JOURNAL_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// What was told waits at most so long before it is written, while there is traffic.
pub const JOURNAL_POLL: Duration = Duration::from_millis(10);
/// The same for what an order's intent has overtaken.
pub const JOURNAL_POLL_AFTER_ORDER: Duration = Duration::from_millis(1);
/// The same where every commit is forced to the disk, which takes milliseconds: fewer and larger ones leave it free for orders.
pub const JOURNAL_POLL_POWER: Duration = Duration::from_millis(50);
/// Without traffic for so long the writer sleeps, and looks around only so often.
pub const JOURNAL_IDLE_AFTER: Duration = Duration::from_secs(1);
/// An order whose intent is not on disk by then is refused.
pub const JOURNAL_BEGIN: Duration = Duration::from_secs(2);
/// A commit that takes longer than this is trouble, and is said.
pub const JOURNAL_STUCK: Duration = Duration::from_secs(2);
/// After a commit that failed; an order's intent is tried at once all the same.
pub const JOURNAL_RETRY: Duration = Duration::from_millis(500);
/// Between two writes of how far the feed was heard.
pub const JOURNAL_ALIVE: Duration = Duration::from_secs(1);
/// Items of one commit: more would let an order behind them wait.
pub const JOURNAL_BATCH: usize = 512;
/// Items waiting at which unmatched entries and attempts are left out; a second's worth of a flood.
pub const JOURNAL_SHED_ITEMS: usize = 8_192;
/// Bytes waiting at which they are.
pub const JOURNAL_SHED_BYTES: usize = 24 * 1024 * 1024;
/// Items waiting at which whole records are left out: only when the disk has taken nothing for long.
pub const JOURNAL_HELD_ITEMS: usize = 32_768;
/// Bytes waiting at which they are.
pub const JOURNAL_HELD_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of the write-ahead log after which it is copied into the database; less when the journal's cap is small.
pub const JOURNAL_WAL_BYTES: u64 = 8 * 1024 * 1024;
/// A log that is this long, and four times as long as it should be, and cannot be emptied, is said.
pub const JOURNAL_LOG_LONG: u64 = 8 * 1024 * 1024;
/// KiB of the database that a connection keeps in memory.
pub const JOURNAL_CACHE_KIB: i64 = 8 * 1024;
/// How long a connection waits for a lock that somebody else has.
pub const JOURNAL_BUSY: Duration = Duration::from_millis(500);
/// How long a starting instance tries to get the state folder for itself.
pub const JOURNAL_LOCK: Duration = Duration::from_millis(250);
/// What the newest [`FIRED_IDS`] firings take, each, roughly: they stay whatever the cap is.
pub const JOURNAL_FIRING_BYTES: u64 = 192;
/// Rows of each table that retention removes at once: a millisecond or two, which an order may have to wait.
pub const JOURNAL_SLICE: usize = 50;
/// The same where every commit is forced to the disk, which takes longer than removing: fewer and larger ones.
pub const JOURNAL_SLICE_POWER: usize = 200;
/// The smallest cap that a journal can keep.
pub const JOURNAL_BYTES_MIN: u64 = 1024 * 1024;
/// A pause between two runs ages the journal by at most this: nobody knows whether it was a pause or a clock that jumped.
pub const JOURNAL_PAUSE: Duration = Duration::from_secs(86_400);
/// The newest entries that are taken over from a damaged journal; firings as many as [`FIRED_IDS`].
pub const JOURNAL_RESCUED_ENTRIES: usize = 50_000;
/// The newest deliveries that are, beside all unfinished ones.
pub const JOURNAL_RESCUED_DELIVERIES: usize = 20_000;
/// Between two tries to make a journal anew on a disk that fails.
pub const JOURNAL_MEND_AGAIN: Duration = Duration::from_secs(30);
/// Damaged journals put aside by one run; after that it stays degraded, as the disk must be broken.
pub const JOURNAL_RESCUES: usize = 3;

// --- suppression ---

/// What a rule's cooldown is counted apart by, such as tokens: so many are remembered, of more the one whose cooldown ends first is forgotten.
pub const BRAKE_KEYS: usize = 20_000;
/// Firings that passed which a rule's brakes know by their ids, at most: those of every running cooldown.
pub const BRAKE_PASSED: usize = BRAKE_KEYS;
/// Of these the newest, which are known even when nothing depends on them any more but what they were to tell: a lane holds more than a message
/// of each for a while.
pub const BRAKE_RECENT: usize = 256;
/// The largest count of a `limit`: so many moments are remembered for it.
pub const BRAKE_COUNT: u32 = 10_000;
/// The longest span of a `limit`.
pub const BRAKE_SPAN: Duration = Duration::from_secs(31 * 86_400);
/// Limits of one rule or one send.
pub const BRAKE_LIMITS: usize = 8;
/// Edits that wait in one lane; of more the oldest are let go.
pub const LANE_EDITS: usize = 256;
/// Requests for one edit.
pub const EDIT_ATTEMPTS: u32 = 6;
/// How long it is tried to edit a message.
pub const EDIT_PATIENCE: Duration = Duration::from_secs(600);
/// Messages that are remembered to be edited. The oldest are edited no more.
pub const EDITABLE_MESSAGES: usize = 2_000;
/// Edits that the journal keeps: of more, the latest.
pub const EDITS_KEPT: usize = 5_000;
/// Orders on one tweet that its messages tell of.
pub const EDITABLE_ORDERS: usize = 8;
/// A message is edited for so long after the first that was sent of its tweet, and so far a restart looks back for it.
pub const MESSAGE_EDITED_FOR: Duration = Duration::from_secs(3 * 3_600);
/// For so long it is said that the tweet was deleted.
pub const DELETION_SHOWN_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Entries that are kept while rules with new windows are made ready.
pub const MEANTIME_ENTRIES: usize = 200_000;
/// Bytes of these.
pub const MEANTIME_BYTES: usize = 64 * 1024 * 1024;
/// So many of them are gone through between two envelopes; more, beside the loop.
pub const MEANTIME_AT_ONCE: usize = 128;

/// What windows have left is recorded in parts of so many.
pub const TRACES_AT_ONCE: usize = 2_048;
/// What windows have left of a key, or seen of a value, takes so much of a journal, roughly.
pub const JOURNAL_TRACE_BYTES: u64 = 400;
/// What windows have left of keys that the journal keeps: of more, the latest.
pub const TRACES_KEPT: usize = 50_000;

/// Mutes that hold at the same time.
pub const MUTES: usize = 1_000;
/// Mutes that the journal keeps, ended ones too: what a replay of the past needs of them.
pub const MUTES_KEPT: usize = 10_000;
/// The longest that somebody may mute for.
pub const MUTE_LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// How far back it is looked what a new mute would have held.
pub const MUTE_LOOKS_BACK: Duration = Duration::from_secs(86_400);
/// To look takes at most so long: the answer waits for it.
pub const MUTE_LOOKS_FOR: Duration = Duration::from_secs(8);

// --- log ---

/// Lines of the log that may wait for a reader; more are dropped and counted.
pub const LOG_LINES: usize = 4_096;
/// Standard error or output that takes nothing for so long is held, and a program that ends waits no longer.
pub const LOG_FLUSH: Duration = Duration::from_millis(200);

// --- secrets ---

/// Bytes of a file that holds one secret.
pub const SECRET_BYTES: usize = 64 * 1024;

// --- control ---

/// Bytes of one command on the control socket.
pub const CONTROL_COMMAND_BYTES: usize = 64 * 1024;
/// Bytes of one answer to it: a status of some ten thousand rules.
pub const CONTROL_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Clients of the control socket at once; others wait for their turn.
pub const CONTROL_CLIENTS: usize = 16;
/// A client has so long to say its command, and again to take its answer.
pub const CONTROL_PATIENCE: Duration = Duration::from_secs(5);
/// An instance has so long to find its answer.
pub const CONTROL_ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Bytes kept of what is wrong with rules that were not reloaded.
pub const REFUSED_RULES_BYTES: usize = 16 * 1024;

/// Clients that watch what passes, at once: so many less than [`CONTROL_CLIENTS`] that orders can be stopped beside them.
pub const TAILS: usize = 8;
/// Lines that wait for one of them to take them; further ones are dropped, counted and told.
pub const TAIL_LINES: usize = 1_024;
/// Bytes of their words together.
pub const TAIL_BYTES: usize = 1024 * 1024;
/// Characters of a text in such a line.
pub const TAIL_WORDS: usize = 280;
/// Characters of a name in it.
pub const TAIL_NAME: usize = 128;
/// Things that such a line lists.
pub const TAIL_LIST: usize = 16;
/// Things that passed and are told between two others of what a run does.
pub const TAIL_TURN: usize = 64;
/// Whoever takes nothing for so long is not told any more.
pub const TAIL_PATIENCE: Duration = Duration::from_secs(30);
/// Characters kept of the reason that somebody gives.
pub const REASON_CHARS: usize = 200;
