//! The fuzz targets without a fuzzer: what they check holds for their seeds and for what grows from these by chance.

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;

use self::checks::{ALL, Check};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Contents of the files of the check's folders.
fn seeds(check: &Check) -> Vec<Vec<u8>> {
    let files = |folder: &&str| fs::read_dir(Path::new(ROOT).join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = check.seeds.iter().flat_map(files).collect();
    files.retain(|file| file.is_file() && file.extension().is_none_or(|end| end != "snap"));
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A seed with pieces cut out and others put in: random bytes, or a piece of some seed.
fn grown(seeds: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let piece = (select(seeds.to_vec()), any::<Index>(), 0..40_usize).prop_map(|(seed, at, length)| {
        let at = at.index(seed.len() + 1);
        seed[at..(at + length).min(seed.len())].to_vec()
    });
    let text = "\\PC{0,4}".prop_map(String::into_bytes);
    let insert = prop_oneof![piece, text, prop::collection::vec(any::<u8>(), 0..4)];
    let splices = prop::collection::vec((any::<Index>(), 0..20_usize, insert), 1..6);
    (select(seeds.to_vec()), splices).prop_map(|(mut bytes, splices)| {
        for (at, remove, insert) in splices {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..(at + remove).min(bytes.len()), insert);
        }
        bytes
    })
}

/// `PROPTEST_CASES=1000000` makes a night of it.
fn holds(name: &str) {
    let check = ALL.iter().find(|check| check.name == name).unwrap();
    let seeds = seeds(check);
    assert!(seeds.len() >= 3, "{name}: {} seeds", seeds.len());
    seeds.iter().for_each(|seed| (check.holds)(seed));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let config = ProptestConfig { cases: config.cases.max(1_000), ..config };
    let tested = TestRunner::new(config).run(&grown(&seeds), |bytes| {
        (check.holds)(&bytes);
        Ok(())
    });
    // What failed is shown as text, as most of it is.
    if let Err(proptest::test_runner::TestError::Fail(why, bytes)) = &tested {
        panic!("{name}: {why}\n{}\n{bytes:?}", String::from_utf8_lossy(bytes));
    }
    tested.unwrap();
}

#[test]
fn any_answer_has_a_verdict() {
    holds("answers");
}

#[test]
fn any_losses_are_backed_off() {
    holds("close");
}

#[test]
fn any_frames_are_decoded_or_refused() {
    holds("decode");
}

#[test]
fn any_hours_are_read_or_refused() {
    holds("hours");
}

#[test]
fn any_recording_is_read_to_its_end() {
    holds("recording");
}

#[test]
fn any_words_fit_and_do_not_act() {
    holds("render");
}

#[test]
fn any_tests_of_rules_are_run_or_refused() {
    holds("rule_test");
}

#[test]
fn any_rules_are_loaded_or_refused() {
    holds("rules");
}

#[test]
fn any_template_is_worked_out_or_refused() {
    holds("template");
}

#[test]
fn every_target_calls_its_check() {
    let folder = Path::new(ROOT).join("tests/fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let mut targets: Vec<_> = fs::read_dir(folder.join("targets")).unwrap().map(|entry| entry.unwrap().path()).collect();
    targets.sort();
    let names: Vec<_> = targets.iter().map(|target| target.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ALL.map(|check| check.name));
    for (target, name) in targets.iter().zip(names) {
        assert!(fs::read_to_string(target).unwrap().contains(&format!("holds(\"{name}\", bytes)")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")), "{name} is no [[bin]]");
    }
}
