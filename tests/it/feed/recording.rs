//! Recordings: what is written is read, plain or compressed, and whatever is wrong with a line or an end is told and costs no other line.

use std::io::Cursor;

use birdcall::feed::recording::{Fault, Files, Place, Read, Reader, RecordingError, Writer};
use birdcall::model::firing::Origin;
use birdcall::model::limits::RECORDED_LINE_BYTES;
use birdcall::model::time::Timestamp;

/// An envelope about tweet `id`, sent at `ts`.
fn envelope(id: u64, ts: u64) -> String {
    format!(r#"{{"v":1,"t":"tweet","op":"delete","id":"{id}","ts":{ts},"d":{{"tweetId":"{id}"}}}}"#)
}

/// Each entry as `number at origin id`, each fault as `number fault`.
fn read(bytes: impl Into<Vec<u8>>) -> Vec<String> {
    let mut reader = Reader::of("test".to_owned(), Cursor::new(bytes.into())).unwrap();
    let mut found = Vec::new();
    while let Some(read) = reader.next_entry().unwrap() {
        found.push(match read {
            Read::Entry(entry) => {
                let id = entry.envelope.body.tweet_id().unwrap_or("-");
                format!("{} {} {} {id}", entry.number, entry.at.as_millis(), entry.origin.name())
            }
            Read::Faulty(faulty) => format!("{} {}", faulty.number, faulty.fault.name()),
        });
    }
    found
}

fn written(compressed: bool, entries: u64) -> Vec<u8> {
    let mut writer = if compressed { Writer::zstd(Vec::new()).unwrap() } else { Writer::plain(Vec::new()) };
    for id in 1..=entries {
        let origin = if id % 2 == 0 { Origin::Backfill } else { Origin::Live };
        writer.write(Timestamp::from_millis(1_000 + i64::try_from(id).unwrap()), origin, &envelope(id, 7)).unwrap();
    }
    assert_eq!(writer.entries(), entries);
    writer.finish().unwrap()
}

#[test]
fn what_is_written_is_read_plain_or_compressed() {
    let expected = ["1 1001 live 1", "2 1002 backfill 2", "3 1003 live 3"];
    for compressed in [false, true] {
        assert_eq!(read(written(compressed, 3)), expected, "compressed: {compressed}");
    }
    let (plain, packed) = (written(false, 5_000), written(true, 5_000));
    assert!(packed.len() * 5 < plain.len(), "{} of {}", packed.len(), plain.len());
    assert_eq!(read(packed), read(plain));
}

#[test]
fn recordings_that_were_put_together_are_one() {
    let both = [written(true, 2), written(true, 1)].concat();
    assert_eq!(read(both), ["1 1001 live 1", "2 1002 backfill 2", "3 1001 live 1"]);
}

#[test]
fn bare_envelopes_come_when_they_were_sent_and_time_never_goes_back() {
    let undated = r#"{"v":1,"t":"tweet","op":"delete","d":{"tweetId":"4"}}"#;
    let lines = [envelope(1, 500), envelope(2, 400), undated.to_owned(), envelope(5, 600)].join("\n");
    assert_eq!(read(lines), ["1 500 live 1", "2 500 live 2", "3 500 live 4", "4 600 live 5"]);
}

#[test]
fn moments_that_are_counted_from_the_first_entry_are_those_after_it() {
    let record = |at: &str, id| format!(r#"{{"at":"{at}","envelope":{}}}"#, envelope(id, 60_000));
    let after_one = [envelope(1, 1_000), record("+10m", 2), record("+1s", 3), record("+25h", 4)].join("\n");
    assert_eq!(read(after_one), ["1 1000 live 1", "2 601000 live 2", "3 2000 live 3", "4 90001000 live 4"]);
    let from_the_first = [record("+10s", 1), record("+20s", 2)].join("\n");
    assert_eq!(read(from_the_first), ["1 60000 live 1", "2 70000 live 2"]);
    assert_eq!(read([envelope(1, 5), record("+10 sheep", 2)].join("\n")), ["1 5 live 1", "2 bad_at"]);
}

#[test]
fn a_line_that_is_no_entry_is_told_and_costs_no_other() {
    let too_long = format!(r#"{{"v":1,"x":"{}"}}"#, "x".repeat(RECORDED_LINE_BYTES));
    let rows = [
        ("half a li".as_bytes().to_vec(), "not_json"),
        (b"\"\xff\"".to_vec(), "not_utf8"),
        (too_long.into_bytes(), "too_long"),
        (br#"{"at":"noon","envelope":{}}"#.to_vec(), "bad_at"),
        (br#"{"origin":"hearsay","envelope":{}}"#.to_vec(), "bad_origin"),
        (br#"{"t":"tweet","op":"delete","d":{}}"#.to_vec(), "no_tweet_id"),
    ];
    for (line, fault) in rows {
        let whole = [envelope(1, 5).as_bytes(), b"\r\n\n", &line, b"\n", envelope(2, 6).as_bytes()].concat();
        assert_eq!(read(whole), ["1 5 live 1".to_owned(), format!("3 {fault}"), "4 6 live 2".to_owned()], "{fault}");
        let last = [envelope(1, 5).as_bytes(), b"\n", &line].concat();
        assert_eq!(read(last), ["1 5 live 1".to_owned(), format!("2 {fault}")], "{fault} at the end");
    }
}

#[test]
fn what_was_flushed_is_read_of_a_recording_that_was_cut_off() {
    let mut kept = Vec::new();
    let mut writer = Writer::zstd(&mut kept).unwrap();
    for id in 1..=3 {
        writer.write(Timestamp::from_millis(id), Origin::Live, &envelope(id.unsigned_abs(), 7)).unwrap();
    }
    writer.flush().unwrap();
    writer.write(Timestamp::from_millis(4), Origin::Live, &envelope(4, 7)).unwrap();
    // As after kill -9.
    std::mem::forget(writer);
    assert_eq!(read(kept.clone()), ["1 1 live 1", "2 2 live 2", "3 3 live 3", "4 cut_off"]);
    // By its name it is no wonder, and nothing of the next line is there.
    let mut part = Reader::of("x.jsonl.zst.part".to_owned(), Cursor::new(kept)).unwrap();
    let mut found = 0;
    while let Some(read) = part.next_entry().unwrap() {
        assert!(matches!(read, Read::Entry(_)), "{read:?}");
        found += 1;
    }
    assert_eq!(found, 3);
    let whole = written(true, 20_000);
    let half = read(&whole[..whole.len() / 2]);
    assert!(half.len() > 5_000, "{}", half.len());
    assert!(half.last().unwrap().ends_with(Fault::CutOff.name()));
    assert_eq!(half[..half.len() - 1], read(whole)[..half.len() - 1]);
}

#[test]
fn a_recording_that_cannot_be_read_says_why() {
    let gzip = Reader::of("feed.jsonl.gz".to_owned(), Cursor::new(b"\x1f\x8b\x08\0")).unwrap_err();
    assert!(matches!(gzip, RecordingError::Gzip(_)) && gzip.to_string().contains("gunzip"), "{gzip}");
    let missing = Reader::open("no/such/file.jsonl".as_ref()).unwrap_err();
    assert!(missing.to_string().starts_with("no/such/file.jsonl: "), "{missing}");
    let mut damaged = written(true, 5_000);
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xAA);
    let mut reader = Reader::of("damaged".to_owned(), Cursor::new(damaged)).unwrap();
    let why = loop {
        match reader.next_entry() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("nobody noticed"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(why.starts_with("damaged: "), "{why}");
    assert!(reader.next_entry().unwrap().is_none(), "and that is its end");
    assert!(read("").is_empty() && read("\n \n").is_empty());
}

#[test]
fn an_envelope_that_was_sent_on_several_lines_is_recorded_on_one() {
    let mut writer = Writer::plain(Vec::new());
    writer
        .write(
            Timestamp::from_millis(1),
            Origin::Live,
            "{\"v\":1,\r\n\"t\":\"tweet\",\n\"op\":\"delete\",\"d\":{\"tweetId\":\"9\"}}",
        )
        .unwrap();
    let file = writer.finish().unwrap();
    assert_eq!(file.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert_eq!(read(file), ["1 1 live 9"]);
}

fn write(files: &mut Files, id: u64) -> std::io::Result<()> {
    let at = Timestamp::from_millis(i64::try_from(id).unwrap());
    files.write(at, Origin::Live, &envelope(id, id), at)
}

#[test]
fn files_of_one_second_are_named_in_their_order() {
    let home = tempfile::tempdir().unwrap();
    let age = std::time::Duration::from_secs(60);
    let place = Place::Folder { path: home.path().to_owned(), bytes: 1, age, compressed: false };
    let mut files = Files::new(place).unwrap();
    (1..=12).for_each(|id| write(&mut files, id).unwrap());
    let mut sorted = files.finished().to_vec();
    sorted.sort();
    assert_eq!((sorted.len(), sorted.as_slice()), (12, files.finished()));
}

#[test]
fn what_a_killed_recording_left_is_kept_under_another_name_and_never_that_of_a_living_one() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("week.jsonl");
    let left = home.path().join("week.jsonl.part");
    std::fs::write(&left, format!("{}\n", envelope(1, 1))).unwrap();
    let mut files = Files::new(Place::File(path.clone())).unwrap();
    let moved = files.moved().unwrap().to_owned();
    assert_eq!(moved.file_name().unwrap(), "week.left-0001.jsonl.part");
    assert!(!left.exists() && std::fs::read_to_string(moved).unwrap().contains("tweetId"));
    write(&mut files, 2).unwrap();
    let busy = Files::new(Place::File(path.clone())).unwrap_err().to_string();
    assert!(busy.contains("is being written by another birdcall"), "{busy}");
    // Somebody else makes a file of this name.
    std::fs::write(&path, "mine").unwrap();
    let why = files.end().unwrap_err().to_string();
    assert!(why.contains("has appeared meanwhile"), "{why}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(files.unfinished(), Some(left.as_path()));
    assert!(std::fs::read_to_string(left).unwrap().contains("tweetId"));
    let nowhere = Files::new(Place::File(home.path().join("no/such.jsonl"))).unwrap_err().to_string();
    assert!(nowhere.contains("folder"), "{nowhere}");
}
