//! What messages look like: one snapshot for every kind of event and every platform.

use birdcall::model::message::Body;
use birdcall::render::{Rendered, test_message};

use super::samples::{AT, actions, every_kind, rendered, sent};

fn shown(body: &Body) -> String {
    match body {
        Body::Console(_) => sent(body).as_str().unwrap().to_owned(),
        _ => serde_json::to_string_pretty(&sent(body)).unwrap(),
    }
}

fn whole(message: &Rendered) -> String {
    match &message.fallback {
        Some(fallback) => format!("{}\n--- fallback ---\n{}", shown(&message.body), shown(fallback)),
        None => shown(&message.body),
    }
}

#[test]
fn every_kind_of_event_on_every_platform() {
    for (kind, firing) in every_kind() {
        for (platform, _) in actions() {
            let message = rendered(&firing, platform);
            insta::assert_snapshot!(format!("{kind}__{platform}"), whole(&message));
        }
    }
}

#[test]
fn a_test_message_says_that_it_is_one() {
    for (platform, action) in actions() {
        let message = test_message(&action, AT);
        assert!(shown(&message.body).contains("only a test"), "{platform}");
        insta::assert_snapshot!(format!("test_message__{platform}"), whole(&message));
    }
}
