//! What holds firings back: `cooldown`, `limit`, `active` and `timezone`.

use schemars::JsonSchema;

use super::values::{Duration, OneOrMany, Rate};

/// After a firing none of the same kind for so long: `"10m"`, or `{ for = "10m", per = "token" }`.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum Cooldown {
    /// For all firings together.
    Lasts(Duration),
    /// What is held back apart as well.
    Table(CooldownTable),
}

/// A cooldown and what is held back apart.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CooldownTable {
    /// How long.
    #[schemars(rename = "for")]
    pub lasts: Duration,
    /// What is held back apart; all firings of the rule together unless said otherwise.
    pub per: Option<OneOrMany<Per>>,
}

/// What is held back apart.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case", extend("x-any-case" = true))]
pub enum Per {
    /// All firings of the rule together. It stands alone.
    Rule,
    /// The tweet's author, or whoever did something.
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

/// At most so many in any span of so long: `"5/h"`, `"20/d"`, or a list of which all hold.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum Limits {
    /// One.
    One(Rate),
    /// All of these hold.
    Many(#[schemars(length(min = 1, max = 8))] Vec<Rate>),
}

/// Days of the week, hours of the day or both, `"Mon-Fri 08:00-22:00"`, or a list of which any will do. `"22:00-06:00"` goes past midnight.
#[derive(Debug, JsonSchema)]
#[schemars(inline)]
pub struct Hours(pub OneOrMany<Span>);

/// Days of the week, hours of the day or both: `"Mon-Fri 08:00-12:00,13:00-17:00"`, `"22:00-06:00"`, `"Sat,Sun"`.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^[A-Za-z0-9:,\s-]*[A-Za-z0-9][A-Za-z0-9:,\s-]*$"))]
pub struct Span(pub String);

/// A time zone, by its name in the IANA's database: `"Europe/London"`, `"UTC"`.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^\s*[A-Za-z][A-Za-z0-9_+/-]*\s*$"))]
pub struct Zone(pub String);

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::model::window::Part;
    use crate::rules::schema::tidy;

    /// The schema of a type as it becomes part of the file's.
    fn schema<T: JsonSchema>() -> Value {
        let mut settings = schemars::generate::SchemaSettings::draft07();
        settings.transforms.insert(0, Box::new(schemars::transform::RecursiveTransform(tidy::tidy)));
        settings.into_generator().into_root_schema_for::<T>().to_value()
    }

    #[test]
    fn what_a_cooldown_is_counted_by_are_the_parts_of_a_match_and_the_rule() {
        let per = schema::<Per>();
        let words = per["anyOf"][0]["enum"].as_array().unwrap();
        let known: Vec<_> = std::iter::once("rule").chain(Part::ALL.map(Part::name)).collect();
        assert_eq!(words.iter().filter_map(Value::as_str).collect::<Vec<_>>(), known);
    }

    #[test]
    fn a_cooldown_is_a_text_or_a_table_of_the_readers_keys() {
        let table = schema::<CooldownTable>();
        let keys: Vec<_> = table["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, crate::rules::keys::Place::Cooldown.keys().unwrap());
        assert_eq!(table["additionalProperties"], false);
        assert_eq!(schema::<Cooldown>()["anyOf"].as_array().map(Vec::len), Some(2));
    }
}
