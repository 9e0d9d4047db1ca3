//! What one look into the index fills in, kept from one to the next so that nothing is allocated anew.

/// A rule that may be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Its number in the rule set.
    pub rule: u32,
    /// It is true for certain, and need not be evaluated.
    pub is_proven: bool,
}

/// Belongs to one index. Empty at first: [`Default`].
#[derive(Debug, Default)]
pub struct Scratch {
    /// Rules of atoms that were hit, in no order, some of them several times.
    pub(super) rules: Vec<u32>,
    /// Those that may be true, in ascending order, each once.
    pub(super) found: Vec<Candidate>,
    /// In which look each atom was last hit.
    atoms: Vec<u32>,
    /// The number of this look, never zero.
    now: u32,
}

impl Scratch {
    /// Makes room for so many, and forgets the look before.
    pub(super) fn begin(&mut self, atoms: usize) {
        self.rules.clear();
        self.found.clear();
        if self.atoms.len() != atoms || self.now == u32::MAX {
            self.now = 0;
            self.atoms.clear();
            self.atoms.resize(atoms, 0);
        }
        self.now += 1;
    }

    /// Whether an atom is hit for the first time in this look.
    #[inline]
    pub(super) fn is_first(&mut self, atom: u32) -> bool {
        let now = self.now;
        self.atoms.get_mut(atom as usize).is_some_and(|last| std::mem::replace(last, now) != now)
    }

    #[inline]
    pub(super) fn is_hit(&self, atom: u32) -> bool {
        self.atoms.get(atom as usize) == Some(&self.now)
    }
}
