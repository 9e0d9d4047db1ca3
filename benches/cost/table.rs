//! samples → a table for people, and the same figures for the plots.

use serde_json::{Value, json};

use crate::asked::Profile;
use crate::turns::Samples;

/// The first reference: a decode of what the rules need.
pub(crate) const D: &str = "D";
/// The second: the same, and every rule tried one after the other.
pub(crate) const N: &str = "N";

/// All figures so far.
pub(crate) struct Table {
    corpus: String,
    rows: Vec<Value>,
}

impl Table {
    pub(crate) fn new(corpus: String) -> Self {
        println!("{corpus}");
        Self { corpus, rows: Vec::new() }
    }

    /// Prints what was measured together, and keeps it where `BIRDCALL_BENCH_JSON` says, if it does. `n_in_d` is what N is of D where it was not
    /// measured beside these.
    pub(crate) fn add(
        &mut self,
        title: &str,
        rules: Option<(Profile, usize)>,
        all: &[Samples],
        n_in_d: Option<f64>,
    ) -> std::io::Result<()> {
        let of = |name: &str| all.iter().find(|samples| samples.name == name);
        println!("\n{title:<32} {:>12} {:>8} {:>8}   ({} samples)", "ns", "x D", "x N", all.first().map_or(0, |of| of.ns.len()));
        for samples in all {
            let (ns, d) = (samples.median(), of(D).map(|d| samples.against(d)));
            let n = of(N).map(|n| samples.against(n)).or_else(|| Some(d? / n_in_d?));
            let shown = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            println!("  {:<30} {ns:>12.0} {:>8} {:>8}", samples.name, shown(d), shown(n));
            let (profile, count) = rules.unzip();
            self.rows.push(json!({
                "table": title, "profile": profile.map(Profile::name), "rules": count, "name": samples.name,
                "ns": ns, "x_d": d, "x_n": n, "samples": samples.ns.len(),
            }));
        }
        let Some(file) = std::env::var_os("BIRDCALL_BENCH_JSON") else { return Ok(()) };
        std::fs::write(file, json!({"corpus": self.corpus, "rows": self.rows}).to_string())
    }
}
