//! Lines of the log → standard error, on a thread of its own over a bounded queue: a reader that holds standard error (a full pipe, Ctrl-S)
//! delays nobody. What finds no room is dropped, and the next line that does says how many there were.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use crate::model::limits::{LOG_FLUSH, LOG_LINES};

/// Between two looks for a line, as long as there is traffic.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// So many looks in vain are the end of it.
const LOOKS: u32 = 100;

/// The near end of the queue; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    queue: SyncSender<Vec<u8>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Lines for which there was no room, until somebody has said so.
    dropped: AtomicU64,
    /// Lines taken and not yet written.
    pending: Mutex<usize>,
    written: Condvar,
}

impl Lines {
    /// Starts the thread that writes to `out`. It ends with the last clone, or with the process.
    pub(super) fn open(out: Box<dyn Write + Send>) -> io::Result<Self> {
        let (queue, lines) = sync_channel(LOG_LINES);
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&lines, out, &of_thread))?;
        Ok(Self { queue, shared })
    }

    /// Takes a line if there is room; never waits for the writer.
    fn put(&self, line: &[u8]) {
        let dropped = self.shared.dropped.swap(0, Ordering::Relaxed);
        let mut whole = match dropped {
            0 => Vec::new(),
            1 => b"1 line of the log was dropped: standard error was held\n".to_vec(),
            _ => format!("{dropped} lines of the log were dropped: standard error was held\n").into_bytes(),
        };
        whole.extend_from_slice(line);
        let mut pending = self.shared.pending();
        if self.queue.try_send(whole).is_ok() {
            *pending += 1;
        } else {
            self.shared.dropped.fetch_add(dropped + u64::from(!line.is_empty()), Ordering::Relaxed);
        }
    }

    /// Waits until all is written; gives up when in [`LOG_FLUSH`] not even a tenth was.
    pub(super) fn flush(&self) -> bool {
        let step = self.shared.pending().div_ceil(10);
        let done = self.drain(step);
        if done && self.shared.dropped.load(Ordering::Relaxed) > 0 {
            self.put(b"");
            return self.drain(1);
        }
        done
    }

    fn drain(&self, step: usize) -> bool {
        let mut pending = self.shared.pending();
        while *pending > 0 {
            let goal = pending.saturating_sub(step.max(1));
            let waited = self.shared.written.wait_timeout_while(pending, LOG_FLUSH, |pending| *pending > goal);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                return false;
            }
            pending = now;
        }
        true
    }
}

impl Shared {
    fn pending(&self) -> std::sync::MutexGuard<'_, usize> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_all(lines: &Receiver<Vec<u8>>, mut out: Box<dyn Write + Send>, shared: &Shared) {
    while let Some(line) = next(lines) {
        // There is nobody to tell that the log cannot be written.
        let _ = out.write_all(&line).and_then(|()| out.flush());
        let mut pending = shared.pending();
        *pending = pending.saturating_sub(1);
        shared.written.notify_all();
    }
}

/// The next line; `None` when no more will come. Who hands in a line wakes nobody while there is traffic: to wake a thread takes longer than to
/// write the line, and an alert may be waiting for it.
fn next(lines: &Receiver<Vec<u8>>) -> Option<Vec<u8>> {
    for _ in 0..LOOKS {
        match lines.try_recv() {
            Ok(line) => return Some(line),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => std::thread::sleep(LOOK_EVERY),
        }
    }
    lines.recv().ok()
}

/// The subscriber writes each event with one call.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender};

    use super::*;

    /// Takes each line only when it is let, and says when it is asked to.
    struct Held {
        asked: Sender<()>,
        leave: Receiver<()>,
        taken: Arc<Mutex<String>>,
    }

    impl Write for Held {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.asked.send(());
            let _ = self.leave.recv();
            self.taken.lock().unwrap().push_str(&String::from_utf8_lossy(line));
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The thread already holds a first line, so that the queue has all its room.
    #[expect(clippy::disallowed_methods, reason = "a test's own queue")]
    fn held() -> (Lines, Sender<()>, Arc<Mutex<String>>) {
        let (asked, is_asked) = std::sync::mpsc::channel();
        let (let_go, leave) = std::sync::mpsc::channel();
        let taken = Arc::new(Mutex::new(String::new()));
        let lines = Lines::open(Box::new(Held { asked, leave, taken: Arc::clone(&taken) })).unwrap();
        lines.put(b"first\n");
        is_asked.recv().unwrap();
        (lines, let_go, taken)
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_the_next_line_says_how_many_there_were() {
        let (lines, let_go, taken) = held();
        for n in 0..LOG_LINES + 100 {
            lines.put(format!("line {n}\n").as_bytes());
        }
        assert!(!lines.flush(), "it is held");
        for _ in 0..=LOG_LINES {
            let_go.send(()).unwrap();
        }
        assert!(lines.drain(1));
        lines.put(b"after\n");
        let_go.send(()).unwrap();
        assert!(lines.flush());
        let taken = taken.lock().unwrap().clone();
        let written = taken.lines().filter(|line| line.starts_with("line ")).count();
        assert_eq!(written, LOG_LINES);
        assert!(
            taken.ends_with("100 lines of the log were dropped: standard error was held\nafter\n"),
            "{}",
            &taken[taken.len() - 200..]
        );
    }

    #[test]
    fn what_was_dropped_last_is_said_at_the_end() {
        let (lines, let_go, taken) = held();
        for _ in 0..LOG_LINES + 2 {
            lines.put(b"x\n");
        }
        for _ in 0..LOG_LINES + 3 {
            let_go.send(()).unwrap();
        }
        assert!(lines.flush());
        assert!(taken.lock().unwrap().contains("dropped"), "the drop was never said");
    }
}
