//! Long runs of the real program under load, which print their figures and fail when a bar is missed. Only a short one is part of every
//! run of the tests; `scripts/soak` and `scripts/dead-destination` make the others, with the release build.

mod bars;
mod dead;
mod gauge;
mod soak;
mod traffic;

use std::fmt::Display;
use std::str::FromStr;

use serde_json::Value;

/// What a script asks for.
fn asked<T: FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|given| given.parse().ok()).unwrap_or(otherwise)
}

#[expect(clippy::print_stdout, reason = "a script shows its figures")]
fn print(line: &str) {
    println!("{line}");
}

/// Prints figures, and remembers those that miss their bar.
#[derive(Default)]
struct Verdict {
    missed: Vec<String>,
}

impl Verdict {
    /// A figure without a bar.
    #[expect(clippy::unused_self, reason = "a figure is one of a verdict")]
    fn say(&self, what: impl Display) {
        print(&format!("   {what}"));
    }

    /// A figure that must be so.
    fn hold(&mut self, is: bool, what: impl Display) {
        print(&format!("{} {what}", if is { "ok" } else { "!!" }));
        if !is {
            self.missed.push(what.to_string());
        }
    }

    fn end(self) {
        assert!(self.missed.is_empty(), "missed: {:#?}", self.missed);
    }
}

/// What the program counted of one rule (all, when it is empty) to one action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counted {
    matched: u64,
    delivered: u64,
    suppressed: u64,
    expired: u64,
    dead: u64,
    unknown: u64,
    pending: u64,
    /// The parts are the whole, for every rule.
    agrees: bool,
    reasons: String,
}

impl Counted {
    fn of(status: &Value, action: &str, rule: &str) -> Self {
        let mut sum = Self { agrees: status["agree"] == true, ..Self::default() };
        let number = |value: &Value| value.as_u64().unwrap();
        let counts = status["counts"].as_array().unwrap();
        for count in counts.iter().filter(|count| count["action"] == action && (rule.is_empty() || count["rule"] == rule)) {
            let suppressed = count["suppressed"].as_object().unwrap();
            let held: u64 = suppressed.values().map(number).sum();
            sum.matched += number(&count["matched"]);
            sum.delivered += number(&count["delivered"]);
            sum.suppressed += held;
            sum.expired += number(&count["expired"]);
            sum.dead += number(&count["dead"]);
            sum.unknown += number(&count["unknown"]);
            sum.pending += number(&count["pending"]);
            let ends = ["delivered", "expired", "dead", "unknown", "pending"].iter().map(|end| number(&count[end])).sum::<u64>();
            sum.agrees &= ends + held == number(&count["matched"]);
            for (reason, count) in suppressed {
                sum.reasons.push_str(&format!(" {reason}:{count}"));
            }
        }
        sum
    }

    /// Not delivered, and said so.
    fn accounted(&self) -> u64 {
        self.suppressed + self.expired + self.dead + self.unknown
    }
}

impl Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { matched, delivered, suppressed, expired, dead, unknown, pending, reasons, .. } = self;
        write!(
            f,
            "{matched} = {delivered} delivered + {suppressed} suppressed ({}) + {expired} expired + {dead} dead + {unknown} unknown + {pending} pending",
            reasons.trim()
        )
    }
}
