//! A rule that gets `each`, or loses it, between the envelopes of a tweet that it fired for.

use std::sync::Arc;

use birdcall::engine::{Effect, Engine, Prepared};
use birdcall::model::firing::Origin;
use birdcall::rules::ruleset::RuleSet;
use serde_json::{Value, json};

use super::over_time::{Step, firings, load, step, told};
use super::{ORBL, OTHER};
use crate::kit::story::{content, meta, token};

fn rules(each: &str) -> Arc<RuleSet> {
    load(&format!(
        "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = {{ keyword = \"gm\" }}\n{each}\n"
    ))
}

fn hear(engine: &mut Engine, at: i64, envelope: Value) -> Vec<Effect> {
    step(engine, &Step { at, entry: Some((envelope, Origin::Live)) })
}

#[test]
fn a_tweet_that_a_rule_fired_for_fires_no_more_once_the_rule_has_each_or_has_lost_it() {
    let (whole, each) = (rules(""), rules("each = \"token\""));
    // Of each the tweet has one token in its text, or none; two come later.
    for (before, after, text, fires) in [
        (&whole, &each, "gm", 1),
        (&whole, &each, "gm $DOGE", 1),
        (&each, &whole, "gm $DOGE", 1),
        // It had none to fire for.
        (&each, &whole, "gm", 0),
    ] {
        let found = || meta("1", &json!({"tokens": [token("DOGE", ORBL, 1.0), token("WIF", OTHER, 1.0)]}));
        let mut live = Engine::new(Arc::clone(before));
        let first = hear(&mut live, 0, content("1", "kol", text));
        let ids: Vec<_> = first.iter().filter_map(|of| if let Effect::Fired(of) = of { Some(of.id) } else { None }).collect();
        assert_eq!(ids.len(), fires, "{text}");
        drop(live.replace_rules(Prepared::new(Arc::clone(after), before)));
        let mut again = Engine::new(Arc::clone(after));
        hear(&mut again, 0, content("1", "kol", text));
        again.restore(ids);
        for engine in [&mut live, &mut again] {
            assert_eq!(firings(&told(hear(engine, 100, found()))), 0, "{text}");
            assert_eq!(firings(&told(step(engine, &Step { at: 60_000, entry: None }))), 0, "{text}");
        }
    }
    // Of another tweet it fires as ever.
    let mut live = Engine::new(Arc::clone(&whole));
    hear(&mut live, 0, content("1", "kol", "gm"));
    drop(live.replace_rules(Prepared::new(each, &whole)));
    assert_eq!(firings(&told(hear(&mut live, 1_000, content("2", "kol", "gm $DOGE $WIF")))), 2);
}
