//! One checked piece of a template → what it says for some values. Work and output are bounded by `model::limits`.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Expression, Output, State, UndefinedBehavior, Value};

use super::{One, Values, words};
use crate::model::limits::{TEMPLATE_BYTES, TEMPLATE_FUEL};

/// The only name under which a template stands in its environment. It has no extension that would turn on HTML escaping.
const NAME: &str = "template";
/// Letters that `truncate` leaves when it is not told how many.
const TRUNCATE: usize = 140;

/// For chat: what is absent is empty.
static LENIENT: LazyLock<Environment<'static>> = LazyLock::new(|| environment(UndefinedBehavior::Chainable));
/// For JSON and forms: writing what is absent fails; asking whether it is there does not.
static STRICT: LazyLock<Environment<'static>> = LazyLock::new(|| environment(UndefinedBehavior::SemiStrict));

/// Why a template said nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A value that it needs is not there.
    #[error("`{0}` needs a value that is not there")]
    Absent(String),
    /// It took too many steps, wrote too much, or computed with what cannot be computed with.
    #[error("`{source_text}` could not be worked out: {why}")]
    Broken {
        /// The template.
        source_text: String,
        /// In words.
        why: String,
    },
}

/// How a piece is worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No template at all: as it stands.
    Fixed,
    /// Text with expressions in it.
    Text,
    /// Exactly one expression, whose value keeps its type.
    Value,
}

/// A piece's source and, once it has been needed, its compiled form. A hundred thousand rules that never fire hold only text.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    source: Box<str>,
    kind: Kind,
    strict: bool,
    compiled: OnceLock<Option<Arc<Program>>>,
}

#[derive(Debug)]
enum Program {
    Text(Box<Environment<'static>>),
    Value(Expression<'static, 'static>),
}

impl Piece {
    pub(super) fn new(source: &str, kind: Kind, strict: bool) -> Self {
        Self { source: source.into(), kind, strict, compiled: OnceLock::new() }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Compiles it now, only to see whether it can be.
    pub(super) fn try_compile(&self) -> Result<(), Error> {
        self.compile().map(|_| ())
    }

    fn compile(&self) -> Result<Program, Error> {
        let base: &'static Environment<'static> = if self.strict { &STRICT } else { &LENIENT };
        if self.kind == Kind::Value {
            return base.compile_expression_owned(inner(&self.source).to_owned()).map(Program::Value);
        }
        let mut environment = base.clone();
        environment.add_template_owned(NAME, self.source.to_string())?;
        Ok(Program::Text(Box::new(environment)))
    }

    fn program(&self) -> Option<&Program> {
        self.compiled.get_or_init(|| self.compile().ok().map(Arc::new)).as_deref()
    }

    /// The text it writes; longer than [`TEMPLATE_BYTES`] is a failure when `strict`, else cut.
    pub(super) fn text(&self, values: &Value) -> Result<String, Failure> {
        if self.kind == Kind::Fixed {
            return Ok(self.source.to_string());
        }
        let written = match self.program() {
            Some(Program::Text(environment)) => {
                let template = environment.get_template(NAME).map_err(|error| self.failure(&error))?;
                template.render(values.clone()).map_err(|error| self.failure(&error))?
            }
            Some(Program::Value(expression)) => {
                let value = expression.eval(values.clone()).map_err(|error| self.failure(&error))?;
                self.scalar(&value)?
            }
            None => return Err(self.broken("it does not compile")),
        };
        match (written.len() > TEMPLATE_BYTES, self.strict) {
            (false, _) => Ok(written),
            (true, true) => Err(self.broken("it wrote more than 64 KiB")),
            (true, false) => Ok(written.get(..written.floor_char_boundary(TEMPLATE_BYTES)).unwrap_or_default().to_owned()),
        }
    }

    /// The variable and the field that it is, if it is nothing else: `{{ tweet.text }}`, `{{ rule }}`. A variable alone has an empty field.
    fn alone(&self) -> Option<(&str, &str)> {
        let source = if self.kind == Kind::Value { inner(&self.source).trim() } else { return None };
        let (variable, field) = source.split_once('.').unwrap_or((source, ""));
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (is_name(variable) && is_name(field)).then_some((variable, field))
    }

    /// The value it comes to, as JSON. Most leaves are one value, which is asked for by name instead of made with all the others.
    pub(super) fn json_of(&self, values: &impl Values) -> Result<serde_json::Value, Failure> {
        match self.alone().map(|(variable, field)| values.one(variable, field)) {
            Some(One::Value(value)) => Ok(value),
            Some(One::Absent) => Err(Failure::Absent(self.source.to_string())),
            Some(One::NotAlone) | None => self.json(values.all()),
        }
    }

    /// As [`Piece::text`].
    pub(super) fn text_of(&self, values: &impl Values) -> Result<String, Failure> {
        match self.alone().map(|(variable, field)| values.one(variable, field)) {
            Some(One::Value(serde_json::Value::String(text))) if text.len() <= TEMPLATE_BYTES => Ok(text),
            Some(One::Absent) => Err(Failure::Absent(self.source.to_string())),
            _ => self.text(values.all()),
        }
    }

    fn json(&self, values: &Value) -> Result<serde_json::Value, Failure> {
        let Some(Program::Value(expression)) = (self.kind == Kind::Value).then(|| self.program()).flatten() else {
            return self.text(values).map(serde_json::Value::String);
        };
        let value = expression.eval(values.clone()).map_err(|error| self.failure(&error))?;
        let json = serde_json::to_value(&value).map_err(|error| self.broken(&error.to_string()))?;
        if value.is_undefined() || json.is_null() {
            // Not-a-number and infinity come out as null, too: no number that a receiver could act on.
            return Err(Failure::Absent(self.source.to_string()));
        }
        Ok(json)
    }

    fn scalar(&self, value: &Value) -> Result<String, Failure> {
        match serde_json::to_value(value) {
            Ok(serde_json::Value::String(text)) => Ok(text),
            Ok(serde_json::Value::Null) | Err(_) if self.strict => Err(Failure::Absent(self.source.to_string())),
            Ok(serde_json::Value::Null) => Ok(String::new()),
            Ok(serde_json::Value::Bool(truth)) => Ok(truth.to_string()),
            Ok(serde_json::Value::Number(_)) => Ok(value.to_string()),
            _ => Err(self.broken("a list or a table cannot stand in a text")),
        }
    }

    fn failure(&self, error: &Error) -> Failure {
        match error.kind() {
            ErrorKind::UndefinedError => Failure::Absent(self.source.to_string()),
            ErrorKind::OutOfFuel => self.broken("it takes too many steps"),
            kind => self.broken(&error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}"))),
        }
    }

    fn broken(&self, why: &str) -> Failure {
        Failure::Broken { source_text: self.source.to_string(), why: why.to_owned() }
    }
}

/// What stands between `{{` and `}}` of a source that is exactly that.
pub(super) fn inner(source: &str) -> &str {
    let inside = source.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(source);
    let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    inside.strip_suffix(['-', '+']).unwrap_or(inside)
}

fn environment(undefined: UndefinedBehavior) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    environment.set_fuel(Some(TEMPLATE_FUEL));
    environment.set_debug(false);
    environment.set_formatter(write);
    for name in ["safe", "escape", "e", "pprint", "groupby", "chain", "zip"] {
        environment.remove_filter(name);
    }
    environment.remove_global("debug");
    environment.add_filter("usd", usd);
    environment.add_filter("short", short);
    environment.add_filter("ago", ago);
    environment.add_filter("truncate", truncate);
    environment
}

/// Truth values as JSON and people write them, not as Python does; and `none` as what is absent.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "true" } else { "false" })?),
        ValueKind::None if state.undefined_behavior() == UndefinedBehavior::SemiStrict => Err(ErrorKind::UndefinedError.into()),
        ValueKind::None => Ok(()),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn is_absent(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

fn usd(price: &Value) -> Result<Value, Error> {
    if is_absent(price) {
        return Ok(Value::UNDEFINED);
    }
    let number = f64::try_from(price.clone()).ok().or_else(|| price.as_str().and_then(|text| text.trim().parse().ok()));
    number
        .map(|number| Value::from(words::usd(number)))
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "`usd` takes a number of dollars"))
}

fn short(address: &Value) -> Value {
    if is_absent(address) { Value::UNDEFINED } else { Value::from(words::short(&text(address))) }
}

/// Of an age in seconds, or of a moment (RFC 3339) as seen from the firing.
fn ago(state: &State<'_, '_>, when: &Value) -> Result<Value, Error> {
    if is_absent(when) {
        return Ok(Value::UNDEFINED);
    }
    if let Ok(seconds) = f64::try_from(when.clone()) {
        let since = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        return Ok(Value::from(words::ago(since)));
    }
    let at = state.lookup("firing").and_then(|firing| firing.get_attr("at_ms").ok()).and_then(|at| i64::try_from(at).ok());
    let then = when.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_millisecond);
    match (at, then) {
        (Some(at), Some(then)) => {
            let since = u64::try_from(at.saturating_sub(then)).unwrap_or(0);
            Ok(Value::from(words::ago(Duration::from_millis(since))))
        }
        _ => Err(Error::new(ErrorKind::InvalidOperation, "`ago` takes an age in seconds or a time")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja hands keyword arguments over by value")]
fn truncate(value: &Value, letters: Option<usize>, options: Kwargs) -> Result<Value, Error> {
    let named: Option<usize> = options.get("length")?;
    options.assert_all_used()?;
    if is_absent(value) {
        return Ok(Value::UNDEFINED);
    }
    Ok(Value::from(words::truncate(&text(value), letters.or(named).unwrap_or(TRUNCATE))))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
