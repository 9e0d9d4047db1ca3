//! The journal's entries → files.

use std::io;

use super::{Arguments, named, written};
use crate::cli::moments::Moments;
use crate::cli::progress::Progress;
use crate::cli::{End, complain, say, warn};
use crate::clock::Clock;
use crate::feed::recording::Files;
use crate::journal::{JournalError, Reader};
use crate::model::time::Timestamp;

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{0}")]
    File(String),
}

pub(super) fn run(arguments: &Arguments, mut files: Files) -> End {
    let clock = Clock::system();
    let moments = Moments::here(clock.wall());
    let parse = |name: &str, written: &Option<String>| {
        written.as_deref().map(|written| moments.parse(written)).transpose().map_err(|why| format!("{name}: {why}"))
    };
    let end = |to: &String| moments.parse_end(to).map_err(|why| format!("--to: {why}"));
    let wanted = || {
        let from = parse("--last", &arguments.last)?.or(parse("--from", &arguments.from)?);
        Ok((from, arguments.to.as_ref().map(end).transpose()?))
    };
    let (from, to) = match wanted() {
        Ok(wanted) => wanted,
        Err::<_, String>(why) => {
            complain(why);
            return End::CannotStart;
        }
    };
    let folder = match arguments.state.folder() {
        Ok(folder) => folder,
        Err(end) => return end,
    };
    let exported = Reader::open(&folder).map_err(ExportError::from).and_then(|mut reader| {
        reader.put_right(clock.wall())?;
        export(&mut reader, (from, to), &mut files)?;
        Ok(reader.damaged())
    });
    // What there is is whole in any case.
    let ended = files.end().map_err(|error| ExportError::File(named(&arguments.out, &error)));
    let exported = exported.and_then(|damaged| ended.map(|()| damaged));
    match exported {
        Ok(damaged) => {
            if damaged > 0 {
                warn(format_args!("the journal is damaged: {damaged} rows were left out"));
            }
            say(written(&files));
            End::Fine
        }
        Err(error) => {
            complain(error);
            if files.entries() > 0 {
                say(written(&files));
            }
            End::CannotStart
        }
    }
}

fn export(reader: &mut Reader, (from, to): (Option<Timestamp>, Option<Timestamp>), files: &mut Files) -> Result<(), ExportError> {
    let since = from.unwrap_or(Timestamp::from_millis(i64::MIN));
    let mut progress = Progress::new();
    let mut failed: Option<io::Error> = None;
    reader.recent(since, usize::MAX, |entry| {
        if failed.is_none() && to.is_none_or(|to| entry.at < to) {
            // A file is as old as what is in it: days of a journal become files of a day.
            failed = files.write(entry.at, entry.origin, entry.text, entry.at).err();
            progress.at(None, files.entries(), "envelopes", "");
        }
    })?;
    match failed {
        Some(error) => Err(ExportError::File(error.to_string())),
        None => Ok(()),
    }
}
