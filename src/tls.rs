//! One TLS configuration for the feed and for every lane.
