//! Whether something acts, only records, or rests (RULES 3).

/// A mode. They are ordered: of several that apply the strictest, the greatest, wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Sends.
    #[default]
    Armed,
    /// Does everything but send, and records what would have been sent.
    Paper,
    /// Does not evaluate.
    Off,
}

impl Mode {
    /// All of them, the least strict first.
    pub const ALL: [Self; 3] = [Self::Armed, Self::Paper, Self::Off];

    /// As rules.toml spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Paper => "paper",
            Self::Off => "off",
        }
    }
}
