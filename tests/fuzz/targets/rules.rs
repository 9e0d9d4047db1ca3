//! Any text as rules.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| birdcall_fuzz::holds("rules", bytes));
