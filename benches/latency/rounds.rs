//! Rounds, in which the contenders take turns, and the table of them.

use serde_json::json;

use crate::station::{Contender, Failure, Station};

/// What is done in every round, with each contender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Envelopes one after the other.
    pub(crate) paced: u64,
    pub(crate) bursts: usize,
    /// Envelopes of one burst.
    pub(crate) burst: u64,
    /// Envelopes ahead of the first round.
    pub(crate) warming: u64,
}

/// What is looked at, in µs.
const MEASURES: [&str; 4] = ["paced p50", "paced p99", "burst p50", "burst, the last"];

/// What is drawn of all alerts of a contender, in percent.
const CURVE: [f64; 13] = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.8, 99.9];

/// Of one contender: one figure for each measure and round.
struct Row {
    name: &'static str,
    figures: [Vec<f64>; 4],
    /// Every alert of all rounds: one after the other, and in bursts.
    alerts: [Vec<f64>; 2],
}

/// Lets the contenders take turns and prints what came of it; `false` when an alert was missing, doubled or false.
pub(crate) async fn run(plan: Plan, contenders: Vec<Contender>) -> Result<bool, Failure> {
    let mut stations = Vec::new();
    for contender in &contenders {
        let mut station = Station::start(contender).await?;
        station.paced(plan.warming).await?;
        stations.push(station);
    }
    let row = |of: &Contender| Row { name: of.name, figures: Default::default(), alerts: Default::default() };
    let mut rows: Vec<_> = contenders.iter().map(row).collect();
    for round in 0..plan.rounds {
        for turn in 0..stations.len() {
            let at = (turn + round) % stations.len();
            one(&mut stations[at], plan, &mut rows[at]).await?;
        }
    }
    tell(&rows, &stations)
}

/// One contender's turn.
async fn one(station: &mut Station, plan: Plan, row: &mut Row) -> Result<(), Failure> {
    let paced = station.paced(plan.paced).await?;
    let (mut each, mut last) = (Vec::new(), Vec::new());
    for _ in 0..plan.bursts {
        let burst = station.burst(plan.burst).await?;
        last.push(burst.iter().copied().fold(0.0, f64::max));
        each.extend(burst);
    }
    let figures = [percentile(&paced, 50.0), percentile(&paced, 99.0), percentile(&each, 50.0), percentile(&last, 50.0)];
    row.figures.iter_mut().zip(figures).for_each(|(all, figure)| all.push(figure));
    row.alerts.iter_mut().zip([paced, each]).for_each(|(all, new)| all.extend(new));
    Ok(())
}

fn tell(rows: &[Row], stations: &[Station]) -> Result<bool, Failure> {
    let (mut clean, mut told) = (true, Vec::new());
    println!(
        "\n{:<18} {}   missing duplicated false",
        "µs (x floor)",
        MEASURES.map(|measure| format!("{measure:>18}")).join(" ")
    );
    for (row, station) in rows.iter().zip(stations) {
        let mistakes = station.mistakes();
        clean &= mistakes == Default::default();
        let figures = row.figures.iter().zip(&rows[0].figures).map(|(own, floor)| {
            let ratios: Vec<_> = own.iter().zip(floor).map(|(own, floor)| own / floor).collect();
            (percentile(own, 50.0), percentile(&ratios, 50.0))
        });
        let figures: Vec<_> = figures.collect();
        let shown: Vec<_> = figures.iter().map(|(us, ratio)| format!("{:>18}", format!("{us:.0} ({ratio:.2})"))).collect();
        let (missing, duplicated, untrue) = (mistakes.missing, mistakes.duplicated, mistakes.untrue);
        println!("{:<18} {}   {missing:>7} {duplicated:>10} {untrue:>5}", row.name, shown.join(" "));
        for ((measure, (us, ratio)), rounds) in MEASURES.iter().zip(figures).zip(&row.figures) {
            told.push(json!({"name": row.name, "measure": measure, "us": us, "x_floor": ratio, "rounds": rounds}));
        }
        let curve = |alerts: &Vec<f64>| -> Vec<f64> { CURVE.iter().map(|percent| percentile(alerts, *percent)).collect() };
        told.push(json!({
            "name": row.name, "curve": CURVE, "paced": curve(&row.alerts[0]), "burst": curve(&row.alerts[1]),
            "alerts": row.alerts[0].len() + row.alerts[1].len(),
        }));
        told.push(json!({"name": row.name, "missing": missing, "duplicated": duplicated, "false": untrue}));
    }
    if let Some(file) = std::env::var_os("BIRDCALL_BENCH_JSON") {
        std::fs::write(file, json!({"rows": told}).to_string())?;
    }
    Ok(clean)
}

/// The value that so many of a hundred do not pass.
fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * percent / 100.0) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
