//! Any text as hours in any zone: it is either read, and then opens and closes by turns, or something is said that a line can show.

use birdcall::model::time::Timestamp;
use birdcall::rules::hours::{Hours, Zone};

/// The first line is a zone; each of the others is hours.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let zone = Zone::parse(lines.next().unwrap_or_default());
    let zone = zone.unwrap_or_else(|why| {
        is_said(&why);
        if let Some(meant) = meant(&why) {
            Zone::parse(meant).expect("what was meant is a zone");
        }
        Zone::default()
    });
    let texts: Vec<_> = lines.collect();
    match Hours::parse(&texts, &zone) {
        Ok(hours) => turns(&hours),
        Err(wrong) => {
            assert!(!wrong.is_empty());
            for wrong in wrong {
                is_said(&wrong.why);
                if let Some(meant) = meant(&wrong.why) {
                    Hours::parse(&[meant], &zone).expect("what was meant is hours");
                }
            }
        }
    }
}

fn meant(why: &str) -> Option<&str> {
    why.strip_prefix("did you mean `")?.strip_suffix("`?")
}

fn is_said(why: &str) {
    assert!(!why.is_empty() && why.len() < 400, "{why}");
}

/// They change at every moment at which they are said to, and do so at least twice a week.
fn turns(hours: &Hours) {
    let mut now = Timestamp::from_millis(1_781_700_000_123);
    for _ in 0..40 {
        let Some(next) = hours.next_change(now) else {
            assert!(hours.is_always_open() && hours.is_open(now));
            return;
        };
        // A clock that is moved forward leaves an hour or so out, and with it perhaps the only one of that week.
        assert!(next > now && next.since(now).as_secs() <= 15 * 86_400, "{now} {next}");
        let before = Timestamp::from_millis(next.as_millis() - 1);
        assert_eq!(hours.is_open(before), hours.is_open(now));
        assert_ne!(hours.is_open(next), hours.is_open(now));
        assert_eq!(hours.opens_at(now), Some(if hours.is_open(now) { now } else { next }));
        now = next;
    }
}
