//! `cooldown` and `limit` as a file has them.

use std::time::Duration;

use toml::de::DeTable;

use super::{cooldown, limits};
use crate::model::action::Span;
use crate::model::window::Part;
use crate::rules::Source;
use crate::rules::check::Check;
use crate::rules::keys::Place;
use crate::rules::read::{Field, Table};

/// What is read of the value of a text such as `key = …`, and what is said of it.
pub(in crate::rules) fn read<T>(text: &str, read: impl for<'a> Fn(&mut Check<'a>, Field<'a>) -> T) -> (T, Vec<String>) {
    let sources = [Source::rules("r.toml", text)];
    let document = DeTable::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
    let table = Table::new(document.get_ref(), Span { file: 0, start: 0, end: text.len() }, Place::Free);
    let mut check = Check::new(&sources);
    let got = read(&mut check, table.fields()[0]);
    let said = check.finish().into_iter().map(|d| {
        let at = d.span.and_then(|span| text.get(span.start..span.end)).unwrap_or_default();
        format!("{}: {} | {at} | {} | {}", d.code, d.message, d.label, d.help.unwrap_or_default())
    });
    (got, said.collect())
}

/// The only thing that is said.
#[track_caller]
pub(in crate::rules) fn assert_said<T>((_, said): &(T, Vec<String>), all_of: &[&str]) {
    assert!(said.len() == 1 && all_of.iter().all(|words| said[0].contains(words)), "{said:#?} against {all_of:?}");
}

#[test]
fn a_cooldown_is_a_duration_or_a_table_with_what_is_held_back_apart() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    for (text, lasts, per) in [
        ("cooldown = '10m'", 10, vec![]),
        ("cooldown = { for = '10m' }", 10, vec![]),
        ("cooldown = { for = '10m', per = 'rule' }", 10, vec![]),
        ("cooldown = { for = '2h', per = ['rule'] }", 120, vec![]),
        ("cooldown = { for = '10m', per = 'token' }", 10, vec![Part::Token]),
        ("cooldown = { per = ['Author', 'contract'], for = '1m' }", 1, vec![Part::Author, Part::Contract]),
    ] {
        let (read, said) = read(text, cooldown);
        assert_eq!(said, Vec::<String>::new(), "{text}");
        let read = read.unwrap();
        assert_eq!((read.lasts, read.per), (minutes(lasts), per), "{text}");
    }
}

#[test]
fn what_is_no_cooldown_is_said_with_what_was_meant() {
    let cases: [(&str, &[&str]); 14] = [
        ("cooldown = 600", &["wrong-type", "a duration in quotes, or a table", "\"600s\""]),
        ("cooldown = ['10m']", &["wrong-type", "this is a list"]),
        ("cooldown = '10 min'", &["bad-duration", "did you mean `10m`?"]),
        ("cooldown = '0s'", &["bad-duration", "cannot be zero"]),
        ("cooldown = { per = 'token' }", &["missing-key", "`for` is missing"]),
        ("cooldown = { for = '10m', per = 'user' }", &["unknown-value", "'user'", "did you mean `author`?"]),
        ("cooldown = { for = '10m', per = 'coin' }", &["did you mean `token`?"]),
        ("cooldown = { for = '10m', per = ['tokn'] }", &["did you mean `token`?"]),
        ("cooldown = { for = '10m', per = 'moon' }", &["it can be `rule`, `author`, `token`"]),
        ("cooldown = { for = '10m', per = ['rule', 'token'] }", &["bad-per", "'rule'", "stands alone"]),
        ("cooldown = { for = '10m', per = [] }", &["empty-list", "per = \"rule\""]),
        ("cooldown = { for = '10m', per = 5 }", &["wrong-type", "a word or a list of words"]),
        ("cooldown = { for = '10m', by = 'token' }", &["unknown-key", "it is called `per`"]),
        ("cooldown = { for = '10m', count = 5 }", &["unknown-key", "takes `for` and `per`"]),
    ];
    for (text, all_of) in cases {
        assert_said(&read(text, cooldown), all_of);
    }
    let (again, said) = read("cooldown = { for = '10m', per = ['token', 'token'] }", cooldown);
    assert!(
        again.is_some_and(|of| of.per == [Part::Token]) && said.len() == 1 && said[0].starts_with("duplicate-value"),
        "{said:?}"
    );
    let (_, said) = read("cooldown = { every = '10m' }", cooldown);
    assert!(said.len() == 2 && said.iter().any(|said| said.contains("it is called `for`")), "{said:?}");
}

#[test]
fn a_limit_is_one_rate_or_several_without_bursts() {
    let (read_of, said) = read("limit = '5/h'", limits);
    assert_eq!((read_of.len(), said.len()), (1, 0));
    let (several, said) = read("limit = ['5/h', '20/d', '10000/31d', '1 / 500ms']", limits);
    assert_eq!(said, Vec::<String>::new());
    let several: Vec<_> = several.iter().map(|rate| (rate.count.get(), rate.per.as_millis(), rate.burst == rate.count)).collect();
    assert_eq!(several, [(5, 3_600_000, true), (20, 86_400_000, true), (10_000, 31 * 86_400_000, true), (1, 500, true)]);
}

#[test]
fn what_is_no_limit_is_said_with_what_to_write() {
    let cases: [(&str, &[&str]); 9] = [
        ("limit = 5", &["wrong-type", "\"5/h\""]),
        ("limit = '5'", &["bad-limit", "a number, a slash and a time"]),
        ("limit = '0/h'", &["bad-limit", "never let anything through"]),
        ("limit = '10001/h'", &["bad-limit", "more than 10000"]),
        ("limit = '5/32d'", &["bad-limit", "longer than 31d"]),
        ("limit = { rate = '5/h', burst = 2 }", &["wrong-type", "not a table", "`rate_limit`"]),
        ("limit = ['5/h', { rate = '9/h' }]", &["wrong-type", "not a table"]),
        ("limit = []", &["empty-list"]),
        ("limit = ['1/s', '2/s', '3/s', '4/s', '5/s', '6/s', '7/s', '8/s', '9/s']", &["too-many-limits"]),
    ];
    for (text, all_of) in cases {
        assert_said(&read(text, limits), all_of);
    }
}
