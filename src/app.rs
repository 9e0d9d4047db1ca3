//! The wiring: channels, tasks, start and stop order. The only place that spawns.
