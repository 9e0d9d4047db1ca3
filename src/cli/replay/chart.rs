//! Firings over time as bars on a terminal.

use crate::cli::moments::{Moments, span};
use crate::cli::progress::grouped;
use crate::replay::Timeline;

/// Eighths of a cell.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/// Cells of the longest bar, and rows of a chart.
const WIDTH: usize = 50;
const ROWS: usize = 24;

/// One row for each span of time.
pub(super) fn chart(timeline: &Timeline, moments: &Moments) -> String {
    let timeline = timeline.in_at_most(ROWS);
    let most = timeline.buckets().map(|(_, count)| count).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let numbers = grouped(most).chars().count();
    let mut out = format!("Firings in every {}\n", span(timeline.width()));
    for (start, count) in timeline.buckets() {
        let bar = bar(count, most);
        let line = format!("{}  {:>numbers$}  {bar}", moments.local(start), grouped(count));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A bar in proportion; what is not nothing is seen.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shown, not reckoned with"
)]
pub(super) fn bar(count: u64, most: u64) -> String {
    let eighths = (count as f64 / most.max(1) as f64 * (WIDTH * 8) as f64).round() as usize;
    let eighths = if count > 0 { eighths.clamp(1, WIDTH * 8) } else { 0 };
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(EIGHTHS.get(eighths % 8).filter(|cell| **cell != ' '));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_nothing_for_something() {
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(1, 100_000), "▏");
        assert_eq!(bar(10, 10), "█".repeat(WIDTH));
        assert_eq!(bar(1, 16), "███▏");
    }

    #[test]
    fn a_chart_has_a_row_for_each_span_also_where_nothing_fired() {
        let mut timeline = Timeline::new(512);
        let moments = Moments::here(Timestamp::from_millis(0));
        assert_eq!(chart(&timeline, &moments), "");
        [0, 1_000, 1_001, 4_000].into_iter().for_each(|ms| timeline.add(Timestamp::from_millis(ms)));
        let chart = chart(&timeline, &moments);
        let rows: Vec<_> = chart.lines().map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(rows[1..].iter().map(|row| row.chars().next().unwrap()).collect::<String>(), "12001", "{chart}");
        assert!(chart.starts_with("Firings in every 1 s\n"), "{chart}");
    }
}
