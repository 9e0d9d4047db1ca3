//! Any text as tests of rules.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| birdcall_fuzz::holds("rule_test", bytes));
