//! The tables, as docs/journal.md shows them, and the one statement for each thing that is done to them.

/// What `PRAGMA user_version` says of the tables below.
pub(super) const VERSION: u32 = 7;
/// The kind of a body where there is none.
pub(super) const NO_BODY: &str = "none";
/// `PRAGMA application_id`: "brdc".
pub(super) const APPLICATION: u32 = 0x6272_6463;

/// Rows are numbered by the writer and appended. Indexes grow at their end, too, or hold few rows: an order waits for every page that its
/// intent touches, so what was sent is indexed when it has ended.
pub(super) const TABLES: &str = "
CREATE TABLE entries (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, origin TEXT NOT NULL, matched INTEGER NOT NULL, sum INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE firings (
  id INTEGER PRIMARY KEY, firing TEXT NOT NULL, rule TEXT NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL, late INTEGER NOT NULL);
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY, firing TEXT NOT NULL, rule TEXT NOT NULL, subject TEXT NOT NULL, fired_at INTEGER NOT NULL,
  late INTEGER NOT NULL, action TEXT NOT NULL, trading INTEGER NOT NULL, expires_at INTEGER NOT NULL, sum INTEGER NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL, sent_at INTEGER, ended_at INTEGER, form TEXT, receipt TEXT, why TEXT,
  body_sum INTEGER NOT NULL, kind TEXT NOT NULL, fallback_kind TEXT, body BLOB NOT NULL, fallback BLOB, line TEXT);
CREATE INDEX deliveries_unfinished ON deliveries (state) WHERE state IN ('pending', 'sending');
CREATE INDEX deliveries_failed ON deliveries (state) WHERE state IN ('expired', 'dead', 'unknown');
CREATE INDEX deliveries_sent ON deliveries (action, sent_at) WHERE sent_at IS NOT NULL AND ended_at IS NOT NULL;
CREATE TABLE attempts (
  id INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, verdict TEXT NOT NULL,
  answer TEXT NOT NULL, took_ms INTEGER NOT NULL, not_before INTEGER);
CREATE INDEX attempts_delivery ON attempts (delivery);
CREATE TABLE cursors (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE gaps (from_at INTEGER PRIMARY KEY, to_at INTEGER NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL);
CREATE TABLE switches (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL);
CREATE TABLE marks (
  lived INTEGER PRIMARY KEY, at INTEGER NOT NULL, entry INTEGER NOT NULL, firing INTEGER NOT NULL, delivery INTEGER NOT NULL,
  attempt INTEGER NOT NULL);
";

/// The table that journals before version 3 had not.
pub(super) const MUTES: &str = "
CREATE TABLE mutes (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, token TEXT, handle TEXT, from_at INTEGER NOT NULL, until_at INTEGER NOT NULL,
  ended_at INTEGER, because TEXT, held INTEGER NOT NULL, told INTEGER NOT NULL);
";

/// The table that journals before version 4 had not.
pub(super) const TRACES: &str = "
CREATE TABLE traces (
  id INTEGER PRIMARY KEY, rule TEXT NOT NULL, key TEXT NOT NULL, counted TEXT NOT NULL, at INTEGER NOT NULL, trace TEXT NOT NULL, UNIQUE (rule, key));
";

/// The table that journals before version 5 had not. A row stays where it is as long as it is known: what is seen all the time moves nothing.
pub(super) const SIGHTINGS: &str = "
CREATE TABLE sightings (
  id INTEGER PRIMARY KEY, rule TEXT NOT NULL, key TEXT NOT NULL, counted TEXT NOT NULL, at INTEGER NOT NULL, seen TEXT NOT NULL, UNIQUE (rule, key));
";

/// The table that journals before version 5 had not.
pub(super) const EDITS: &str = "
CREATE TABLE edits (
  id INTEGER PRIMARY KEY, firing TEXT NOT NULL, action TEXT NOT NULL, times INTEGER NOT NULL, at INTEGER NOT NULL, says INTEGER, why TEXT,
  UNIQUE (firing, action));
";

/// The table that journals before version 6 had not.
pub(super) const IDENTITIES: &str = "
CREATE TABLE identities (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, identity TEXT NOT NULL, before TEXT, at INTEGER NOT NULL, UNIQUE (kind, name));
";

/// Since when an older journal has [`TRACES`].
pub(super) const TRACES_SINCE: &str = "traces_since";

/// What the tables of version 1 had not, by table: column and type. Empty in every row of that time.
pub(super) const ADDED: [(&str, &str, &str); 2] = [("deliveries", "line", "TEXT"), ("attempts", "not_before", "INTEGER")];

pub(super) const ENTRY: &str = "INSERT INTO entries (id, at, origin, matched, sum, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
/// The same of many, whose places follow. What fails ends the whole transaction, so that SQLite need not be able to take back the statement alone.
pub(super) const ENTRIES: &str = "INSERT OR FAIL INTO entries (id, at, origin, matched, sum, text) VALUES";
pub(super) const FIRING: &str = "INSERT INTO firings (id, firing, rule, subject, at, late) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
pub(super) const DELIVERY: &str = "INSERT INTO deliveries (id, firing, rule, subject, fired_at, late, action, trading, expires_at, sum, \
     body_sum, kind, fallback_kind, body, fallback, line, state, attempts, sent_at, ended_at, form, receipt, why) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)";
/// Of an order that must not be sent twice: what is `sending` may have left already.
pub(super) const BEGIN: &str =
    "UPDATE deliveries SET state = 'sending', sent_at = coalesce(sent_at, ?2) WHERE id = ?1 AND state = 'pending'";
/// Of one that may be.
pub(super) const BEGIN_AGAIN: &str =
    "UPDATE deliveries SET state = 'sending', sent_at = coalesce(sent_at, ?2) WHERE id = ?1 AND state IN ('pending', 'sending')";
/// What was sent keeps the time at which it first was.
pub(super) const END: &str = "UPDATE deliveries SET state = ?2, attempts = attempts + ?3, sent_at = coalesce(sent_at, ?4), \
     ended_at = ?5, form = ?6, receipt = ?7, why = ?8 WHERE id = ?1";
/// What has not left after all is to be sent as before.
pub(super) const TAKE_BACK: &str = "UPDATE deliveries SET state = 'pending' WHERE id = ?1 AND state = 'sending'";
pub(super) const ATTEMPT: &str = "INSERT INTO attempts (id, delivery, number, at, verdict, answer, took_ms, not_before) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
pub(super) const REDELIVER: &str = "UPDATE deliveries SET state = 'pending', expires_at = ?2, sum = ?3, ended_at = NULL, form = NULL, \
     receipt = NULL, why = NULL WHERE id = ?1";
pub(super) const DAMAGED: &str = "UPDATE deliveries SET state = 'unknown', ended_at = ?2, why = ?3 WHERE id = ?1";
pub(super) const CURSOR: &str = "INSERT OR REPLACE INTO cursors (name, value) VALUES (?1, ?2)";
pub(super) const GAP: &str = "INSERT OR REPLACE INTO gaps (from_at, to_at, state, why) VALUES (?1, ?2, ?3, ?4)";
pub(super) const SWITCH: &str =
    "INSERT INTO switches (id, at, state, why) VALUES ((SELECT coalesce(max(id), 0) + 1 FROM switches), ?1, ?2, ?3)";
/// A mute keeps its number, whatever is written of it.
pub(super) const MUTE: &str = "INSERT OR REPLACE INTO mutes (id, kind, name, token, handle, from_at, until_at, ended_at, because, held, told) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
/// Those whose end was told long ago.
pub(super) const FORGET_MUTES: &str = "DELETE FROM mutes WHERE told = 1 AND id <= (SELECT max(id) FROM mutes) - ?1";
pub(super) const MARK: &str =
    "INSERT OR REPLACE INTO marks (lived, at, entry, firing, delivery, attempt) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// The latest written has the highest number.
pub(super) const TRACE: &str = "INSERT OR REPLACE INTO traces (rule, key, counted, at, trace) VALUES (?1, ?2, ?3, ?4, ?5)";
pub(super) const NO_TRACE: &str = "DELETE FROM traces WHERE rule = ?1 AND key = ?2";
/// All but so many, that were written last.
pub(super) const FORGET_TRACES: &str =
    "DELETE FROM traces WHERE id <= (SELECT id FROM traces ORDER BY id DESC LIMIT 1 OFFSET ?1)";

pub(super) const SEEN_AGAIN: &str = "UPDATE sightings SET counted = ?3, at = ?4, seen = ?5 WHERE rule = ?1 AND key = ?2";
pub(super) const SEEN_FIRST: &str = "INSERT INTO sightings (rule, key, counted, at, seen) VALUES (?1, ?2, ?3, ?4, ?5)";
pub(super) const NOT_SEEN: &str = "DELETE FROM sightings WHERE rule = ?1 AND key = ?2";
/// The words that all sightings of a rule are on record.
pub(super) const NOT_COMPLETE: &str = "DELETE FROM sightings WHERE key = ''";
/// The latest written has the highest number. What it was before is kept, once.
pub(super) const LEARNED_AGAIN: &str = "UPDATE identities SET id = (SELECT max(id) + 1 FROM identities), identity = ?3, at = ?4, \
     before = CASE WHEN identity = ?3 THEN before ELSE identity END WHERE kind = ?1 AND name = ?2";
pub(super) const LEARNED_FIRST: &str = "INSERT INTO identities (kind, name, identity, at) VALUES (?1, ?2, ?3, ?4)";
pub(super) const NOT_KNOWN: &str = "DELETE FROM identities WHERE kind = ?1 AND name = ?2";
/// The latest written has the highest number. `says` is empty after one that came to nothing: what the message says by then is not known.
pub(super) const EDIT: &str = "INSERT OR REPLACE INTO edits (firing, action, times, at, says, why) \
     VALUES (?1, ?2, coalesce((SELECT times FROM edits WHERE firing = ?1 AND action = ?2), 0) + (?4 IS NOT NULL), ?3, ?4, ?5)";
pub(super) const EDITED: &str = "SELECT times, at, says, why FROM edits WHERE firing = ?1 AND action = ?2";
pub(super) const NO_EDIT: &str = "DELETE FROM edits WHERE firing = ?1 AND action = ?2";
/// All but so many, that were written last.
pub(super) const FORGET_EDITS: &str = "DELETE FROM edits WHERE id <= (SELECT id FROM edits ORDER BY id DESC LIMIT 1 OFFSET ?1)";

/// One delivery by its number, from the table itself: an index that rotted may name the wrong one.
pub(super) const ONE: &str = "SELECT id, firing, rule, subject, fired_at, late, action, trading, expires_at, sum, state, attempts, \
     sent_at, ended_at, form, receipt, why FROM deliveries WHERE id = ?1";
pub(super) const ONE_BODY: &str = "SELECT kind, fallback_kind, body_sum, body, fallback, line FROM deliveries WHERE id = ?1";
/// The same of version 1.
pub(super) const ONE_BODY_1: &str = "SELECT kind, fallback_kind, body_sum, body, fallback, NULL FROM deliveries WHERE id = ?1";
pub(super) const UNFINISHED: &str =
    "SELECT id FROM deliveries INDEXED BY deliveries_unfinished WHERE state IN ('pending', 'sending') ORDER BY id";

/// The lowest and the highest `id` of a table. Each is asked for on its own: for both at once SQLite reads all of the table, which takes
/// seconds where that is large, and an order that waits for the writer waits for that.
pub(super) fn ends(table: &str) -> String {
    format!("SELECT (SELECT min(id) FROM {table}), (SELECT max(id) FROM {table})")
}

/// Of the deliveries that have ended, the lowest; and the highest of all.
pub(super) const ENDED: &str = "SELECT (SELECT id FROM deliveries WHERE state NOT IN ('pending', 'sending') ORDER BY id LIMIT 1), \
     (SELECT max(id) FROM deliveries)";

/// The switch's words: no single damaged bit makes one of the other.
pub(super) const ARMED: &str = "armed";
pub(super) const DISARMED: &str = "disarmed";

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite finds what is asked for.
    fn plan(sql: &str) -> Vec<String> {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        let mut asked = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        asked.query_map((), |row| row.get("detail")).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn the_ends_of_a_table_are_found_without_reading_all_of_it() {
        let reads_all = |sql: &str, table: &str| plan(sql).contains(&format!("SCAN {table}"));
        for table in ["entries", "firings", "deliveries", "attempts"] {
            assert!(!reads_all(&ends(table), table), "{:?}", plan(&ends(table)));
            let both = format!("SELECT min(id), max(id) FROM {table}");
            let by_index = plan(&both).iter().any(|step| step.starts_with("SCAN"));
            assert!(by_index, "SQLite has learned to find both at once: {:?}", plan(&both));
        }
    }
}
