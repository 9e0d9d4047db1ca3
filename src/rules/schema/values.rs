//! What stands behind a key: texts of a certain shape, numbers within bounds, one or a list.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// One, or a list of which any will do.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Any of these.
    Many(#[schemars(length(min = 1))] Vec<T>),
}

/// `true`: any at all. For none at all there is `none = [{ … = true }]`.
#[derive(Debug)]
pub struct Any;

impl JsonSchema for Any {
    fn schema_name() -> Cow<'static, str> {
        "Any".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean", "const": true })
    }
}

/// Text that must not be empty. `"@name"` stands for a list of `[lists]`.
#[derive(Debug, JsonSchema)]
#[schemars(inline, extend("minLength" = 1))]
pub struct Text(pub String);

/// The name of an action.
#[derive(Debug, JsonSchema)]
#[schemars(inline, extend("minLength" = 1))]
pub struct Name(pub String);

/// A list of `[lists]`: `"@name"`.
#[derive(Debug, JsonSchema)]
#[schemars(inline, extend("pattern" = "^@."))]
pub struct ListName(pub String);

/// One of a few words, or a list of which any will do. `"@name"` stands for a list of `[lists]`.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum Word<T> {
    /// One.
    One(T),
    /// A list of `[lists]`.
    List(ListName),
    /// Any of these.
    Many(#[schemars(length(min = 1))] Vec<WordOrList<T>>),
}

/// One of a few words, or a list of them.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum WordOrList<T> {
    /// One.
    One(T),
    /// A list of `[lists]`.
    List(ListName),
}

/// An account: a handle such as `"binance"`, one with the id that survives a rename, `"binance#877807935493033984"`, or a list, `"@kols"`.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^@.|^\s*[A-Za-z0-9_]{1,30}\s*(#\s*[0-9]{1,20}\s*)?$"))]
pub struct Handle(pub String);

/// A whole number and one of `ms`, `s`, `m`, `h` and `d`: `"1500ms"`, `"3s"`, `"10m"`, `"2h"`, `"7d"`.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^\s*0*[1-9][0-9]*\s*(ms|s|m|h|d)\s*$"))]
pub struct Duration(pub String);

/// A whole number and a unit of bytes: `"512MiB"`, `"2GiB"`.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^\s*0*[1-9][0-9]*\s*([KkMmGgTt][Ii]?)?[Bb]\s*$"))]
pub struct Size(pub String);

/// A number, a slash and a time: `"30/min"`, `"5/2s"`, `"3/h"`.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^\s*\+?0*[1-9][0-9]*\s*/\s*(s|sec|second|m|min|minute|h|hour|d|day|0*[1-9][0-9]*\s*(ms|s|m|h|d))\s*$"))]
pub struct Rate(pub String);

/// A rate of which more may come at once.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RateTable {
    /// In the long run.
    pub rate: Rate,
    /// So many at once.
    #[schemars(range(min = 1))]
    pub burst: Option<u32>,
}

/// One rate, or several that all hold.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum Rates {
    /// `"30/min"`.
    Text(Rate),
    /// `{ rate = "30/min", burst = 5 }`.
    Table(RateTable),
    /// `["5/2s", "30/min"]`.
    Many(#[schemars(length(min = 1))] Vec<OneRate>),
}

/// One rate.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum OneRate {
    /// `"30/min"`.
    Text(Rate),
    /// `{ rate = "30/min", burst = 5 }`.
    Table(RateTable),
}

/// A blank before `env:` or `file:`, nothing after it, or what is no name of a variable.
const NO_SOURCE: &str = r"^\s+(env|file):|^(env|file):\s*$|^env:[^=$]*[=$]|^env:\s*\S+ +\S";

/// A secret: `"env:NAME"` reads the environment, `"file:PATH"` a file. One written in clear works, with a warning.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^\s*[^\s$]", "not" = { "pattern": NO_SOURCE }))]
pub struct Secret(pub String);

/// Whether things are sent. Of several modes that apply the strictest wins.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Mode {
    /// Sends.
    Armed,
    /// Does everything but send, and records what would have been sent.
    Paper,
    /// Does not evaluate.
    Off,
}

/// What becomes of what comes faster than the pace lets through.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Overflow {
    /// One after the other; of more than a thousand the newest are kept. What is taken unless said otherwise.
    Queue,
    /// One message of all that waits, with their number and the newest of them: for Discord, Telegram and Slack.
    Digest,
    /// Only what can go at once is sent.
    Drop,
}

/// The JSON that a webhook gets. Texts within it are templates; one that is exactly one `{{ expression }}` keeps the value's type.
#[derive(Debug)]
pub struct Payload;

impl JsonSchema for Payload {
    fn schema_name() -> Cow<'static, str> {
        "Payload".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // A text would be posted as one JSON string, unless it is one expression whose value is posted.
        json_schema!({
            "description": "The JSON that a webhook gets, as a table. Texts within it are templates; one that is exactly one `{{ expression }}` keeps the value's type.",
            "anyOf": [{ "type": ["object", "array", "number", "boolean"] }, { "type": "string", "pattern": r"^\s*\{\{[\s\S]*\}\}\s*$" }]
        })
    }
}

/// The fields of a form. Texts within it are templates.
pub type Form = BTreeMap<String, FormValue>;

/// A value of a form: a form has no lists or tables.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum FormValue {
    /// A template.
    Text(String),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
}

/// Bounds on a number (`{ below = 0.5 }`) or an age (`{ below = "30m" }`). All that are given must hold.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Bounds_of_{T}", deny_unknown_fields, extend("minProperties" = 1))]
pub struct Bounds<T> {
    /// Greater than.
    pub above: Option<T>,
    /// Greater than or equal to.
    pub at_least: Option<T>,
    /// Less than.
    pub below: Option<T>,
    /// Less than or equal to.
    pub at_most: Option<T>,
    /// From and to, both included: `[a, b]`.
    pub between: Option<[T; 2]>,
    /// Less than the first or greater than the second: `[a, b]`.
    pub outside: Option<[T; 2]>,
}

/// An age: `"30m"`; may be zero.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^\s*[0-9]+\s*(ms|s|m|h|d)\s*$"))]
pub struct Age(pub String);
