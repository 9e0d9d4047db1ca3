//! Late news: what did not come over the live socket is marked as late, and no order is made of it.

use birdcall::engine::Effect;
use birdcall::model::delivery::Outcome;
use birdcall::model::firing::Origin::{self, Backfill, Live, Replay};
use serde_json::{Value, json};

use super::{ORBL, rule};
use crate::kit::story::{Story, content, meta, of_tweet, token, update};

/// The rules that fired, each with whether it was late.
fn told(effects: Vec<Effect>) -> Vec<(String, bool)> {
    let of = |effect| match effect {
        Effect::Fired(firing) => Some((firing.rule.to_string(), firing.is_late())),
        _ => None,
    };
    effects.into_iter().filter_map(of).collect()
}

/// Envelopes one after the other; what the last of them made true.
fn last(rules: &str, envelopes: &[(Origin, Value)]) -> Vec<(String, bool)> {
    let mut story = Story::new(rules);
    let steps = envelopes.iter().zip(0..).map(|((origin, envelope), ms)| story.now_from(*origin).all(ms, envelope));
    told(steps.last().unwrap())
}

#[test]
fn a_firing_is_late_when_its_entry_or_the_content_did_not_come_live() {
    let rules = rule("dip", "when = { handle = \"kol\", token = \"DOGE\" }");
    let tweet = || content("1", "kol", "gm");
    let fuller = || {
        let mut tweet = tweet();
        tweet["d"]["author"]["name"] = json!("The Kol");
        tweet
    };
    let found = || meta("1", &json!({"tokens": [token("DOGE", ORBL, 1.0)]}));
    let cases = [
        (vec![(Live, tweet()), (Live, found())], false, "all of it came live"),
        (vec![(Live, tweet()), (Backfill, found())], true, "what made it true did not"),
        (vec![(Live, tweet()), (Replay, found())], true, "what made it true did not"),
        (vec![(Backfill, tweet()), (Live, found())], true, "the content did not"),
        (vec![(Replay, tweet()), (Live, found())], true, "the content did not"),
        (vec![(Live, found()), (Backfill, tweet())], true, "what made it true did not"),
        (vec![(Backfill, found()), (Live, tweet())], false, "the news itself came live"),
        (vec![(Live, tweet()), (Backfill, tweet()), (Live, found())], false, "history repeated it"),
        (vec![(Live, tweet()), (Backfill, fuller()), (Live, found())], false, "history said it at greater length"),
        (vec![(Backfill, tweet()), (Live, tweet()), (Live, found())], false, "it came live as well"),
        (vec![(Backfill, fuller()), (Live, tweet()), (Live, found())], false, "it came live as well"),
        (
            vec![(Backfill, tweet()), (Live, update("1", &json!({"text": "gm!"}))), (Live, found())],
            true,
            "only more of it came live",
        ),
    ];
    for (envelopes, late, why) in cases {
        assert_eq!(last(&rules, &envelopes), [("dip".to_owned(), late)], "{why}: {envelopes:?}");
    }
}

#[test]
fn what_a_waits_end_makes_true_is_late_when_anything_that_it_may_rest_on_was() {
    let rules = rule("quiet", "wait = \"2s\"\nwhen = { handle = \"kol\", none = [{ token = \"DOGE\" }, { media = true }] }");
    let other = || update("1", &json!({"text": "gm!"}));
    for (envelopes, late) in [
        (vec![(Live, content("1", "kol", "gm"))], false),
        (vec![(Backfill, content("1", "kol", "gm"))], true),
        (vec![(Backfill, content("1", "kol", "gm")), (Live, other())], true),
        (vec![(Live, content("1", "kol", "gm")), (Backfill, other())], true),
        (vec![(Live, content("1", "kol", "gm")), (Backfill, content("1", "kol", "gm"))], false),
    ] {
        let mut story = Story::new(&rules);
        for (origin, envelope) in &envelopes {
            assert_eq!(told(story.now_from(*origin).all(0, envelope)), [], "{envelopes:?}");
        }
        assert_eq!(told(story.all_at(2_000)), [("quiet".to_owned(), late)], "{envelopes:?}");
    }
}

#[test]
fn a_live_event_on_a_tweet_of_history_is_news() {
    let rules = rule("gone", "on = \"delete\"\nwhen = { handle = \"kol\" }");
    let (tweet, delete) = (content("1", "kol", "gm"), of_tweet("delete", "1", &json!({})));
    assert_eq!(last(&rules, &[(Backfill, tweet.clone()), (Live, delete.clone())]), [("gone".to_owned(), false)]);
    assert_eq!(last(&rules, &[(Live, tweet), (Backfill, delete)]), [("gone".to_owned(), true)]);
}

#[test]
fn no_order_is_made_of_a_tweet_of_history_whatever_is_learned_of_it_live() {
    let rules = "[actions.bot]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\ntrading = true\nmax_age = \"1h\"\n\
                 [[rule]]\nname = \"buy\"\nsend = [\"bot\"]\nwhen = { token = { symbol = \"DOGE\", contract = true } }\n";
    let found = meta("1", &json!({"tokens": [token("DOGE", ORBL, 1.0)]}));
    for (origin, ends) in [(Live, vec![]), (Backfill, vec![Outcome::Expired])] {
        let mut story = Story::new(rules);
        story.now_from(origin).at(0, &content("1", "kol", "gm"));
        assert_eq!(story.now_from(Live).ends(1, &found), ends, "{origin:?}");
    }
}
