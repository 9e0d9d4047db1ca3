//! What one look into the index fills in, kept from one to the next so that nothing is allocated anew.

use super::missing::Missing;

/// Belongs to one index. Empty at first: [`Default`].
#[derive(Debug, Default)]
pub struct Scratch {
    /// Rules that may be true, in ascending order, each once.
    pub(super) rules: Vec<u32>,
    /// What may still come.
    pub(super) missing: Missing,
    /// When each atom was last hit: in this look, if it is [`Scratch::begun`] or later.
    pub(super) atoms: Vec<u32>,
    /// In which text each key was last hit.
    pub(super) keys: Vec<u32>,
    /// Counts looks and the texts of each; never zero in one.
    now: u32,
    begun: u32,
}

impl Scratch {
    /// Makes room for so many, and forgets the look before.
    pub(super) fn begin(&mut self, atoms: usize, keys: usize) {
        self.rules.clear();
        if self.atoms.len() != atoms || self.keys.len() != keys || self.now > u32::MAX / 2 {
            self.now = 0;
            self.atoms.clear();
            self.atoms.resize(atoms, 0);
            self.keys.clear();
            self.keys.resize(keys, 0);
        }
        self.now += 1;
        self.begun = self.now;
    }

    pub(super) fn next_text(&mut self) {
        self.now += 1;
    }

    /// Whether a key is hit for the first time in this text.
    pub(super) fn is_first_in_text(&mut self, key: u32) -> bool {
        let now = self.now;
        self.keys.get_mut(key as usize).is_some_and(|last| std::mem::replace(last, now) != now)
    }

    /// Whether an atom is hit for the first time in this look.
    pub(super) fn is_first(&mut self, atom: u32) -> bool {
        let (now, begun) = (self.now, self.begun);
        self.atoms.get_mut(atom as usize).is_some_and(|last| std::mem::replace(last, now) < begun)
    }

    pub(super) fn is_hit(&self, atom: u32) -> bool {
        self.atoms.get(atom as usize).is_some_and(|last| *last >= self.begun)
    }
}
