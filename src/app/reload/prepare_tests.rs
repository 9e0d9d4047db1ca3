//! What is refused, what stays, and what gets another number.

use std::sync::Mutex;

use super::*;
use crate::app::reload::files::Look;
use crate::deliver::Target;
use crate::model::action::SecretRef;
use crate::model::mode::Mode;
use crate::model::secret::SecretSource;
use crate::model::subject::Str;

/// Files that say what they are told to.
struct Fixed(Mutex<String>);

impl RulesFiles for Fixed {
    fn look(&self) -> Look {
        Look::new()
    }

    fn read(&self) -> Result<Vec<Source>, String> {
        Ok(vec![source(&self.0.lock().unwrap())])
    }

    fn load(&self, sources: &[Source]) -> Result<(RuleSet, Vec<Way>), Mistakes> {
        let loaded = crate::rules::load(sources);
        let rules = loaded.ruleset.ok_or_else(|| Mistakes { brief: "mistakes".to_owned(), text: String::new() })?;
        let ways = ways(&rules);
        Ok((rules, ways))
    }
}

fn source(text: &str) -> Source {
    Source::rules("rules.toml", text)
}

fn ways(rules: &RuleSet) -> Vec<Way> {
    let mut read = |secret: &SecretRef| match &secret.source {
        SecretSource::Clear(text) => Ok(text.clone()),
        _ => Err(()),
    };
    let way = |action| Way::Send(Box::new(Target::resolve(action, &mut read).unwrap()));
    rules.actions.iter().map(way).collect()
}

fn active(text: &str) -> Active {
    let rules = crate::rules::load(&[source(text)]).ruleset.unwrap();
    let targets = ways(&rules).into_iter().map(|way| match way {
        Way::Send(target) => Some(*target),
        Way::Console => None,
    });
    let targets = targets.collect();
    Active { rules: Arc::new(rules), sources: vec![source(text)], targets }
}

fn task(active: &Arc<Active>, text: &str, asked: bool, force: bool) -> Outcome {
    let files = Arc::new(Fixed(Mutex::new(text.to_owned())));
    Task { files, active: Arc::clone(active), asked, force, fetch: false, past: None, rest: Duration::ZERO }.run()
}

/// Files with a list of the accounts that the key tracks, which is known when the feed was asked.
struct Tracking(Fixed, Mutex<usize>);

impl RulesFiles for Tracking {
    fn look(&self) -> Look {
        self.0.look()
    }

    fn fetch(&self) {
        *self.1.lock().unwrap() += 1;
    }

    fn read(&self) -> Result<Vec<Source>, String> {
        let known = if *self.1.lock().unwrap() > 0 { "kol\n" } else { "" };
        Ok(self.0.read()?.into_iter().chain([Source::tracked("tracked.txt", known)]).collect())
    }

    fn load(&self, sources: &[Source]) -> Result<(RuleSet, Vec<Way>), Mistakes> {
        self.0.load(sources)
    }
}

#[test]
fn a_tracked_list_that_is_new_is_fetched_also_when_nobody_asked_for_a_reload() {
    let text = hook("a", "/a", "") + "[[rule]]\nname = \"x\"\nsend = [\"a\"]\nwhen = { handle = \"kol\" }\n";
    let (active, now) =
        (Arc::new(active(&text)), format!("[lists]\nmine = {{ tracked = true }}\n{text}").replace("\"kol\"", "\"@mine\""));
    let files = Arc::new(Tracking(Fixed(Mutex::new(now)), Mutex::default()));
    let task = |active: Arc<Active>| {
        let files: Arc<dyn RulesFiles> = Arc::<Tracking>::clone(&files);
        Task { files, active, asked: false, force: false, fetch: false, past: None, rest: Duration::ZERO }.run()
    };
    let Outcome::Ready(ready) = task(active) else { panic!("not ready") };
    assert_eq!((ready.active.rules.rules[0].mode, *files.1.lock().unwrap()), (Mode::Armed, 1));
    assert!(matches!(task(Arc::new(ready.active)), Outcome::Same));
    assert_eq!(*files.1.lock().unwrap(), 1, "it is asked no more at each save");
}

fn hook(name: &str, path: &str, more: &str) -> String {
    format!("[actions.{name}]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:9/{path}\"\n{more}\n")
}

fn rule(name: &str, send: &str, word: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nsend = [\"{send}\"]\nwhen = {{ keyword = \"{word}\" }}\n")
}

#[test]
fn no_beginning_of_a_file_takes_the_place_of_the_file() {
    let all: String = (0..30).map(|n| rule(&format!("r{n}"), "a", &format!("word{n}"))).collect();
    let text = hook("a", "a", "") + &all;
    let before = Arc::new(active(&text));
    for cut in 0..text.trim_end().len() {
        let outcome = task(&before, &text[..cut], false, false);
        assert!(matches!(outcome, Outcome::Refused(_)), "cut at {cut}: {:?}", &text[..cut]);
    }
    assert!(matches!(task(&before, &text, false, false), Outcome::Same));
    let shorter = hook("a", "a", "") + &all[..all.rfind("[[rule]]").unwrap()];
    assert!(matches!(task(&before, &shorter, false, false), Outcome::Refused(_)), "as if it were half written");
    assert!(matches!(task(&before, &shorter, true, false), Outcome::Ready(_)), "somebody asks for it");
}

#[test]
fn more_than_half_of_the_rules_are_lost_only_when_that_is_said() {
    let of = |numbers: std::ops::Range<usize>| {
        let rules: String = numbers.map(|n| rule(&format!("r{n}"), "a", "gm")).collect();
        hook("a", "a", "") + &rules
    };
    let before = Arc::new(active(&of(0..10)));
    for (rules, force, fine) in [(5..10, false, true), (6..10, false, false), (6..10, true, true), (10..30, false, false)] {
        let ready = matches!(task(&before, &of(rules.clone()), true, force), Outcome::Ready(_));
        assert_eq!(ready, fine, "{rules:?} {force}");
    }
}

#[test]
fn an_action_that_stays_keeps_its_number_and_one_that_changes_gets_another() {
    let text = |a: &str, c: &str| hook("a", a, c) + &hook("b", "b", "") + &rule("one", "a", "gm") + &rule("two", "b", "gn");
    let before = Arc::new(active(&text("a", "")));
    let ready = |text: &str, before: &Arc<Active>| match task(before, text, true, false) {
        Outcome::Ready(ready) => ready,
        _ => panic!("{text}"),
    };
    let opened = |ready: &Ready| ready.change.opened.iter().map(|(at, _)| *at).collect::<Vec<_>>();
    // In another order, with another max_age: the same lanes.
    let swapped = hook("b", "b", "") + &hook("a", "a", "max_age = \"9s\"") + &rule("two", "b", "gn") + &rule("one", "a", "gm");
    let same = ready(&swapped, &before);
    assert_eq!((opened(&same), &same.change.retired), (vec![], &vec![]));
    let sends = |ready: &Ready| ready.active.rules.rules.iter().map(|rule| rule.send[0].action).collect::<Vec<_>>();
    assert_eq!(sends(&same), [1, 0]);
    assert_eq!(same.active.rules.actions[0].max_age.as_secs(), 9);
    for changed in
        [text("else", ""), text("a", "timeout = \"1s\""), text("a", "mode = \"paper\""), text("a", "rate_limit = \"1/s\"")]
    {
        let changed = ready(&changed, &before);
        assert_eq!((opened(&changed), &changed.change.retired, sends(&changed)), (vec![2], &vec![(0, Some(2))], vec![2, 1]));
        // And again: what is retired is not looked at any more.
        let next = Arc::new(changed.active);
        let back = ready(&text("a", ""), &next);
        assert_eq!((opened(&back), &back.change.retired, sends(&back)), (vec![3], &vec![(2, Some(3))], vec![3, 1]));
        assert_eq!(back.active.rules.action("a").map(|(at, _)| at), Some(3));
    }
    let without = hook("b", "b", "") + &rule("one", "b", "gm") + &rule("two", "b", "gn");
    let without = ready(&without, &before);
    assert_eq!((opened(&without), &without.change.retired, sends(&without)), (vec![], &vec![(0, None)], vec![1, 1]));
}

#[test]
fn what_counts_from_a_start_on_stays_and_is_named() {
    let text = |feed: &str| format!("{feed}\n") + &hook("a", "a", "") + &rule("one", "a", "gm");
    let before = Arc::new(active(&text("[feed]\nkey = \"env:A\"")));
    let new = text("[feed]\nkey = \"env:B\"\nmeta_timeout = \"3s\"\nnotices = [\"a\"]\n[journal]\nmax_age = \"1d\"");
    let Outcome::Ready(ready) = task(&before, &new, true, false) else { panic!() };
    assert_eq!(ready.after_restart, ["[feed] key", "[feed] meta_timeout", "[journal]"]);
    let feed = &ready.active.rules.feed;
    assert_eq!((feed.meta_timeout, &feed.notices[..]), (before.rules.feed.meta_timeout, &[0][..]));
    assert_eq!(ready.active.rules.journal, before.rules.journal);
}

#[test]
fn what_waits_is_taken_back_from_lanes_that_stay_when_no_rule_wants_it_any_more() {
    let text = |rules: &str| hook("a", "a", "") + &hook("b", "b", "trading = true\nmax_age = \"3s\"") + rules;
    let both = |name: &str, more: &str| {
        format!("[[rule]]\nname = \"{name}\"\n{more}\nsend = [\"a\", \"b\"]\nwhen = {{ keyword = \"gm\" }}\n")
    };
    let before = Arc::new(active(&text(&(both("one", "") + &both("two", "")))));
    let unwanted = |rules: &str| match task(&before, &text(rules), true, true) {
        Outcome::Ready(ready) => {
            let names = |rules: &Vec<Str>| rules.iter().map(ToString::to_string).collect::<Vec<_>>();
            ready.change.unwanted.iter().map(|(at, rules)| (*at, names(rules))).collect::<Vec<_>>()
        }
        _ => panic!("{rules}"),
    };
    let (none, two) = (vec![], vec!["two".to_owned()]);
    assert_eq!(unwanted(&(both("one", "") + &both("two", "wait = \"2s\""))), [(0, none.clone()), (1, none.clone())]);
    assert_eq!(unwanted(&both("one", "")), [(0, none.clone()), (1, two.clone())], "its messages are sent, its orders are not");
    for mode in ["paper", "off"] {
        let more = format!("mode = \"{mode}\"");
        assert_eq!(unwanted(&(both("one", "") + &both("two", &more))), [(0, two.clone()), (1, two.clone())], "{mode}");
    }
    assert_eq!(unwanted(&(both("one", "") + &rule("two", "a", "gm"))), [(0, none), (1, two)]);
}

/// Files that change while they are read, so many times.
struct Restless(Mutex<u64>, Fixed);

impl RulesFiles for Restless {
    fn look(&self) -> Look {
        let mut left = self.0.lock().unwrap();
        *left = left.saturating_sub(1);
        vec![("rules.toml".into(), [*left; 4])]
    }

    fn read(&self) -> Result<Vec<Source>, String> {
        assert!(*self.0.lock().unwrap() <= 1, "they are not at rest");
        self.1.read()
    }

    fn load(&self, sources: &[Source]) -> Result<(RuleSet, Vec<Way>), Mistakes> {
        self.1.load(sources)
    }
}

#[test]
fn files_are_read_when_they_are_at_rest_though_somebody_asks_for_it_and_what_never_rests_is_said() {
    let text = hook("a", "a", "") + &rule("one", "a", "gm");
    let before = Arc::new(active(&text));
    let run = |times: u64| {
        let files = Arc::new(Restless(Mutex::new(times), Fixed(Mutex::new(text.clone()))));
        Task { files, active: Arc::clone(&before), asked: true, force: false, fetch: false, past: None, rest: Duration::ZERO }
            .run()
    };
    assert!(matches!(run(10), Outcome::Ready(_)));
    assert!(matches!(run(10_000), Outcome::Refused(why) if why.brief.contains("all the time")));
}

/// Files whose writer is slow: what they say at one reading after the other.
struct Slow(Mutex<Vec<String>>, Fixed);

impl RulesFiles for Slow {
    fn look(&self) -> Look {
        Look::new()
    }

    fn read(&self) -> Result<Vec<Source>, String> {
        Ok(vec![source(&self.0.lock().unwrap().remove(0))])
    }

    fn load(&self, sources: &[Source]) -> Result<(RuleSet, Vec<Way>), Mistakes> {
        self.1.load(sources)
    }
}

#[test]
fn what_looks_half_written_is_read_once_more_before_it_is_refused() {
    let first = hook("a", "a", "") + &rule("one", "a", "gm");
    let (two, three) = (first.clone() + &rule("two", "a", "gn"), first.clone() + &rule("three", "a", "gn"));
    let before = Arc::new(active(&two));
    for (then, ready) in [(&three, true), (&first, false)] {
        let files = Arc::new(Slow(Mutex::new(vec![first.clone(), then.clone()]), Fixed(Mutex::default())));
        let active = Arc::clone(&before);
        let outcome = Task { files, active, asked: false, force: false, fetch: false, past: None, rest: Duration::ZERO }.run();
        assert_eq!(matches!(outcome, Outcome::Ready(_)), ready, "{then}");
    }
}
