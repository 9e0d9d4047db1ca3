//! What room a window takes, by the allocator's own word, and whether that is within the bounds.

use birdcall::model::window::Member;
use birdcall::rules::ruleset::Window;
use birdcall::window::State;

use crate::kinds::Matches;
use crate::{Failure, SEED};

/// What a key may take beside its matches: itself, its place in the map, and what its type keeps of it.
const OF_A_KEY: usize = 700;
/// What a match may take: itself, what its type keeps with it, and as much room again to grow into.
const OF_A_MATCH: usize = 2 * size_of::<Member>() + 128;

fn allocated() -> Result<usize, Failure> {
    let error = |error: tikv_jemalloc_ctl::Error| error.to_string();
    tikv_jemalloc_ctl::epoch::advance().map_err(error)?;
    Ok(tikv_jemalloc_ctl::stats::allocated::read().map_err(error)?)
}

/// So many matches over so many keys, of which a window remembers some.
pub(crate) fn all(windows: &[Window], matches: usize, keys: usize) -> Result<(), Failure> {
    println!(
        "\n{matches} matches over {keys} keys, of which {} are remembered",
        windows.first().map_or(0, |window| window.max_keys)
    );
    println!(
        "{:<12} {:>8} {:>10} {:>14} {:>14} {:>10} {:>10}",
        "", "keys", "matches", "keys evicted", "evicted", "MiB", "B a key"
    );
    for window in windows {
        let before = allocated()?;
        let mut state = State::new(window);
        // All of them within the time, so that nothing passes.
        let mut coming = Matches::new(SEED, keys, u32::try_from(matches / keys)?);
        for _ in 0..matches {
            let (clock, seen) = coming.take();
            state.observe(window, clock, seen);
        }
        let (bytes, counts) = (allocated()?.saturating_sub(before), state.counts());
        let of_a_key = bytes / counts.keys.max(1);
        println!(
            "{:<12} {:>8} {:>10} {:>14} {:>14} {:>10.1} {of_a_key:>10}",
            window.kind.name(),
            counts.keys,
            counts.members,
            counts.evicted_keys,
            counts.evicted_members,
            bytes as f64 / 1_048_576.0,
        );
        if counts.keys > window.max_keys || counts.evicted_keys == 0 {
            return Err(format!("{}: the keys are out of their bounds, or not counted: {counts:?}", window.kind.name()).into());
        }
        if bytes > counts.keys * OF_A_KEY + counts.members * OF_A_MATCH {
            return Err(format!("{}: {bytes} B are more than {counts:?} may take", window.kind.name()).into());
        }
    }
    Ok(())
}
