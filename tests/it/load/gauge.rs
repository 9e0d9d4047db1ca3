//! A running process and its state folder in; its memory, descriptors, threads and disk out (Linux; elsewhere zeros).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where to look.
pub(super) struct Gauge {
    process: PathBuf,
    state: PathBuf,
}

/// What was seen at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// KiB in memory, and of these what belongs to no file.
    pub(super) rss: u64,
    pub(super) anonymous: u64,
    pub(super) threads: u64,
    /// Descriptors that are no sockets, and that are.
    pub(super) files: usize,
    pub(super) sockets: usize,
    /// Bytes of the journal with all that lies beside it.
    pub(super) disk: u64,
}

impl Gauge {
    pub(super) fn new(pid: u32, state: &Path) -> Self {
        Self { process: Path::new("/proc").join(pid.to_string()), state: state.to_owned() }
    }

    pub(super) fn read(&self) -> Reading {
        let status = fs::read_to_string(self.process.join("status")).unwrap_or_default();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
        };
        let links: Vec<_> = entries(&self.process.join("fd")).filter_map(|path| fs::read_link(path).ok()).collect();
        let sockets = links.iter().filter(|link| link.to_string_lossy().starts_with("socket:")).count();
        let disk = entries(&self.state).filter_map(|path| fs::metadata(path).ok()).map(|found| found.len()).sum();
        Reading {
            rss: number("VmRSS"),
            anonymous: number("RssAnon"),
            threads: number("Threads"),
            files: links.len() - sockets,
            sockets,
            disk,
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// As people read it.
pub(super) fn mib(kib: u64) -> f64 {
    kib as f64 / 1_024.0
}

/// The value that so large a part (of one) does not exceed. Sorts.
pub(super) fn percentile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    let rank = (times.len() as f64 * part).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[test]
fn a_percentile_is_a_value_that_was_measured() {
    let mut times: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
    let at = |times: &mut [Duration], part| percentile(times, part).as_millis();
    assert_eq!((at(&mut times, 0.5), at(&mut times, 0.99), at(&mut times, 1.0), at(&mut [], 0.5)), (100, 198, 200, 0));
}
