//! What is counted while one frame is read.

use crate::model::envelope::Oddities;

/// What was odd so far.
#[derive(Debug, Default)]
pub(super) struct Tally(Oddities);

impl Tally {
    /// Counts one oddity.
    pub(super) fn note(&mut self, count: impl FnOnce(&mut Oddities) -> &mut u32) {
        let count = count(&mut self.0);
        *count = count.saturating_add(1);
    }

    /// Counts what was odd about a part that was read by itself.
    pub(super) fn add(&mut self, part: Oddities) {
        let sum = &mut self.0;
        *sum = Oddities {
            unknown_fields: sum.unknown_fields.saturating_add(part.unknown_fields),
            wrong_types: sum.wrong_types.saturating_add(part.wrong_types),
            unknown_values: sum.unknown_values.saturating_add(part.unknown_values),
            replaced_text: sum.replaced_text.saturating_add(part.replaced_text),
            version: sum.version.saturating_add(part.version),
            elements: sum.elements.saturating_add(part.elements),
        };
    }

    pub(super) fn wrong_type(&mut self) {
        self.note(|odd| &mut odd.wrong_types);
    }

    pub(super) fn oddities(&self) -> Oddities {
        self.0
    }
}
