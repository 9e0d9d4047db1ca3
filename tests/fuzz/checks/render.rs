//! Any words in any place, on every platform: they fit and nothing acts.

use crate::render::inert;
use crate::render::places::places;
use crate::render::samples::{actions, rendered};

/// The first byte chooses the place, the rest are the words.
pub(crate) fn holds(bytes: &[u8]) {
    let Some((choice, words)) = bytes.split_first() else { return };
    let words = String::from_utf8_lossy(words);
    let mut firings = places(&words);
    let (_, firing) = firings.swap_remove(usize::from(*choice) % firings.len());
    for (platform, _) in actions() {
        let message = rendered(&firing, platform);
        inert::check(&message.body);
        message.fallback.iter().for_each(inert::check);
    }
}
