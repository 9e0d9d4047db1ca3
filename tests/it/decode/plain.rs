//! What stands there plainly is read on a quick way, all else with patience: both must come to the same, for whatever is written.

use birdcall::decode::{Malformed, decode};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{SAMPLES, with};

/// Values of all sorts, right and wrong for any field.
const VALUES: [&str; 44] = [
    "0",
    "7",
    "42",
    "00",
    "-1",
    "-0",
    "1.5",
    "0.1",
    "0.00012345",
    "1e999",
    "1e-7",
    "1.",
    ".5",
    "12345678",
    "123456789012345",
    "1781700000231",
    "99999999999999999999",
    "9007199254740993",
    "0.1234567890123456",
    "253402300800000",
    "123456789.00000001",
    "\"\"",
    "\" \"",
    "\"post\"",
    "\"retweet\"",
    "\"@ada\"",
    "\" @ada \"",
    "\"@\"",
    "\"a\\nb\"",
    "\"\\ud83d\\ude80\"",
    "\"\\ud800\"",
    "\"é上🚀 and a text that is longer than one step or two of whoever looks for its end\"",
    "\"a text that is longer than one step\\\" of whoever looks for its end, and then has an escape\\\\\"",
    "\"\u{1}\"",
    "\"\\x\"",
    "null",
    "true",
    "nul",
    "{}",
    "[]",
    "[{\"url\":\"u\"},{\"url\":\"\"},7]",
    "{\"handle\":\"@b\",\"followersCount\":3}",
    "[\"text\",\"ocr\",\"new\"]",
    "{\"text\":\"t\",\"tokens\":[{\"symbol\":\"A\",\"priceUsd\":0.25}]}",
];

/// The frame with something before and behind each sign that stands outside of texts.
fn spaced(frame: &str, space: &str) -> String {
    let (mut spaced, mut in_text, mut is_escaped) = (String::new(), false, false);
    for c in frame.chars() {
        let is_sign = !in_text && matches!(c, '{' | '}' | '[' | ']' | ':' | ',');
        if is_sign {
            spaced.push_str(space);
        }
        spaced.push(c);
        if is_sign {
            spaced.push_str(space);
        }
        in_text = if in_text { c != '"' || is_escaped } else { c == '"' };
        is_escaped = in_text && c == '\\' && !is_escaped;
    }
    spaced
}

/// The frame with each key written in escapes. What is no key, but stands in front of a colon, is none in an honest frame.
fn escaped(frame: &str) -> String {
    let mut escaped = String::new();
    let mut rest = frame;
    while let Some(end) = rest.find("\":") {
        let (head, tail) = rest.split_at(end);
        let begin = head.rfind('"').map_or(0, |quote| quote + 1);
        let (before, key) = head.split_at(begin);
        escaped.push_str(before);
        if key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            escaped.extend(key.chars().map(|c| format!("\\u{:04x}", u32::from(c))));
        } else {
            escaped.push_str(key);
        }
        escaped.push_str("\":");
        rest = &tail[2..];
    }
    escaped + rest
}

fn both_ways_agree(frame: &str) {
    let plain = decode(frame);
    for space in [" ", "\n\t", "\r   "] {
        let spaced = spaced(frame, space);
        assert_eq!(decode(&spaced), plain, "{frame}");
    }
}

#[test]
fn the_samples_read_the_same_plainly_and_with_patience() {
    for line in SAMPLES.lines() {
        both_ways_agree(line);
        assert_eq!(decode(&escaped(line)), decode(line), "{line}");
        assert!(decode(line).is_ok());
    }
}

#[test]
fn every_field_takes_every_value_the_same_plainly_and_with_patience() {
    let keys = ["text", "kind", "createdAt", "author", "link", "media", "mentions", "urls", "ref", "new"];
    let author = ["id", "handle", "name", "platform", "followersCount", "verifiedType", "metrics", "joinedAt"];
    let token = ["symbol", "networkId", "priceUsd", "sources"];
    for value in VALUES {
        for key in keys {
            both_ways_agree(&with(&format!(r#""{key}":{value},"receivedAt":5"#)));
        }
        for key in author {
            both_ways_agree(&with(&format!(r#""author":{{"{key}":{value}}}"#)));
        }
        for key in token {
            both_ways_agree(&format!(
                r#"{{"v":1,"t":"tweet","op":"meta","id":"1","d":{{"detected":{{"tokens":[{{"name":"A","{key}":{value}}}]}}}}}}"#
            ));
        }
        for key in ["v", "t", "op", "id", "ts", "d"] {
            both_ways_agree(&SAMPLES.lines().next().unwrap().replacen(
                &format!("\"{key}\":"),
                &format!("\"{key}\":{value},\"x\":"),
                1,
            ));
        }
    }
}

#[test]
fn a_frame_cut_off_and_spaced_is_refused_as_the_plain_one_is() {
    for line in SAMPLES.lines() {
        for end in (0..line.len()).filter(|end| line.is_char_boundary(*end)) {
            assert_eq!(decode(&spaced(&line[..end], " ")), Err(Malformed::NotJson));
        }
    }
}

/// A sample with members moved, doubled, replaced and put in.
fn mangled() -> impl Strategy<Value = String> {
    let edit = (any::<Index>(), any::<Index>(), 0_u8..5, select(VALUES.to_vec()));
    (0_usize..20, prop::collection::vec(edit, 0..5)).prop_map(|(line, edits)| {
        let mut frame = SAMPLES.lines().nth(line).unwrap().to_owned();
        for (one, other, what, value) in edits {
            let members: Vec<usize> = frame.match_indices(",\"").map(|(at, _)| at).collect();
            if members.len() < 2 {
                continue;
            }
            let (from, to) = (one.index(members.len() - 1), other.index(members.len()));
            let member = frame[members[from]..members[from + 1]].to_owned();
            match what {
                0 => frame.insert_str(members[to], &member),
                1 => {
                    frame.insert_str(members[to], &member);
                    let begin = members[from] + if to <= from { member.len() } else { 0 };
                    frame.replace_range(begin..begin + member.len(), "");
                }
                2 => frame.insert_str(members[to], &format!(",\"new\":{value}")),
                3 => {
                    let key = member.find(':').map_or(member.len(), |colon| colon + 1);
                    frame.replace_range(members[from] + key..members[from] + member.len(), value);
                }
                _ => frame.replace_range(members[from]..members[from] + member.len(), ""),
            }
        }
        frame
    })
}

proptest! {
    #[test]
    fn a_mangled_sample_reads_the_same_plainly_and_with_patience(frame in mangled()) {
        both_ways_agree(&frame);
    }
}
