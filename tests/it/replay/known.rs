//! A replay of the last hours knows who is who, as the run did.

use birdcall::clock::Clock;
use birdcall::journal::{self, EntryRow, Record, Settings};
use birdcall::model::firing::Origin;
use birdcall::model::identity::{Identity, Kind};
use birdcall::model::time::Timestamp;
use serde_json::json;

use super::{ACTIONS, START, content};
use crate::kit::binary::Home;

#[test]
fn a_handle_is_whose_it_was_told_to_be_before_what_is_replayed() {
    let rule = "[[rule]]\nname = \"gm\"\ncooldown = { for = \"10m\", per = \"author\" }\nsend = [\"bot\"]\nwhen = { keyword = \"gm\" }\n";
    for (learned, fires) in [(Some(-86_400_000), 1), (Some(86_400_000), 2), (None, 2)] {
        let home = Home::with_rules(&format!("{ACTIONS}{rule}"));
        let (journal, writer) = journal::open(&home.path().join("state"), Settings::default(), Clock::system()).unwrap();
        let writer = std::thread::spawn(writer);
        for (minute, id, author) in [(0, "1", json!({"handle": "kol"})), (1, "2", json!({"id": "7", "handle": "kol"}))] {
            let mut tweet = content(minute * 60_000, id, "kol", "gm");
            tweet["d"]["author"] = author;
            let at = Timestamp::from_millis(START + minute * 60_000);
            let entry = EntryRow { at, origin: Origin::Live, matched: true, text: tweet.to_string().into() };
            let of = |ms| Identity {
                kind: Kind::Handle,
                name: "@kol".into(),
                is: Some("7".into()),
                at: Timestamp::from_millis(START + ms),
            };
            journal.record(Record { entry: Some(entry), identities: learned.map(of).into_iter().collect(), ..Record::default() });
        }
        drop(journal);
        writer.join().unwrap();
        let from = Timestamp::from_millis(START - 1_000).to_string();
        let told = home.json(&["replay", "--from", &from, "--json"]);
        assert_eq!(told["rules"][0]["ends"]["orders"], json!(fires), "{learned:?}: {told:#}");
    }
}
