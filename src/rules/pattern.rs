//! Regular expressions: checked under limits, and looked through for what can never match or always does. The first of many are compiled as
//! well.

mod never;

use regex::Regex;
use regex_syntax::ast;
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use unicode_normalization::UnicodeNormalization as _;

use never::Never;

use super::bound;
use super::check::Check;
use super::diagnostic::Diagnostic;
use super::lazy::{NEST, Pattern, build};
use super::read::Word;
use crate::model::action::Span;
use crate::model::limits::{REGEX_CHARS, REGEXES_AT_LOAD};

/// What a word says. `None`: it is wrong, and has been reported. The same pattern is looked through and reported once.
pub(super) fn pattern<'a>(check: &mut Check<'a>, word: &Word<'a>, exact: bool) -> Option<Pattern> {
    let key = (word.text, exact);
    if let Some(known) = check.patterns.get(&key) {
        return known.clone();
    }
    let pattern = read(check, word, exact);
    check.patterns.insert(key, pattern.clone());
    pattern
}

fn read(check: &mut Check<'_>, word: &Word<'_>, exact: bool) -> Option<Pattern> {
    // The texts are composed, so an é of two characters would never be found.
    let composed: String = word.text.nfc().collect();
    let at_load = check.patterns.len() < REGEXES_AT_LOAD;
    let compiled = compiled(&composed, exact, at_load).map_err(|problem| match composed == word.text {
        true => problem,
        false => Problem { at: 0..0, ..problem },
    });
    match compiled {
        Ok(compiled) => {
            if let Some(problem) = upper_case(&composed).filter(|_| !exact) {
                let span = if composed == word.text { place(check, word, &problem) } else { word.span };
                let mistake = Diagnostic::warning(problem.code, span, problem.message).label(problem.label).help(problem.help);
                check.report(match word.used_at {
                    Some(used) => mistake.also(used, "used as a regex here"),
                    None => mistake,
                });
            }
            Some(Pattern::new(word.text, &composed, exact, compiled))
        }
        Err(problem) => {
            let span = place(check, word, &problem);
            let mut mistake = Diagnostic::error(problem.code, span, problem.message).label(problem.label);
            mistake.help = Some(problem.help);
            if let Some(used) = word.used_at {
                mistake = mistake.also(used, "used as a regex here");
            }
            check.report(mistake);
            None
        }
    }
}

/// What is wrong with a pattern.
#[derive(Debug)]
struct Problem {
    code: &'static str,
    message: String,
    label: String,
    help: String,
    /// In bytes of the pattern; empty: the whole.
    at: std::ops::Range<usize>,
}

impl Problem {
    fn new(code: &'static str, message: &str, help: &str) -> Self {
        Self { code, message: message.to_owned(), label: String::new(), help: help.to_owned(), at: 0..0 }
    }

    fn at(mut self, span: &ast::Span, label: impl Into<String>) -> Self {
        self.at = span.start.offset..span.end.offset;
        self.label = label.into();
        self
    }
}

/// The place of a problem in the file: exact when the pattern stands there as it is, else the whole text.
fn place(check: &Check<'_>, word: &Word<'_>, problem: &Problem) -> Span {
    if problem.at.is_empty() {
        return word.span;
    }
    super::templates::inner_span(check, word.text, word.span, &problem.at)
}

/// A pattern that is in order, compiled if it is to be `at_load`. Else it is compiled only where that alone tells whether it is too large, and
/// not kept: of thousands that are nearly too large all together would be.
fn compiled(text: &str, exact: bool, at_load: bool) -> Result<Option<Regex>, Problem> {
    let hir = examine(text, exact)?;
    if !at_load && bound::bytes(&hir) <= bound::CERTAIN {
        return Ok(None);
    }
    let regex = build(text, exact).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            let help = "repeat less (`{1,20}` in place of `{1,500}`) or use narrower classes (`[a-z0-9]` in place of `\\w`)";
            Problem::new("regex-limit", "this regex is too large when compiled", help)
        }
        _ => Problem::new("bad-regex", "this regex does not work", "see https://docs.rs/regex for what Rust's regexes know"),
    })?;
    Ok(at_load.then_some(regex))
}

fn examine(text: &str, exact: bool) -> Result<Hir, Problem> {
    if text.chars().count() > REGEX_CHARS {
        let help = "split it into several patterns of a list, or use `keyword`, which takes any number of words";
        return Err(Problem::new("regex-limit", &format!("a regex may have {REGEX_CHARS} characters at most"), help));
    }
    if let Some(at) = text.find("(i?)") {
        let mut problem = Problem::new(
            "bad-regex",
            "`(i?)` is an optional letter i",
            "patterns ignore case already; `case = true` beside `regex` turns that off",
        );
        problem.at = at..at + 4;
        problem.label = "`(?i)` was meant".to_owned();
        return Err(problem);
    }
    let ast = ast::parse::ParserBuilder::new().nest_limit(NEST).build().parse(text).map_err(|error| syntax(&error))?;
    ast::visit(&ast, Never::default())?;
    let hir =
        regex_syntax::hir::translate::TranslatorBuilder::new().case_insensitive(!exact).build().translate(text, &ast).map_err(
            |error| {
                let help = match error.kind() {
                    regex_syntax::hir::ErrorKind::InvalidUtf8 => {
                        "leave out `(?-u)`: texts are Unicode and have no single bytes to look for"
                    }
                    _ => "see https://docs.rs/regex/latest/regex/#syntax for what these regexes know",
                };
                Problem::new("bad-regex", &format!("this regex does not work: {}", error.kind()), help).at(error.span(), "here")
            },
        )?;
    if !can_match(&hir) {
        let help = "`^` is the start of the text and `$` its end; write `\\^` or `\\$` for the characters themselves";
        return Err(Problem::new("never-matches", "this regex can never match anything", help));
    }
    if hir.properties().minimum_len() == Some(0) {
        let help = "make a part of it compulsory: `+` in place of `*`, or leave out the `?`";
        return Err(Problem::new("matches-empty", "this regex matches the empty text, so it matches every tweet", help));
    }
    Ok(hir)
}

fn syntax(error: &ast::Error) -> Problem {
    use ast::ErrorKind as E;
    let help = match error.kind() {
        E::UnsupportedLookAround => "there is no look-around; put what must not stand there under `none`",
        E::UnsupportedBackreference => "there are no back-references in these regexes",
        E::RepetitionMissing => "write `\\*`, `\\+` or `\\?` for the character itself",
        E::GroupUnclosed | E::GroupUnopened => "every `(` needs its `)`; write `\\(` or `\\)` for the character itself",
        E::ClassUnclosed => "every `[` needs its `]`; write `\\[` for the character itself",
        E::EscapeUnrecognized => "only punctuation and known letters can follow a backslash",
        _ => "in TOML a regex is best written in single quotes: '\\bword\\b'",
    };
    Problem::new("bad-regex", &format!("this regex does not work: {}", error.kind()), help).at(error.span(), "here")
}

/// A class of upper-case letters in a pattern that ignores case: it finds the others too.
fn upper_case(text: &str) -> Option<Problem> {
    if ["(?i", "(?-i", "a-z"].iter().any(|part| text.contains(part)) {
        return None;
    }
    let at = ["[A-Z", "\\p{Lu}", "[[:upper:]]"].iter().find_map(|class| text.find(class))?;
    let end = text.get(at..)?.find([']', '}']).map_or(text.len(), |end| at + end + 1);
    let help = "add `case = true` beside `regex`, which makes all text matchers of that table exact; or write `[a-z]` if small letters are meant too";
    let mut problem = Problem::new("upper-case-class", "regexes ignore case, so this finds small letters too", help);
    problem.at = at..end;
    problem.label = "any letters".to_owned();
    Some(problem)
}

/// Whether there is a text that it matches. Errs on the side of yes.
fn can_match(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => true,
        HirKind::Class(Class::Unicode(class)) => !class.ranges().is_empty(),
        HirKind::Class(Class::Bytes(class)) => !class.ranges().is_empty(),
        HirKind::Repetition(repetition) => repetition.min == 0 || can_match(&repetition.sub),
        HirKind::Capture(capture) => can_match(&capture.sub),
        HirKind::Alternation(parts) => parts.iter().any(can_match),
        HirKind::Concat(parts) => parts.iter().all(can_match) && !is_out_of_place(parts),
    }
}

/// Something must stand behind the end of the text, or in front of its start.
fn is_out_of_place(parts: &[Hir]) -> bool {
    let is = |look| move |part: &Hir| matches!(part.kind(), HirKind::Look(found) if *found == look);
    let takes = |parts: &[Hir]| parts.iter().any(|part| part.properties().minimum_len().is_some_and(|least| least > 0));
    let end = parts.iter().position(is(Look::End)).and_then(|at| parts.get(at + 1..));
    let start = parts.iter().rposition(is(Look::Start)).and_then(|at| parts.get(..at));
    end.is_some_and(takes) || start.is_some_and(takes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a pattern: the same whether it is compiled at load or not.
    fn code(text: &str) -> Option<&'static str> {
        let [at_load, later] = [true, false].map(|at_load| compiled(text, false, at_load).err().map(|problem| problem.code));
        assert_eq!(at_load, later, "{text}");
        at_load
    }

    #[test]
    fn patterns_of_the_documentation_compile() {
        for text in [r"\badd(s|ed|ing)?\b.{0,40}\bspot\b", r"\$[A-Z]{2,6}\b", r"^gm\b", r"(?:moon|pump)!+$", r"[^\x00]"] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn what_can_never_match_is_seen() {
        for text in [r"[^\s\S]", r"a^b", r"end$ of", r"(?:x[^\s\S])+y", r"\p{L}&&^a"] {
            let code = code(text);
            assert!(matches!(code, Some("never-matches")) || text.contains("&&"), "{text}: {code:?}");
        }
        assert_eq!(code(r"x|[^\s\S]"), None, "one alternative is enough");
    }

    #[test]
    fn what_always_matches_is_seen() {
        for text in ["", ".*", "a*", "(moon)?", r"\b", "x|", "^"] {
            assert_eq!(code(text), Some("matches-empty"), "{text}");
        }
    }

    #[test]
    fn the_dollar_sign_is_explained() {
        for text in ["$DOGE", r"\b\$doge", r"buy $PEPE", r"(\b\$x)", r"$(DOGE)"] {
            assert_eq!(code(text), Some("dollar-in-regex"), "{text}");
        }
        for text in [r"\$DOGE", r"gm$|moon", "price$", r"\$\bx"] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn characters_that_no_normalised_text_has_are_seen() {
        for text in ["a\\nb", "a\tb", "ＢＴＣ", "wait…", "x\u{200B}y", "a\u{00A0}b"] {
            assert_eq!(code(text), Some("never-matches"), "{text:?}");
        }
        for text in ["a b", r"a\s+b", "[^\\n]x", "(?:ＢＴＣ|BTC)", "x(wait…)?", "café", "上架", "🚀", "l’alerte", "Ω", "&amp"]
        {
            assert_eq!(code(text), None, "{text:?}");
        }
    }

    #[test]
    fn two_blanks_in_a_row_are_seen_where_both_must_be_there() {
        for text in ["will  list", r"a\s\sb", r"a\s{2,}b", "a {2}b", r"x( )( )y", r"a \sb", r"a\s+ b", "(a  b)+", "(x|y)a  b"] {
            assert_eq!(code(text), Some("never-matches"), "{text:?}");
        }
        for text in [
            "a b c",
            r"a\s+b",
            r"a\s*\s?b",
            "(a |b )c",
            r"a( |\s)b",
            r"a\s{1,3}b",
            r"\S\Sx",
            "a(?:b | c)",
            r"a\s* b",
            "a ? b",
            "(a| ) b",
            "a( )? b",
            r"list(\s{2,})?now",
            "will(  |: )list",
            "(?:foo  bar|baz)",
            r"foo(\s\s)*bar",
            r"foo(\s{2}|\n)bar",
            r"\$[A-Z]{2,5}(?:  | - |: )",
            "a (?:(?:  )?b)",
            "x(a  b){0,3}y",
            r"x(?:\s{2}){0}y",
        ] {
            assert_eq!(code(text), None, "{text:?}");
        }
    }

    #[test]
    fn limits_and_syntax() {
        assert_eq!(code(&"a".repeat(REGEX_CHARS + 1)), Some("regex-limit"));
        assert_eq!(code(r"(?:\pL{100}){100}"), Some("regex-limit"));
        for text in ["(", "a{2", "(?<=x)y", r"(a)\1", "*a", "(i?)doge", r"\q", &"(".repeat(500)] {
            assert!(matches!(code(text), Some("bad-regex") | None), "{text}");
        }
        assert_eq!(code("(i?)doge"), Some("bad-regex"));
    }
}
