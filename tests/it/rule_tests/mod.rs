//! Tests of rules, as a user writes them: the packs' own, what counts as held back, and what is said about mistakes in a file of tests.

mod commands;
mod stored;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use birdcall::rule_test::{self, Recorded, Recording, Tested};
use birdcall::rules::ruleset::RuleSet;
use birdcall::rules::test_file::{self, Read};
use birdcall::rules::{Source, Style, load, render};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const RULES: &str = r#"
[lists]
kols = ["kol", "other#7"]
[actions.desk]
type = "console"
[actions.bot]
type = "webhook"
url = "http://127.0.0.1:1/"
trading = true
max_age = "3s"
json = { symbol = "{{ token.symbol }}", contract = "{{ token.contract }}" }
[actions.bot2]
type = "webhook"
url = "http://127.0.0.1:1/"
trading = true
max_age = "3s"
[[rule]]
name = "listing"
send = ["desk"]
when = { handle = "@kols", keyword = ["listing", "will list"], none = [{ keyword = "delist" }, { cashtag = "BTC" }] }
[[rule]]
name = "each"
each = "token"
send = ["desk", "bot"]
when = { handle = "@kols", token = { chain = "solana", price = { below = 0.5 } } }
[[rule]]
name = "two-of-three"
send = ["desk"]
when = { handle = "@kols", any = [{ keyword = "a1" }, { keyword = "b1" }, { media = true }], at_least = 2 }
[[rule]]
name = "quiet"
mode = "off"
send = ["desk"]
when = { keyword = "gm" }
[[rule]]
name = "order"
send = ["bot2"]
when = { handle = "kol", keyword = "gm" }
[[rule]]
name = "bio"
on = "profile_update"
send = ["desk"]
when = { handle = "kol", changed = "bio" }
window = { type = "count", per = "author", within = "1h", at_least = 2 }
[[rule]]
name = "followed"
on = ["follow", "unfollow"]
send = ["desk"]
when = { handle = "kol" }
[[rule]]
name = "silent"
send = [{ to = "bot2", json = { who = "{{ author.handle }}", link = "{{ window.members[1].link }}" } }]
when = { handle = "kol" }
window = { type = "silence", per = "author", within = "1h" }
[[rule]]
name = "deleted"
on = "delete"
send = ["desk"]
when = { handle = "kol" }
"#;

fn source(name: &str, text: &str) -> Source {
    Source::rules(name, text)
}

fn rules(text: &str) -> Arc<RuleSet> {
    let sources = [source("rules.toml", text)];
    let loaded = load(&sources);
    let shown = render(&loaded.diagnostics, &sources, Style::Plain);
    Arc::new(loaded.ruleset.unwrap_or_else(|| panic!("{shown}")))
}

fn read(set: &RuleSet, text: &str) -> (Read, String) {
    let of = source("rules.test.toml", text);
    let read = test_file::read(&of, set);
    let shown = render(&read.diagnostics, &[of], Style::Plain);
    (read, shown)
}

fn no_files(_: &str) -> Result<Recording, String> {
    Err("there is no such file".to_owned())
}

/// One test with these events and expectations.
fn run(events: &str, expect: &str) -> Tested {
    let set = rules(RULES);
    let (read, shown) = self::read(&set, &format!("[[test]]\nname = \"it\"\nevents = [{events}]\nexpect = [{expect}]\n"));
    let test = read.tests.first().unwrap_or_else(|| panic!("{shown}"));
    rule_test::run(test, &set, &no_files)
}

fn packs() -> Vec<PathBuf> {
    let in_folder = |folder: &str| fs::read_dir(Path::new(ROOT).join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = in_folder("rules").chain(in_folder("rules/packs")).collect();
    files.retain(|path| path.to_str().unwrap().ends_with(".toml") && !path.to_str().unwrap().ends_with(".test.toml"));
    files.sort();
    files
}

#[test]
fn every_rule_that_comes_with_birdcall_is_made_to_fire_by_its_tests_and_has_a_decoy() {
    let packs = packs();
    assert!(packs.len() >= 8, "{packs:?}");
    for path in packs {
        let set = rules(&fs::read_to_string(&path).unwrap());
        let tests = fs::read_to_string(path.with_extension("test.toml")).unwrap_or_else(|why| panic!("{path:?}: {why}"));
        let (read, shown) = read(&set, &tests);
        assert_eq!(shown, "", "{path:?}");
        let tested: Vec<_> = read.tests.iter().map(|test| rule_test::run(test, &set, &no_files)).collect();
        for test in &tested {
            assert!(test.failures.is_empty(), "{path:?}: {}\n{:#?}", test.name, test.failures);
        }
        assert_eq!(rule_test::never_fired(&set, &tested), [], "{path:?}: no test makes them fire");
        let zeros: Vec<_> = read
            .tests
            .iter()
            .flat_map(|test| &test.expect)
            .filter(|expect| expect.fires == 0)
            .map(|expect| expect.rule)
            .collect();
        let lacks: Vec<_> = (0..set.rules.len()).filter(|at| !zeros.contains(at)).map(|at| &set.rules[at].name).collect();
        // These are about whatever an account does: there is nothing that looks like it and is not.
        let lacks: Vec<_> = lacks.into_iter().filter(|name| !matches!(&***name, "listing" | "exploit-reported")).collect();
        assert!(lacks.is_empty(), "{path:?}: no decoy for {lacks:?}");
    }
}

const LISTING: &str = "{ content = { handle = 'kol', text = 'we will list ABC' } }";
const CHEAP: &str = "{ content = { handle = 'kol', text = 'two' } }, { at = '+1s', meta = { tokens = [\
     { symbol = 'AAA', contract = '4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump', chain = 'solana', price = 0.1 }, \
     { symbol = 'BBB', chain = 'base', price = 0.1 }] } }";

/// Of an account, and nothing is said of its id.
const BIOS: &str = "{ profile_update = { handle = 'kol', after = { bio = 'x' } } }, \
     { at = '+1m', profile_update = { handle = 'kol', after = { bio = 'y' } } }";

const GM: &str = "{ content = { handle = 'kol', text = 'gm' } }";
const TWO: &str = "{ content = { id = '1', handle = 'kol', text = 'gm' } }, \
     { content = { id = '2', handle = 'kim', text = 'will list' } }";

/// An order of news that did not come live.
fn late_order() -> String {
    format!("{{ origin = 'backfill', {}", &GM[1..])
}

/// A record of a tweet that was so old when it came, on some day long before tests begin.
fn recorded(age: i64) -> String {
    let mut said = crate::kit::story::content("1", "kol", "will list");
    let at = 1_700_000_000_000_i64;
    said["ts"] = serde_json::json!(at);
    said["d"]["createdAt"] = serde_json::json!(at - age);
    format!("{{ envelope = '{{\"at\":{at},\"envelope\":{said}}}' }}")
}

#[test]
fn what_is_as_expected_passes() {
    for (events, expect) in [
        (LISTING, "{ rule = 'listing' }"),
        (
            LISTING,
            "{ rule = 'listing', fires = 1, at = '+0s', tweet = '1', sends = ['desk'], action = 'desk', message = 'list ABC' }",
        ),
        // The same twice is once.
        (&format!("{LISTING}, {{ at = '+2s' }}, {LISTING}"), "{ rule = 'listing' }"),
        ("{ content = { handle = 'kol', text = 'delist: will list' } }", "{ rule = 'listing', fires = 0, because = 'none' }"),
        ("{ content = { handle = 'kol', text = 'gm' } }", "{ rule = 'listing', fires = 0, because = 'keyword' }"),
        ("{ content = { handle = 'kim', text = 'will list' } }", "{ rule = 'listing', fires = 0, because = 'handle' }"),
        // Where both ids are known they decide.
        (
            "{ content = { handle = 'other', author_id = '8', text = 'will list' } }",
            "{ rule = 'listing', fires = 0, because = 'handle' }",
        ),
        ("{ content = { handle = 'kim', text = 'gm' } }", "{ rule = 'listing', fires = 0, because = ['handle', 'keyword'] }"),
        (CHEAP, "{ rule = 'each', element = 'AAA', at = '+1s' }"),
        (CHEAP, "{ rule = 'each', element = 'BBB', fires = 0, because = 'token.chain' }"),
        (CHEAP, "{ rule = 'each', at = '+0s', fires = 0, because = 'unknown' }"),
        (CHEAP, "{ rule = 'each', action = 'bot', message = ['AAA', '4Dx2'] }"),
        // Nothing of the kind has come, and nothing more is waited for.
        ("{ content = { handle = 'kol', text = 'gm' } }", "{ rule = 'each', fires = 0, because = 'token' }"),
        ("{ content = { handle = 'kol', text = 'a1' } }", "{ rule = 'two-of-three', fires = 0, because = 'any' }"),
        ("{ content = { handle = 'kol', text = 'a1', media = 'image' } }", "{ rule = 'two-of-three' }"),
        ("{ content = { handle = 'kol', text = 'gm' } }", "{ rule = 'quiet', fires = 0, because = 'mode' }"),
        (LISTING, "{ rule = 'deleted', fires = 0, because = 'on' }"),
        (&format!("{LISTING}, {{ at = '+9s', delete = {{ id = '1' }} }}"), "{ rule = 'deleted', at = '+9s' }"),
        (
            &format!("{LISTING}, {{ at = '+9s', update = {{ link = 'x' }} }}"),
            "{ rule = 'listing', at = '+9s', fires = 0, because = 'fired' }",
        ),
        // Older than the action allows.
        (
            "{ content = { handle = 'kol', text = 'will list', age = '1h' } }",
            "{ rule = 'listing', sends = [], because = 'max_age' }",
        ),
        // What came late is no order.
        (&format!("{{ origin = 'backfill', {}", &LISTING[1..]), "{ rule = 'listing', sends = ['desk'] }"),
        (&late_order(), "{ rule = 'order', sends = [], because = 'late' }"),
        // At a moment it is as it is then, whatever came before.
        (GM, "{ rule = 'each', at = '+2s', fires = 0, because = 'unknown' }"),
        (GM, "{ rule = 'each', at = '+20s', fires = 0, because = 'token' }"),
        (LISTING, "{ rule = 'listing', at = '+9s', fires = 0, because = 'fired' }"),
        (CHEAP, "{ rule = 'each', at = '+2s', element = 'AAA', fires = 0, because = 'fired' }"),
        // Below `none` a key works the other way round.
        (
            "{ content = { handle = 'kol', text = 'delist: will list' } }",
            "{ rule = 'listing', fires = 0, because = 'none.keyword' }",
        ),
        (
            "{ content = { handle = 'kol', text = 'delist' } }",
            "{ rule = 'listing', fires = 0, because = ['keyword', 'none.keyword'] }",
        ),
        // Account events are two unless their id says that they are one.
        (BIOS, "{ rule = 'bio', at = '+1m' }"),
        (&BIOS.replace("{ handle", "{ id = '7', handle"), "{ rule = 'bio', fires = 0, because = 'window' }"),
        (
            "{ follow = { handle = 'kol', target = { handle = 'a' } } }, { follow = { handle = 'kol', target = { handle = 'b' } } }",
            "{ rule = 'followed', fires = 2 }",
        ),
        // Of two tweets each is held back, or the one that is meant.
        (TWO, "{ rule = 'listing', tweet = '2', fires = 0, because = 'handle' }"),
        (TWO, "{ rule = 'listing', tweet = '1', fires = 0, because = 'keyword' }"),
        // What was recorded keeps its time: an hour old then is an hour old now.
        (&recorded(3_600_000), "{ rule = 'listing', sends = [], because = 'max_age' }"),
        (&recorded(1_000), "{ rule = 'listing', sends = ['desk'] }"),
        (&format!("{}, {{ at = '+3s' }}", recorded(1_000)), "{ rule = 'listing', at = '+3s', fires = 0, because = 'fired' }"),
        (
            r#"{ envelope = '{"v":1,"t":"tweet","op":"content","id":"5","ts":1,"d":{"tweetId":"5","text":"will list","author":{"handle":"kol"}}}' }"#,
            "{ rule = 'listing', tweet = '5' }",
        ),
    ] {
        let tested = run(events, expect);
        assert!(tested.failures.is_empty(), "{events}\n{expect}\n{:#?}", tested.failures);
    }
}

#[test]
fn an_action_has_its_share_of_the_day_and_what_finds_none_left_begins_no_cooldown() {
    let set = rules(
        r#"
        [actions.few]
        type = "console"
        max_per_day = 2
        [[rule]]
        name = "gm"
        send = ["few"]
        when = { keyword = "gm" }
        [[rule]]
        name = "other"
        send = [{ to = "few", cooldown = "40h" }]
        when = { keyword = "gn" }
        "#,
    );
    let at = |after: &str, id: u32, text: &str| format!("{{ at = '{after}', content = {{ id = '{id}', text = '{text}' }} }}");
    let events = [at("+0s", 1, "gm"), at("+1h", 2, "gm"), at("+2h", 3, "gn"), at("+3h", 4, "gm"), at("+27h", 5, "gn")];
    let expect = [
        "{ rule = 'gm', at = '+1h', sends = ['few'] }",
        "{ rule = 'other', at = '+2h', sends = [], because = 'max_per_day' }",
        "{ rule = 'gm', at = '+3h', sends = [], because = 'max_per_day' }",
        "{ rule = 'other', at = '+27h', sends = ['few'] }",
    ];
    let tests = format!("[[test]]\nname = 't'\nevents = [{}]\nexpect = [{}]\n", events.join(", "), expect.join(", "));
    let (read, shown) = read(&set, &tests);
    let tested = rule_test::run(read.tests.first().unwrap_or_else(|| panic!("{shown}")), &set, &no_files);
    assert!(tested.failures.is_empty(), "{:#?}", tested.failures);
}

#[test]
fn members_that_were_counted_before_their_price_came_have_it_when_they_are_told() {
    const CONTRACT: &str = "0x6982508145454Ce325dDbE47a25d4ec3d2311933";
    let set = rules(
        r#"
        [actions.bot]
        type = "webhook"
        url = "http://127.0.0.1:1/"
        json = { first = "{{ window.members[0].price }}", who = "{{ window.members[0].who }}" }
        [[rule]]
        name = "together"
        each = "token"
        send = ["bot"]
        when = { token = { contract = true } }
        window = { type = "distinct", of = "author", per = "token", within = "15m", at_least = 2 }
        "#,
    );
    let tweet = |at: u32, id: u32, who: &str| {
        format!("{{ at = '+{at}s', content = {{ id = '{id}', handle = '{who}', text = 'buy {CONTRACT}' }} }}")
    };
    let price = "{ at = '+1s', meta = { id = '1', tokens = [{ symbol = 'PEPE', contract = '0x6982508145454ce325ddbe47a25d4ec3d2311933', \
                 chain = 'ethereum', price = 0.000012 }] } }";
    let events = [tweet(0, 1, "a"), price.to_owned(), tweet(60, 2, "b")].join(", ");
    let text = format!(
        "[[test]]\nname = 't'\nevents = [{events}]\nexpect = [{{ rule = 'together', sends = ['bot'], message = '0.000012' }}]\n"
    );
    let (read, shown) = read(&set, &text);
    let tested = rule_test::run(read.tests.first().unwrap_or_else(|| panic!("{shown}")), &set, &no_files);
    assert!(tested.failures.is_empty(), "{:#?}", tested.failures);
}

#[test]
fn what_is_not_as_expected_fails_and_says_what_was() {
    for (events, expect, found) in [
        (LISTING, "{ rule = 'listing', fires = 2 }", "it fires on tweet:1 at +0s"),
        (LISTING, "{ rule = 'listing', fires = 0, because = 'handle' }", "it fires on tweet:1 at +0s"),
        (LISTING, "{ rule = 'listing', at = '+1s' }", "it fires on tweet:1 at +0s"),
        (LISTING, "{ rule = 'listing', tweet = '2' }", "it fires on tweet:1"),
        (LISTING, "{ rule = 'listing', message = 'another coin' }", "the message is:"),
        (LISTING, "{ rule = 'listing', sends = ['bot'] }", "to desk: a message"),
        (LISTING, "{ rule = 'each' }", "it does not fire"),
        // By accident: it would not fire whatever stands in the text.
        (
            "{ content = { handle = 'kim', text = 'delist: will list' } }",
            "{ rule = 'listing', fires = 0, because = 'none' }",
            "because of `handle` and `none`",
        ),
        (
            "{ content = { handle = 'kim', text = 'will list' } }",
            "{ rule = 'listing', fires = 0, because = ['handle', 'none'] }",
            "because of `handle`",
        ),
        ("{ meta = { id = '1' } }", "{ rule = 'deleted', fires = 0, because = 'handle' }", "because of `on`"),
        ("{ at = '+1s' }", "{ rule = 'listing', fires = 0, because = 'keyword' }", "nothing has happened"),
        (CHEAP, "{ rule = 'each', element = 'BBB', fires = 0, because = 'token.price' }", "because of `token`"),
        (CHEAP, "{ rule = 'each', action = 'desk', message = 'CCC' }", "the message is:"),
        // By the end of the wait it is not unknown any more.
        (GM, "{ rule = 'each', at = '+20s', fires = 0, because = 'unknown' }", "because of `token`"),
        // What a payload lacks is said once.
        (&format!("{GM}, {{ at = '+2h' }}"), "{ rule = 'silent', sends = ['bot2'] }", "to bot2: incomplete: json/link"),
        // One of several looks is not enough.
        (TWO, "{ rule = 'listing', fires = 0, because = 'handle' }", "on tweet:1: it does not fire because of `keyword`"),
        (TWO, "{ rule = 'listing', fires = 0, because = 'on' }", "on tweet:1: it does not fire because of `keyword`"),
        (
            &format!("{GM}, {{ at = '+1s', delete = {{ id = '1' }} }}"),
            "{ rule = 'listing', fires = 0, because = 'on' }",
            "because of `keyword`",
        ),
        (CHEAP, "{ rule = 'each', element = 'CCC', fires = 0, because = 'token' }", "there is no CCC"),
        // It has not fired before, and nothing is on record that has.
        (GM, "{ rule = 'listing', at = '+2s', fires = 0, because = 'fired' }", "because of `keyword`"),
        ("{ content = { handle = 'kol', text = 'delist' } }", "{ rule = 'listing', fires = 0, because = 'keyword' }", "none"),
        // Every reason that is named must occur.
        (&late_order(), "{ rule = 'order', sends = [], because = ['late', 'mode'] }", "to bot2: expired (`late`)"),
        (&late_order(), "{ rule = 'order', sends = [], because = 'max_age' }", "to bot2: expired (`late`)"),
        ("{ envelope = '{\"v\":1}' }", "{ rule = 'listing', fires = 0, because = 'keyword' }", "{\"v\":1}"),
        ("{ file = 'x.jsonl' }", "{ rule = 'listing', fires = 0, because = 'keyword' }", "there is no such file"),
    ] {
        let tested = run(events, expect);
        let told = tested.failures.iter().flat_map(|of| &of.differs.found).cloned().collect::<Vec<_>>().join("\n");
        assert!(
            told.contains(found),
            "{events}\n{expect}\n{:#?}",
            tested.failures.iter().map(|of| &of.differs).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_recorded_file_is_told_as_far_apart_as_it_was() {
    let set = rules(RULES);
    let (read, shown) =
        self::read(&set, "[[test]]\nname = 'it'\nevents = [{ file = 'x' }]\nexpect = [{ rule = 'each', at = '+700ms' }]\n");
    let line = |at: i64, value: &serde_json::Value| Recorded {
        at: birdcall::model::time::Timestamp::from_millis(crate::kit::story::START + at),
        origin: birdcall::model::firing::Origin::Live,
        text: value.to_string(),
    };
    let found = serde_json::json!({ "tokens": [crate::kit::story::token("AAA", crate::engine::ORBL, 0.1)] });
    let lines =
        [line(50_000, &crate::kit::story::content("1", "kol", "gm")), line(50_700, &crate::kit::story::meta("1", &found))];
    let tested = rule_test::run(read.tests.first().unwrap_or_else(|| panic!("{shown}")), &set, &|_| {
        Ok(Recording { entries: lines.to_vec(), counted_from: None })
    });
    assert!(tested.failures.is_empty(), "{:#?}", tested.failures);
    assert_eq!(tested.fired, [1, 4]);
}

#[test]
fn every_mistake_in_a_file_of_tests_is_explained_in_one_run() {
    let text = fs::read_to_string(Path::new(ROOT).join("tests/rules/tests/mistakes.toml")).unwrap();
    let (read, shown) = self::read(&rules(RULES), &text);
    assert!(read.tests.is_empty());
    insta::with_settings!({ snapshot_path => "../../rules/tests", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("mistakes", shown);
    });
}

#[test]
fn what_can_never_be_meant_is_a_mistake() {
    let set = rules(RULES);
    for (expect, words) in [
        ("{ rule = 'listing', element = 'A' }", "`listing` has no `each`"),
        ("{ rule = 'listing', fires = 0, because = 'max_age' }", "`max_age` keeps no rule from firing"),
        ("{ rule = 'listing', fires = 0, because = ['handle', 'late'] }", "`late` keeps no rule from firing"),
        ("{ rule = 'listing', sends = [], because = 'keyword' }", "`keyword` holds no send back"),
        ("{ rule = 'listing', fires = 0, because = 'none.nothing' }", "`because` cannot be `none.nothing`"),
        ("{ rule = 'listing', at = '+0banana' }", "`at` is no moment of a test"),
        ("{ rule = 'listing', at = '+0.5s' }", "`at` is no moment of a test"),
    ] {
        let (read, shown) = self::read(&set, &format!("[[test]]\nname = 'it'\nevents = [{GM}]\nexpect = [{expect}]\n"));
        assert!(read.tests.is_empty() && shown.contains(words), "{expect}:\n{shown}");
    }
}

#[test]
fn every_key_of_the_parts_of_a_short_form_is_known() {
    let meta = "{ meta = { markets = [{ exchange = 'binance', url = 'https://x.org' }], predictions = [{ id = '1', url = 'https://x.org' }], \
                tokens = [{ symbol = 'A' }] } }";
    let tested =
        run(&format!("{GM}, {meta}"), "{ rule = 'each', element = 'A', fires = 0, because = ['token.chain', 'token.price'] }");
    assert!(tested.failures.is_empty(), "{:#?}", tested.failures);
}

#[test]
fn a_file_of_many_tweets_is_run_in_no_time() {
    let set = rules(RULES);
    let (read, shown) = self::read(
        &set,
        "[[test]]\nname = 'it'\nevents = [{ file = 'x' }]\nexpect = [{ rule = 'quiet', fires = 0, because = 'mode' }]\n",
    );
    let line = |at: i64| Recorded {
        at: birdcall::model::time::Timestamp::from_millis(crate::kit::story::START + at),
        origin: birdcall::model::firing::Origin::Live,
        text: crate::kit::story::content(&at.to_string(), "kol", "gn").to_string(),
    };
    let lines: Vec<_> = (1..20_000).map(line).collect();
    let tested = rule_test::run(read.tests.first().unwrap_or_else(|| panic!("{shown}")), &set, &|_| {
        Ok(Recording { entries: lines.clone(), counted_from: None })
    });
    assert!(tested.failures.is_empty());
}

#[test]
fn an_example_of_a_rule_makes_it_fire() {
    for path in packs() {
        let set = rules(&fs::read_to_string(&path).unwrap());
        for rule in &set.rules {
            let events = rule_test::example(rule).join(", ");
            // One match of many, unless it is the first that is told, or nothing after it.
            let window = rule.window.as_ref().filter(|window| !matches!(window.kind.name(), "first_seen" | "silence"));
            let zero = if window.is_some() { ", fires = 0, because = 'window'" } else { "" };
            let text = format!(
                "[[test]]\nname = 'it'\nevents = [{events}]\nexpect = [{{ rule = {}{zero} }}]\n",
                rule_test::quoted(&rule.name)
            );
            let (read, shown) = read(&set, &text);
            assert_eq!(shown, "");
            let tested = rule_test::run(&read.tests[0], &set, &no_files);
            assert!(tested.failures.is_empty(), "{text}\n{:#?}", tested.failures);
        }
    }
}
