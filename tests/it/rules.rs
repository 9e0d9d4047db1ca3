//! `rules::load` as a user sees it: what a file means, and what is said about every mistake in it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use birdcall::model::action::{Chat, Destination, Overflow};
use birdcall::model::journal::{JournalSettings, Sync};
use birdcall::model::limits::REGEXES_AT_LOAD;
use birdcall::model::mode::Mode;
use birdcall::model::subject::Event;
use birdcall::rules::condition::{Condition, Matcher, TextPattern};
use birdcall::rules::ruleset::Auth;
use birdcall::rules::{Loaded, Severity, Source, Style, elsewhere, load, render};
use proptest::prelude::*;

fn source(name: &str, text: &str) -> Source {
    Source::rules(name, text)
}

fn load_text(text: &str) -> Loaded {
    load(&[source("rules.toml", text)])
}

/// Loads and renders one text; the first thing to look at when a test fails.
fn said(text: &str) -> String {
    let sources = [source("rules.toml", text)];
    render(&load(&sources).diagnostics, &sources, Style::Plain)
}

fn errors(loaded: &Loaded) -> Vec<&str> {
    loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.message.as_str()).collect()
}

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rules");

/// RULES 1.
const WHOLE: &str = include_str!("../rules/good/whole.toml");

/// Rules with the lists that stand beside them; what the key tracks is not known.
fn with_lists(rules: Source) -> Vec<Source> {
    let named = elsewhere(std::slice::from_ref(&rules)).files.into_iter().map(|file| {
        let name = file.display().to_string();
        match fs::read_to_string(Path::new(FIXTURES).join(&file)) {
            Ok(text) => Source::list(name, text),
            Err(_) => Source::unread(&*name, format!("{name}: there is no such file")),
        }
    });
    let named: Vec<_> = named.collect();
    std::iter::once(rules).chain(named).collect()
}

#[test]
fn every_mistake_is_explained() {
    let mut files: Vec<_> = fs::read_dir(FIXTURES).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    files.sort();
    assert!(files.len() > 40, "the fixtures are not where they were: {}", files.len());
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let sources = with_lists(source(&format!("{name}.toml"), &fs::read_to_string(&path).unwrap()));
        let loaded = load(&sources);
        let text = render(&loaded.diagnostics, &sources, Style::Plain);
        assert!(!loaded.diagnostics.is_empty(), "{name}: no mistake was found");
        assert_eq!(
            loaded.ruleset.is_none(),
            !errors(&loaded).is_empty(),
            "{name}: a rule set comes out exactly when there is no error"
        );
        assert!(!text.contains("s3cret") && !text.contains("hunter2"), "{name}: a secret was shown\n{text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202E}'), "{name}: a control character was shown");
        insta::with_settings!({ snapshot_path => "../rules", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn twelve_mistakes_are_found_in_one_run() {
    let text = fs::read_to_string(Path::new(FIXTURES).join("twelve-mistakes.toml")).unwrap();
    let loaded = load_text(&text);
    assert_eq!(errors(&loaded).len(), 12, "{}", said(&text));
}

#[test]
fn the_whole_file_of_the_documentation_loads_with_its_one_warning() {
    let loaded = load_text(WHOLE);
    let codes: Vec<_> = loaded.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["symbol-alone"], "{}", said(WHOLE));
    let set = loaded.ruleset.unwrap();
    assert_eq!(set.rules.iter().map(|rule| &*rule.name).collect::<Vec<_>>(), ["exchange-listing", "kol-doge-dip", "confluence"]);
    let [desk, phone, bot] = set.actions.as_slice() else { panic!("{:?}", set.actions) };
    assert!(bot.trading && bot.max_age == Duration::from_secs(3) && bot.rate_limits.is_empty(), "{bot:?}");
    assert_eq!((desk.max_age, desk.rate_limits.len()), (Duration::from_secs(600), 2));
    let Destination::Telegram(telegram) = &phone.destination else { panic!("{phone:?}") };
    assert_eq!(telegram.chat, Chat::Id(-1_001_234_567_890));
    let dip = &set.rules[1];
    assert_eq!(dip.on, [Event::Tweet]);
    assert!(dip.send[1].max_age == Some(Duration::from_secs(2)) && dip.send[1].payload.is_some(), "{:?}", dip.send);
}

#[test]
fn what_only_looks_like_a_mistake_is_not_warned_of() {
    for name in ["complete", "cooldown-apart", "reachable-windows"] {
        let text = fs::read_to_string(Path::new(FIXTURES).join(format!("good/{name}.toml"))).unwrap();
        assert_eq!(load_text(&text).diagnostics, [], "{name}: {}", said(&text));
    }
}

#[test]
fn every_key_of_later_work_is_refused_by_name() {
    let rule = "[[rule]]\nname = \"r\"\nsend = [\"desk\"]\nwhen = { keyword = \"x\" }\n";
    let cases = [
        ("type `redis`", format!("[actions.desk]\ntype = \"redis\"\nstream = \"x\"\n{rule}")),
        ("type `nats`", format!("[actions.desk]\ntype = \"nats\"\n{rule}")),
        ("type `sqs`", format!("[actions.desk]\ntype = \"sqs\"\n{rule}")),
    ];
    for (key, text) in cases {
        let loaded = load_text(&text);
        let errors = errors(&loaded);
        assert!(matches!(errors.as_slice(), [one] if one.starts_with("not yet") && one.contains(key)), "{key}: {}", said(&text));
    }
}

/// A file with a mode at each of the four places; `None`: nothing is written there.
fn with_modes([defaults, action, rule, send]: [Option<Mode>; 4]) -> String {
    let line = |mode: Option<Mode>| mode.map_or_else(String::new, |mode| format!("mode = \"{}\"\n", mode.name()));
    let send = send.map_or_else(String::new, |mode| format!(", mode = \"{}\"", mode.name()));
    format!(
        "[defaults]\n{}[actions.out]\ntype = \"console\"\n{}[[rule]]\nname = \"r\"\n{}send = [{{ to = \"out\"{send} }}]\nwhen = {{ keyword = \"x\" }}\n",
        line(defaults),
        line(action),
        line(rule)
    )
}

#[test]
fn the_strictest_of_all_modes_counts_for_a_send() {
    let modes = [None, Some(Mode::Armed), Some(Mode::Paper), Some(Mode::Off)];
    for n in 0..256 {
        let [defaults, action, rule, send] = [n, n / 4, n / 16, n / 64].map(|n| modes[n % 4]);
        let text = with_modes([defaults, action, rule, send]);
        let set = load_text(&text).ruleset.unwrap_or_else(|| panic!("{}", said(&text)));
        let of = |written: &[Option<Mode>]| written.iter().copied().flatten().max().unwrap_or(Mode::Armed);
        assert_eq!(set.actions[0].mode, of(&[defaults, action]), "{text}");
        assert_eq!(set.rules[0].mode, of(&[defaults, rule]), "{text}");
        assert_eq!(set.rules[0].send[0].mode, of(&[defaults, action, rule, send]), "{text}");
    }
}

#[test]
fn digests_by_default_are_for_the_chats_alone() {
    let text = "[defaults]\noverflow = \"digest\"\n[actions.a]\ntype = \"discord\"\nurl = \"env:A\"\n\
        [actions.b]\ntype = \"webhook\"\nurl = \"env:B\"\n[actions.c]\ntype = \"console\"\n\
        [actions.d]\ntype = \"slack\"\nurl = \"env:D\"\ntrading = true\nmax_age = \"3s\"\n\
        [actions.e]\ntype = \"telegram\"\ntoken = \"env:E\"\nchat = 1\noverflow = \"drop\"\nmax_per_day = 7\n\
        [actions.f]\ntype = \"slack\"\nurl = \"env:F\"\n\
        [[rule]]\nname = \"r\"\nsend = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"]\nwhen = { contract = true }\n";
    let loaded = load_text(text);
    assert_eq!(loaded.diagnostics, [], "{}", said(text));
    let set = loaded.ruleset.unwrap();
    let overflows: Vec<_> = set.actions.iter().map(|action| action.overflow).collect();
    let (digest, queue) = (Overflow::Digest, Overflow::Queue);
    assert_eq!(overflows, [digest, queue, queue, queue, Overflow::Drop, digest]);
    assert_eq!(set.actions.iter().map(|action| action.max_per_day).collect::<Vec<_>>(), [None, None, None, None, Some(7), None]);
}

#[test]
fn notices_history_and_the_journal_are_as_the_file_says() {
    let actions = "[actions.desk]\ntype = \"console\"\n[actions.phone]\ntype = \"console\"\n";
    let rule = "[[rule]]\nname = \"r\"\nsend = [\"desk\"]\nwhen = { keyword = \"x\" }\n";
    let set = load_text(&format!("{actions}{}", rule.replace("desk", "phone\", \"desk"))).ruleset.unwrap();
    assert_eq!((set.feed.history, set.feed.notices, set.journal), (None, vec![], JournalSettings::default()));

    let feed = "[feed]\nnotices = [\"phone\"]\nhistory = \"http://127.0.0.1:9000/api/history\"\n";
    let journal = "[journal]\nsync = \"power\"\nmax_age = \"3d\"\nmax_bytes = \"64 MiB\"\n";
    let text = format!("{feed}{journal}{actions}{rule}");
    let loaded = load_text(&text);
    assert_eq!(loaded.diagnostics, [], "an action that is told notices is not unused: {}", said(&text));
    let set = loaded.ruleset.unwrap();
    assert_eq!(set.feed.history.as_deref(), Some("http://127.0.0.1:9000/api/history"));
    assert_eq!(set.feed.notices, [1]);
    let off = text.replace("[actions.phone]", "[actions.phone]\nmode = \"off\"");
    assert_eq!(load_text(&off).ruleset.unwrap().feed.notices, [0; 0], "what is off is told nothing");
    let expected = JournalSettings { sync: Sync::Power, max_age: Duration::from_secs(3 * 86_400), max_bytes: 64 << 20 };
    assert_eq!(set.journal, expected);
}

#[test]
fn history_is_asked_for_over_https_or_within_these_walls() {
    let load = |url: &str| {
        let text = format!(
            "[feed]\nhistory = \"{url}\"\n[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"r\"\nsend = \"out\"\nwhen = {{ keyword = \"x\" }}\n"
        );
        load_text(&text).ruleset.map(|set| set.feed.history)
    };
    for url in [
        "https://api.example.com/api/history",
        "http://127.0.0.1:1/h",
        "http://[::1]:1/h",
        "http://10.0.0.7/h",
        "http://sim:80/h",
    ] {
        let expected = url.replace(":80", "");
        assert_eq!(load(url), Some(Some(expected)), "{url}");
    }
    for url in [
        "http://api.example.com/api/history",
        "http://8.8.8.8/h",
        "wss://api.example.com/h",
        "api.example.com/h",
        "",
        "env:HISTORY",
        "https://user:hunter2@api.example.com/h",
        "https://api.example.com/h?api_key=hunter2",
    ] {
        assert_eq!(load(url), None, "{url}");
    }
}

#[test]
fn the_same_is_said_of_a_regex_however_many_come_before_it() {
    let before = "[actions.before]\ntype = \"console\"\n".to_owned()
        + &(0..=REGEXES_AT_LOAD)
            .map(|n| format!("[[rule]]\nname = \"before-{n}\"\nsend = \"before\"\nwhen = {{ regex = 'before-{n}' }}\n"))
            .collect::<String>();
    let before = source("before.toml", &before);
    let names = ["broken", "dollar", "empty", "flag", "limits", "never", "not-in-texts"];
    for name in names.map(|name| format!("regex-{name}.toml")) {
        let file = source(&name, &fs::read_to_string(Path::new(FIXTURES).join(&name)).unwrap());
        let said = |sources: &[Source]| render(&load(sources).diagnostics, sources, Style::Plain);
        assert_eq!(said(&[before.clone(), file.clone()]), said(&[file]), "{name}");
    }
}

#[test]
fn files_form_one_set_in_any_order() {
    let rules = source("a/rules.toml", "[[rule]]\nname = \"r\"\nsend = [\"desk\"]\nwhen = { handle = \"@kols\" }\n");
    let lists = source("z/lists.toml", "[lists]\nkols = [\"a\", \"b#12\"]\n");
    let actions = source("m/actions.toml", "[actions.desk]\ntype = \"console\"\n");
    let loaded = load(&[rules.clone(), lists.clone(), actions.clone()]);
    assert_eq!(loaded.diagnostics, [], "nothing to say");
    let set = loaded.ruleset.unwrap();
    let Condition::All(all) = &set.rules[0].when else { panic!("{:?}", set.rules) };
    let [Condition::Is(matcher)] = all.as_slice() else { panic!("{all:?}") };
    let Matcher::Handle(accounts) = &**matcher else { panic!("{matcher:?}") };
    assert!(accounts.by_handle.contains("a") && accounts.by_id.contains("12"), "{accounts:?}");

    let other = format!("{}{}timeout = \"5s\"\n", lists.text.replace("#12", "#13"), actions.text);
    let again = [rules, lists, actions, source("other.toml", &other)];
    let text = render(&load(&again).diagnostics, &again, Style::Plain);
    for place in ["z/lists.toml:2", "m/actions.toml:1", "other.toml:2", "other.toml:3"] {
        assert!(text.contains(place), "{place} is missing:\n{text}");
    }
}

#[test]
fn packs_that_repeat_each_other_go_together() {
    let pack = |name: &str, rule: &str, more: &str| {
        let shared = "[feed]\nkey = \"env:KEY\"\n[lists]\nkols = [\"a\", \"b\"]\n[templates.t]\nbody = \"x\"\n\
            [actions.desk]\ntype = \"webhook\"\nurl = \"env:BOT\"\nheaders = { A = \"b\" }\njson = { n = 1, list = [1.5, true] }\n\
            [actions.phone]\ntype = \"console\"\ntemplate = \"t\"\n";
        let rule = format!("[[rule]]\nname = \"{rule}\"\nsend = [\"desk\", \"phone\"]\nwhen = {{ handle = \"@kols\" }}\n");
        source(name, &format!("{}{rule}", shared.replace("[lists]", &format!("{more}\n[lists]"))))
    };
    let loaded = load(&[pack("a.toml", "one", ""), pack("b.toml", "two", "auth = \"bearer\"")]);
    assert_eq!(loaded.diagnostics, [], "nothing to say");
    let set = loaded.ruleset.unwrap();
    assert_eq!((set.actions.len(), set.rules.len(), set.feed.auth), (2, 2, Auth::Bearer), "a key of either file counts");

    let differing = [
        ("\"env:KEY\"", "\"env:OTHER\""),
        ("[\"a\", \"b\"]", "[\"b\", \"a\"]"),
        ("body = \"x\"", "title = \"x\""),
        ("n = 1,", "n = 2,"),
        ("A = \"b\"", "A = \"b\", B = \"c\""),
    ];
    for (from, to) in differing {
        let mut other = pack("b.toml", "two", "");
        other.text = other.text.replace(from, to);
        let sources = [pack("a.toml", "one", ""), other];
        let loaded = load(&sources);
        let text = render(&loaded.diagnostics, &sources, Style::Plain);
        assert!(matches!(errors(&loaded).as_slice(), [_]), "{from}: {text}");
        assert!(text.contains("a.toml:") && text.contains("b.toml:"), "both places are named:\n{text}");
    }
}

#[test]
fn patterns_are_stored_as_they_are_compared() {
    let text = "[actions.desk]\ntype = \"console\"\n[[rule]]\nname = \"r\"\nsend = \"desk\"\n[rule.when]\n\
        all = [{ keyword = [\"Will  List\", \"$DOGE\"] }, { contains = \"ＡＢＣ\", case = true }, { cashtag = \"$doge\" }]\n";
    let set = load_text(text).ruleset.unwrap_or_else(|| panic!("{}", said(text)));
    let mut found = Vec::new();
    gather(&set.rules[0].when, &mut found);
    assert!(
        matches!(found[0], TextPattern::Keyword { words, exact: false }
        if &*words[0].phrase == "will list" && !words[0].open_start && words[1].open_start && !words[1].open_end),
        "{found:?}"
    );
    assert!(matches!(found[1], TextPattern::Contains { parts, exact: true } if &*parts[0] == "ABC"), "{found:?}");
    assert!(matches!(found[2], TextPattern::Cashtag(symbols) if symbols.contains("DOGE")), "{found:?}");
}

fn gather<'c>(condition: &'c Condition, into: &mut Vec<&'c TextPattern>) {
    match condition {
        Condition::All(of) | Condition::Any { of, .. } | Condition::None(of) => of.iter().for_each(|c| gather(c, into)),
        Condition::Is(matcher) => {
            if let Matcher::Text(text) = &**matcher {
                into.push(&text.pattern);
            }
        }
    }
}

#[test]
fn more_diagnostics_than_can_be_read_are_a_number() {
    let text = "[actions.desk]\ntype = \"console\"\n".to_owned() + &"[[rule]]\nname = \"r\"\n".repeat(20_000);
    let shown = said(&text);
    assert!(shown.contains(" more; mend these first") && shown.len() < 200_000, "{}", shown.len());
    assert!(load_text(&text).diagnostics.len() <= 10_001);
}

#[test]
fn a_hundred_thousand_rules_load_without_quadratic_work() {
    use std::fmt::Write as _;
    let mut text = "[lists]\nkols = [".to_owned();
    (0..300).for_each(|n| write!(text, "\"kol_{n}\", ").unwrap());
    text.push_str("]\n[actions.desk]\ntype = \"console\"\n");
    for n in 0..100_000 {
        writeln!(text, "[[rule]]\nname = \"r{n}\"\nsend = [\"desk\"]\nwhen = {{ handle = \"@kols\", keyword = \"word{n}\" }}")
            .unwrap();
    }
    let loaded = load_text(&text);
    assert_eq!(loaded.diagnostics, []);
    assert_eq!(loaded.ruleset.unwrap().rules.len(), 100_000);
}

#[test]
fn every_prefix_of_a_good_file_is_loaded_or_refused_and_never_panics() {
    for end in (0..=WHOLE.len()).filter(|end| WHOLE.is_char_boundary(*end)) {
        said(&WHOLE[..end]);
    }
}

/// Quadratic work on any of these would take minutes.
#[test]
fn a_large_file_that_is_wrong_everywhere_is_read_in_bounded_time() {
    let many = |line: &dyn Fn(usize) -> String, count: usize| (0..count).map(line).collect::<String>();
    let desk = "[actions.desk]\ntype = \"console\"\n";
    let cases = [
        many(&|n| format!("[actions.a{n}]\n"), 30_000) + &many(&|n| format!("[actions.a{n}]\nx = 1\n"), 30_000),
        many(&|n| format!("key_{n} = {n}\n"), 100_000),
        format!("[lists]\n{}{desk}", many(&|n| format!("list_{n} = [\"a\"]\n"), 30_000))
            + &many(&|n| format!("[[rule]]\nname = \"r{n}\"\nsend = [\"x{n}\"]\nwhen = {{ handle = \"@lost{n}\" }}\n"), 30_000),
        format!(
            "{desk}[[rule]]\nname = \"r\"\nsend = [\"desk\"]\n[rule.when]\nall = [{}]\n",
            "{ handle = \"a\", kind = \"post\" }, ".repeat(50_000)
        ),
        format!("a = [{}\n", "1 2 ".repeat(200_000)),
        format!("{desk}[[rule]]\nname = \"r\"\nsend = [{}]\nwhen = {{ keyword = \"x\" }}\n", "\"desk\", ".repeat(100_000)),
    ];
    for text in cases {
        assert!(said(&text).len() < 1_000_000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_load_panic(text in "\\PC{0,300}") {
        said(&text);
    }

    #[test]
    fn no_mutation_of_a_good_file_makes_load_panic(cuts in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}=\"'\\\\,#@$\n\\PC]{0,4}"), 1..6)) {
        let mut text: Vec<char> = WHOLE.chars().collect();
        for (at, insert) in cuts {
            let at = at.index(text.len());
            text.splice(at..(at + insert.len()).min(text.len()), insert.chars());
        }
        said(&text.into_iter().collect::<String>());
    }
}
