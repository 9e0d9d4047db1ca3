//! What is required of a text by which regex.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::*;

fn pattern(written: &str, exact: bool) -> Pattern {
    Pattern::new(written, written, exact, None)
}

#[test]
fn the_rarest_text_that_must_stand_there_is_taken() {
    for (written, texts) in [
        ("listing", &["listing"][..]),
        (r"\blist(s|ed|ing)?\b", &["list", "listed", "listing", "lists"]),
        ("will.{0,40}maintenance", &["maintenance"]),
        (r"\$[A-Z]{2,6}\s+pump\b", &["pump"]),
        (r"\$[A-Z]{2,6}", &["$"]),
        ("(?:moon|pump)!+", &["moon", "pump"]),
        ("moon|pump", &["moon", "pump"]),
        ("x{2,}yes", &["yes"]),
        ("(?i)Straße", &["strasse"]),
        ("(?-i)BTC", &["btc"]),
        ("(ab)+c?", &["ab"]),
    ] {
        assert_eq!(
            required(&pattern(written, false)).first(),
            Some(&texts.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "{written}"
        );
    }
}

#[test]
fn every_part_that_a_regex_cannot_do_without_is_required() {
    for (written, groups) in [
        ("will.{0,40}maintenance", &[&["maintenance"][..], &["will"]][..]),
        (r"0x[a-f0-9]{4,40}.*\bmoon\b", &[&["moon"], &["0x"]]),
        ("(?:moon|pump) [0-9]+ (?:list|sell)ing", &[&["moon ", "pump "], &[" listing", " selling"]]),
        ("(?:ab.*cd|ef) x", &[&[" x"], &["ab", "ef"]]),
    ] {
        let found = required(&pattern(written, false));
        let found: Vec<Vec<&str>> = found.iter().map(|group| group.iter().map(String::as_str).collect()).collect();
        assert_eq!(found, groups, "{written}");
    }
}

#[test]
fn some_regexes_require_nothing() {
    for written in [r"\b[a-z]{5,}\s[a-z]{7,}\s\d", "moon|[a-z]+", r"\d+%?", "(?:moon)?[0-9]", " [a-z] ", r"[^a]"] {
        assert!(required(&pattern(written, false)).is_empty(), "{written}");
    }
}

/// What a regex takes for the same letter is folded to the same text: else a text that it finds would not hold what it requires.
#[test]
fn letters_that_are_equal_to_a_regex_are_equal_when_folded() {
    let fold = |c: char| normal::fold_each(c.encode_utf8(&mut [0; 4]));
    let mut many = 0;
    for c in '\0'..=char::MAX {
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
        class.try_case_fold_simple().unwrap();
        for other in class.ranges().iter().flat_map(|range| range.start()..=range.end()).filter(|other| *other != c) {
            assert_eq!(fold(c), fold(other), "{c:?} and {other:?}");
            many += 1;
        }
    }
    assert!(many > 2_000, "{many}");
}

proptest::proptest! {
    #[test]
    fn what_a_regex_finds_holds_one_of_its_texts(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "k", "ſ", "(s|ß)", "[a-c]", "[^x]", "x?", "(?-i:Σ)", "ς+", "(ab|cd|)", ".", "é", "(?:a{2}|b)", "İ", r"\b", "(k|l){1,2}",
        ]), 1..6),
        exact: bool,
        text in "[kKsSabcdxσΣςéÉßẞilİK]{0,12}",
    ) {
        let pattern = pattern(&parts.concat(), exact);
        let (folded, groups) = (normal::fold_each(&text), required(&pattern));
        let holds = groups.iter().all(|group| group.iter().any(|required| folded.contains(required)));
        proptest::prop_assert!(holds || !pattern.is_match(&text), "{} in {text:?} without {groups:?}", pattern.written());
    }
}
