//! what must survive: entries, firings, deliveries with their attempts, cursors and modes, in SQLite.
