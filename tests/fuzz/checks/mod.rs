//! What has to hold for any bytes. libFuzzer calls these through `targets/`, and `cargo test` through `tests/it/fuzz.rs`, so that they
//! cannot rot.

mod answers;
mod close;
mod decode;
mod hours;
mod recording;
mod render;
mod rule_test;
mod rules;
mod template;

/// Something that holds for any bytes, and what a fuzzer starts from.
pub(crate) struct Check {
    /// As the target is called.
    pub(crate) name: &'static str,
    /// Panics when it does not hold.
    pub(crate) holds: fn(&[u8]),
    /// Folders, from the root of the repository.
    pub(crate) seeds: &'static [&'static str],
}

/// One for each file in `targets/`.
pub(crate) const ALL: [Check; 9] = [
    Check { name: "answers", holds: answers::holds, seeds: &["tests/fuzz/seeds/answers"] },
    Check { name: "close", holds: close::holds, seeds: &["tests/fuzz/seeds/close"] },
    Check { name: "decode", holds: decode::holds, seeds: &["tests/data"] },
    Check { name: "hours", holds: hours::holds, seeds: &["tests/fuzz/seeds/hours"] },
    Check { name: "recording", holds: recording::holds, seeds: &["tests/fuzz/seeds/recording"] },
    Check { name: "render", holds: render::holds, seeds: &["tests/fuzz/seeds/render"] },
    Check { name: "rule_test", holds: rule_test::holds, seeds: &["tests/fuzz/seeds/rule_test", "tests/rules/tests"] },
    Check {
        name: "rules",
        holds: rules::holds,
        seeds: &["tests/fuzz/seeds/rules", "tests/rules", "tests/rules/good", "rules/packs"],
    },
    Check { name: "template", holds: template::holds, seeds: &["tests/fuzz/seeds/template"] },
];
