//! Any bytes as a recording: each line is an entry or told, what is read can be written and read again, and what is cut off anywhere yields
//! what was before.

use std::io::Cursor;

use birdcall::feed::recording::{Fault, Read, Reader, Writer};

/// When, how and what of an entry.
type Told = (i64, &'static str, String);

pub(crate) fn holds(bytes: &[u8]) {
    // Whatever stands in them, as they are: they may say that they are compressed.
    let found = entries(bytes.to_vec());
    let mut record = Writer::zstd(Vec::new()).unwrap();
    for (at, origin, text) in &found {
        let origin = birdcall::model::firing::Origin::ALL.into_iter().find(|known| known.name() == *origin).unwrap();
        record.write(birdcall::model::time::Timestamp::from_millis(*at), origin, text).unwrap();
    }
    let record = record.finish().unwrap();
    // What breaks lines stands between the parts of an envelope only; written, it is a space.
    let found: Vec<Told> = found.into_iter().map(|(at, origin, text)| (at, origin, text.replace(['\r', '\n'], " "))).collect();
    assert_eq!(entries(record.clone()), found, "written and read again");
    let cut = bytes.first().map_or(0, |byte| usize::from(*byte) * record.len() / 256);
    let part = entries(record[..cut].to_vec());
    assert_eq!(part[..], found[..part.len()], "cut off");
}

fn entries(bytes: Vec<u8>) -> Vec<Told> {
    let Ok(mut reader) = Reader::of("fuzz".to_owned(), Cursor::new(bytes)) else { return Vec::new() };
    let (mut found, mut latest) = (Vec::new(), 0);
    while let Ok(Some(read)) = reader.next_entry() {
        let number = match read {
            Read::Entry(entry) => {
                found.push((entry.at.as_millis(), entry.origin.name(), entry.text.to_owned()));
                entry.number
            }
            Read::Faulty(faulty) => {
                assert!(!faulty.to_string().is_empty() && !faulty.fault.name().is_empty());
                // Of a file that was cut off nothing more comes.
                assert!(faulty.fault != Fault::CutOff || matches!(reader.next_entry(), Ok(None)));
                faulty.number
            }
        };
        assert!(number > latest, "line {number} after {latest}");
        latest = number;
    }
    found
}
