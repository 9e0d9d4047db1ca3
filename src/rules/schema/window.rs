//! `[rule.window]`.

use schemars::JsonSchema;

use super::brakes::Per;
use super::rule::On;
use super::values::{Duration, Word};
use super::when::When;

/// Rules over time: the rule fires when this becomes true of its matches.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Window {
    /// What has to become true.
    pub r#type: WindowType,
    /// What is told apart: of `distinct` the values that are counted, of `first_seen` what is new.
    pub of: Option<Part>,
    /// What is counted apart: `"token"`, or several, `["author", "token"]`. All matches of the rule together unless said otherwise.
    pub per: Option<Word<Per>>,
    /// Within what time; of `first_seen` and `silence` for how long not. One second at least.
    pub within: Option<Duration>,
    /// So many matches, or different values.
    #[schemars(range(min = 1, max = 1000))]
    pub at_least: Option<u32>,
    /// It may fire again so long after it has fired; unless said otherwise once it has not been true in between.
    pub rearm: Option<Duration>,
    /// So many keys are remembered; 20000 unless said otherwise.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_keys: Option<u32>,
    /// The price that is crossed from below, in US dollars.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub above: Option<f64>,
    /// The price that is crossed from above, in US dollars.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub below: Option<f64>,
    /// How far the price must go back before it can cross once more: US dollars, or `"2%"` of the level.
    pub hysteresis: Option<Amount>,
    /// By how much the price moves, in per cent of the earlier one.
    pub percent: Option<Amount>,
    /// Which way the price moves.
    pub direction: Option<Direction>,
    /// Two or more conditions, in the order in which they are to come true.
    #[schemars(length(min = 2, max = 8))]
    pub steps: Option<Vec<Step>>,
}

/// What has to become true over time.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum WindowType {
    /// `at_least` so many matches `within` a time.
    Count,
    /// `at_least` so many different values `of` something `within` a time.
    Distinct,
    /// A value `of` something that was not seen for `within`.
    FirstSeen,
    /// A price crosses `above` or `below` a level.
    Cross,
    /// A price moves by `percent` `within` a time.
    Change,
    /// No match for `within`, after there was one.
    Silence,
    /// Matches of all `steps` in order, `within` a time.
    Sequence,
}

/// What things are told apart by.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Part {
    /// Who did it.
    Author,
    /// The token: by chain and contract, else by its symbol.
    Token,
    /// The token's contract, on whatever chain.
    Contract,
    /// The market of an exchange.
    Market,
    /// The prediction market.
    Prediction,
    /// The tweet.
    Tweet,
}

/// A number, or per cent: `"2%"`.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum Amount {
    /// A number.
    Number(#[schemars(range(min = 0.0))] f64),
    /// Per cent.
    Percent(Percent),
}

/// Per cent: `"2%"`.
#[derive(Debug, JsonSchema)]
#[schemars(inline, extend("pattern" = r"^\s*[0-9.eE+-]+\s*%\s*$"))]
pub struct Percent(pub String);

/// Which way a price moves.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Direction {
    /// It rises.
    Up,
    /// It falls.
    Down,
    /// Either.
    Either,
}

/// One step of a sequence: a condition as `when`, of the rule's events or of those that `on` names.
#[derive(Debug, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Step {
    /// Which of the rule's events it is about; all unless said otherwise.
    pub on: Option<Word<On>>,
    /// What it asks.
    #[serde(flatten)]
    pub when: When,
}
