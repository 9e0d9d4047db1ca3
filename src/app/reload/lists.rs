//! Lists over a reload: how many values each had and has, and whether one looks as if its writer had not finished.

use crate::rules::{Kind, Source, count_values};

/// Whether a list has lost more than half of its values. One that is written line by line is the beginning of what it was for a while.
pub(super) fn is_less_than_half(before: &Source, now: &Source) -> bool {
    count_values(&now.text) * 2 < count_values(&before.text)
}

/// With `kols.txt: 300 → 40 values` for each list that has another number of them now.
pub(super) fn with_counts(summary: String, before: &[Source], now: &[Source]) -> String {
    let is_list = |source: &&Source| matches!(source.kind, Kind::List | Kind::Tracked);
    let changed = now.iter().filter(is_list).filter_map(|now| {
        let before = before.iter().filter(is_list).find(|before| before.name == now.name)?;
        let (had, has) = (count_values(&before.text), count_values(&now.text));
        (had != has).then(|| format!("; {}: {had} → {has} values", now.name))
    });
    summary + &changed.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_values_are_told_where_they_are_others() {
        let before = [Source::list("a.txt", "a\nb\n# c\nd"), Source::list("b.txt", "a\n"), Source::tracked("t.txt", "")];
        let now = [
            Source::list("a.txt", "a\n"),
            Source::list("b.txt", "b\n"),
            Source::tracked("t.txt", "kol\n"),
            Source::list("c", "c"),
        ];
        assert_eq!(with_counts("2 rules".to_owned(), &before, &now), "2 rules; a.txt: 3 → 1 values; t.txt: 0 → 1 values");
        assert_eq!(with_counts("2 rules".to_owned(), &now, &now), "2 rules");
    }
}
