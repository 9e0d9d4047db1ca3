//! Any sequence of losses, and any times between frames: whoever must stop stops, no server is hammered, and no connection is called
//! dead before its time.

use std::time::Duration;

use birdcall::feed::backoff::{Backoff, Pace};
use birdcall::feed::liveness::{Due, Liveness};
use birdcall::feed::{Loss, Reaction};
use birdcall::model::limits::{DEAD_AFTER, PING_EVERY};

/// Four bytes a step: what it is, a code or status, and a number between 0 and 1.
pub(crate) fn holds(bytes: &[u8]) {
    let (steps, _) = bytes.as_chunks::<4>();
    backs_off(steps);
    stays_alive(steps);
}

/// In any ten minutes at most 30 attempts (RELIABILITY C3).
fn backs_off(steps: &[[u8; 4]]) {
    let pace = Pace::default();
    let mut backoff = Backoff::new(pace);
    let (mut now, mut attempts, mut at_once) = (Duration::ZERO, Vec::new(), 0);
    for [kind, high, low, jitter] in steps {
        let code = u16::from_be_bytes([*high, *low]);
        let Some(loss) = loss(*kind, code) else {
            backoff.reset();
            attempts.clear();
            at_once = 0;
            continue;
        };
        let words = loss.to_string();
        assert!(!words.is_empty() && !words.contains(char::is_control), "{words:?}");
        let reaction = loss.reaction();
        assert_eq!(loss.wants_attention(), matches!(reaction, Reaction::Stop | Reaction::SlowRetry));
        let Some(wait) = backoff.after(reaction, f64::from(*jitter) / 255.0) else {
            assert_eq!(reaction, Reaction::Stop, "{loss}");
            return;
        };
        let (shortest, longest) = match reaction {
            Reaction::Stop => panic!("{loss} is tried again after {wait:?}"),
            Reaction::SlowRetry => (pace.slow_first, pace.slow_max.mul_f64(1.1)),
            Reaction::AtOnce => (pace.at_once_min, pace.max + pace.jitter),
            Reaction::Backoff => (pace.first, pace.max + pace.jitter),
        };
        assert!((shortest..=longest).contains(&wait), "{loss}: {wait:?}");
        at_once += u32::from(wait < pace.first);
        assert!(at_once <= pace.at_once_times, "a crash loop is believed {at_once} times");
        now += wait;
        attempts.push(now);
        let lately = attempts.iter().filter(|at| **at + Duration::from_secs(600) > now).count();
        assert!(lately <= 30, "{lately} attempts in ten minutes");
    }
}

/// `None`: a connection that was stable.
fn loss(kind: u8, code: u16) -> Option<Loss> {
    Some(match kind % 8 {
        0 => return None,
        1 => Loss::Closed { code: None, reason: "bye".to_owned() },
        2 => Loss::Refused { status: code },
        3 => Loss::Ended,
        4 => Loss::Silent(Duration::from_secs(u64::from(code))),
        5 => Loss::NotUtf8,
        6 => Loss::InClear { host: "feed.example".to_owned() },
        _ => Loss::Closed { code: Some(code), reason: String::new() },
    })
}

/// What is called dead was silent for long enough and has left a ping unanswered; who waits is asked again.
fn stays_alive(steps: &[[u8; 4]]) {
    let mut liveness = Liveness::new(PING_EVERY, DEAD_AFTER);
    let (mut now, mut heard, mut unanswered) = (Duration::ZERO, Duration::ZERO, None);
    for [kind, high, low, _] in steps {
        now += Duration::from_millis(u64::from(u16::from_be_bytes([*high, *low])));
        if kind % 2 == 0 {
            (heard, unanswered) = (now, None);
            liveness.frame(now);
        }
        assert_eq!(liveness.heard(), heard);
        match liveness.due(now) {
            Due::Ping => {
                liveness.pinged(now);
                unanswered.get_or_insert(now);
                assert!(matches!(liveness.due(now), Due::Wait(until) if until > now), "one ping is enough");
            }
            Due::Wait(until) => assert!(until > now && until <= now + PING_EVERY, "{until:?} at {now:?}"),
            Due::Dead(silent) => {
                assert_eq!(silent, now - heard);
                let ping: Duration = unanswered.expect("nobody is dead who was not asked");
                assert!(silent >= DEAD_AFTER && now - ping >= DEAD_AFTER - PING_EVERY, "{silent:?}");
                return;
            }
        }
    }
}
