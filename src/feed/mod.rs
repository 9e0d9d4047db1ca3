//! anything that yields envelopes: TweetStream live, and the simulator of it.
