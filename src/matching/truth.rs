//! Three values: what has not arrived is neither true nor false (DESIGN 4).

/// Kleene's logic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// It does not hold.
    False,
    /// What it asks about has not arrived.
    Unknown,
    /// It holds.
    True,
}

impl Truth {
    /// As people read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::False => "false",
            Self::Unknown => "unknown",
            Self::True => "true",
        }
    }

    /// `Unknown` for `None`.
    pub(crate) fn of(known: Option<bool>) -> Self {
        match known {
            Some(true) => Self::True,
            Some(false) => Self::False,
            None => Self::Unknown,
        }
    }

    /// For a value that is absent: unknown while it may still come, false after that.
    pub(crate) fn absent(final_: bool) -> Self {
        if final_ { Self::False } else { Self::Unknown }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::Unknown => Self::Unknown,
            Self::False => Self::True,
        }
    }

    /// True only when every one is; stops at the first false.
    pub(crate) fn all(of: impl IntoIterator<Item = Self>) -> Self {
        let mut seen = Self::True;
        for truth in of {
            match truth {
                Self::False => return Self::False,
                Self::Unknown => seen = Self::Unknown,
                Self::True => {}
            }
        }
        seen
    }

    /// True when one is; stops at the first true.
    pub(crate) fn any(of: impl IntoIterator<Item = Self>) -> Self {
        Self::at_least(1, of)
    }

    /// True when so many are; stops when that is certain.
    pub(crate) fn at_least(wanted: usize, of: impl IntoIterator<Item = Self>) -> Self {
        let (mut sure, mut possible) = (0, 0);
        if wanted == 0 {
            return Self::True;
        }
        for truth in of {
            match truth {
                Self::True => sure += 1,
                Self::Unknown => possible += 1,
                Self::False => {}
            }
            if sure >= wanted {
                return Self::True;
            }
        }
        if sure + possible >= wanted { Self::Unknown } else { Self::False }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, False, True, Unknown};

    #[test]
    fn kleene_s_tables() {
        for (a, b, and, or) in [
            (True, True, True, True),
            (True, False, False, True),
            (True, Unknown, Unknown, True),
            (False, False, False, False),
            (False, Unknown, False, Unknown),
            (Unknown, Unknown, Unknown, Unknown),
        ] {
            assert_eq!(Truth::all([a, b]), and, "{a:?} and {b:?}");
            assert_eq!(Truth::all([b, a]), and, "{b:?} and {a:?}");
            assert_eq!(Truth::any([a, b]), or, "{a:?} or {b:?}");
            assert_eq!(Truth::any([b, a]), or, "{b:?} or {a:?}");
        }
        assert_eq!([True.not(), False.not(), Unknown.not()], [False, True, Unknown]);
    }

    #[test]
    fn at_least_counts_what_is_sure_and_what_is_possible() {
        assert_eq!(Truth::at_least(2, [True, False, True]), True);
        assert_eq!(Truth::at_least(2, [True, Unknown, False]), Unknown);
        assert_eq!(Truth::at_least(2, [True, False, False]), False);
        assert_eq!(Truth::at_least(3, [Unknown, Unknown]), False);
    }
}
