//! Templates: what a rules file may say instead of the defaults. Text in, checked and compiled at load; values in, text or JSON out.
//!
//! A template sees values only as values: nothing that it writes is ever read as a template again, and of JSON each leaf is written as the value
//! that it is, so no value can change its shape (DESTINATIONS 6.2). The names it may use stand in [`schema`]; the values come from `render::values`.

mod calls;
mod check;
mod program;
pub mod reads;
pub mod schema;
#[cfg(test)]
mod tests;
pub mod words;

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::machinery::ast::Stmt;
use minijinja::value::Value;

pub use self::program::Failure;
use self::program::{Kind, Piece};
use super::ruleset::Each;
use crate::model::limits::TEMPLATE_SOURCE_BYTES;
use crate::model::subject::Event;

/// Room for the body of an order; what is longer grows.
const JSON_BYTES: usize = 1_024;

/// Which variables a template may use: those of every event and element of the rules that use it.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// The rule's `on`.
    pub on: &'a [Event],
    /// The rule's `each`.
    pub each: Option<Each>,
    /// The rule has a window.
    pub window: bool,
}

/// What a template of JSON or a form is given.
pub trait Values {
    /// One value by its name: a variable, or a field of one (`field` is empty when the variable itself is meant). As [`Values::all`] has it.
    fn one(&self, variable: &str, field: &str) -> One;

    /// Every variable that the template asks for.
    fn all(&self) -> &Value;
}

/// One value of [`Values`].
#[derive(Clone, Debug, PartialEq)]
pub enum One {
    /// It is this.
    Value(serde_json::Value),
    /// It is not there.
    Absent,
    /// It is not known by this name alone: [`Values::all`] says.
    NotAlone,
}

impl Values for Value {
    fn one(&self, _: &str, _: &str) -> One {
        One::NotAlone
    }

    fn all(&self) -> &Value {
        self
    }
}

/// A mistake in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where, in bytes of the template's own text.
    pub range: Range<usize>,
}

/// A half of a chat template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// `title`.
    Title,
    /// `body`.
    Body,
}

/// `[templates.NAME]`: a title and a body for chat messages.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    title: Option<Piece>,
    body: Option<Piece>,
    uses: Box<[&'static str]>,
}

impl ChatTemplate {
    /// Checks both halves and compiles them. Where one is absent, the default of the event stands.
    ///
    /// # Errors
    /// Every mistake of both halves, each with its place in that half.
    pub fn compile(
        title: Option<&str>,
        body: Option<&str>,
        scope: &Scope<'_>,
    ) -> Result<Self, Vec<(TemplatePart, TemplateError)>> {
        let mut uses = BTreeSet::new();
        let mut errors = Vec::new();
        let mut part = |source: Option<&str>, part| {
            let (piece, wrong) = piece(source?, scope, false, &mut uses);
            errors.extend(wrong.into_iter().map(|error| (part, error)));
            piece
        };
        let title = part(title, TemplatePart::Title);
        let body = part(body, TemplatePart::Body);
        if errors.is_empty() { Ok(Self { title, body, uses: uses.into_iter().collect() }) } else { Err(errors) }
    }

    /// The variables that it asks for: only these have to be given.
    #[must_use]
    pub fn uses(&self) -> &[&'static str] {
        &self.uses
    }

    /// The title, when the template has one. What is absent in the values is empty.
    ///
    /// # Errors
    /// When it takes too many steps or computes with what cannot be computed with.
    pub fn title(&self, values: &Value) -> Result<Option<String>, Failure> {
        self.title.as_ref().map(|piece| piece.text(values)).transpose()
    }

    /// The body, when the template has one. What is absent in the values is empty.
    ///
    /// # Errors
    /// When it takes too many steps or computes with what cannot be computed with.
    pub fn body(&self, values: &Value) -> Result<Option<String>, Failure> {
        self.body.as_ref().map(|piece| piece.text(values)).transpose()
    }
}

/// A tree of JSON whose string leaves are templates.
#[derive(Clone, Debug)]
pub struct JsonTemplate {
    root: Node,
    uses: Box<[&'static str]>,
}

#[derive(Clone, Debug)]
enum Node {
    Fixed(serde_json::Value),
    Leaf(Piece),
    List(Box<[Node]>),
    Table(Box<[(Box<str>, Node)]>),
}

impl JsonTemplate {
    /// Checks and compiles every string leaf. A leaf that is exactly one `{{ expression }}` keeps the value's type.
    ///
    /// # Errors
    /// Every mistake, each with the JSON pointer of its leaf and its place in that leaf.
    pub fn compile(tree: serde_json::Value, scope: &Scope<'_>) -> Result<Self, Vec<(String, TemplateError)>> {
        let mut build = Build { scope, uses: BTreeSet::new(), errors: Vec::new() };
        let root = build.node(tree, "");
        let Build { uses, errors, .. } = build;
        if errors.is_empty() { Ok(Self { root, uses: uses.into_iter().collect() }) } else { Err(errors) }
    }

    /// The variables that it asks for: only these have to be given.
    #[must_use]
    pub fn uses(&self) -> &[&'static str] {
        &self.uses
    }

    /// The tree with its leaves worked out, as the text of JSON.
    ///
    /// # Errors
    /// The JSON pointer of the first leaf that has no value, and why: then nothing must be sent.
    pub fn json(&self, values: &impl Values) -> Result<Vec<u8>, (String, Failure)> {
        let mut json = Vec::with_capacity(JSON_BYTES);
        match self.root.write(values, &mut json) {
            Ok(()) => Ok(json),
            Err(Valueless { leaf, failure }) => Err((leaf.iter().rfold(String::new(), |at, step| pointer(&at, step)), failure)),
        }
    }

    /// The names and values of a form: the tree is a flat table.
    ///
    /// # Errors
    /// The JSON pointer of the first leaf that has no value or none that can stand in a form, and why.
    pub fn form(&self, values: &impl Values) -> Result<Vec<(String, String)>, (String, Failure)> {
        let Node::Table(entries) = &self.root else { return Ok(Vec::new()) };
        let value = |node: &Node| match node {
            Node::Leaf(piece) => piece.text_of(values),
            Node::Fixed(serde_json::Value::String(text)) => Ok(text.clone()),
            Node::Fixed(value) => Ok(value.to_string()),
            Node::List(_) | Node::Table(_) => {
                Err(Failure::Broken { source_text: "form".to_owned(), why: "a form has no lists or tables in it".to_owned() })
            }
        };
        let entry = |(name, node): &(Box<str>, Node)| match value(node) {
            Ok(value) => Ok((name.to_string(), value)),
            Err(failure) => Err((pointer("", name), failure)),
        };
        entries.iter().map(entry).collect()
    }
}

/// A leaf without a value.
struct Valueless {
    /// The way from it to the root.
    leaf: Vec<String>,
    failure: Failure,
}

impl Node {
    /// Straight to text: an order waits for it, and a tree of its values would be made to be taken apart.
    fn write(&self, values: &impl Values, json: &mut Vec<u8>) -> Result<(), Valueless> {
        match self {
            Self::Fixed(value) => write(value, json),
            Self::Leaf(piece) => {
                let value = piece.json_of(values).map_err(|failure| Valueless { leaf: Vec::new(), failure })?;
                write(&value, json)
            }
            Self::List(nodes) => {
                json.push(b'[');
                for (index, node) in nodes.iter().enumerate() {
                    json.extend((index > 0).then_some(b','));
                    node.write(values, json).map_err(|error| error.under(&index.to_string()))?;
                }
                json.push(b']');
                Ok(())
            }
            Self::Table(entries) => {
                json.push(b'{');
                for (index, (name, node)) in entries.iter().enumerate() {
                    json.extend((index > 0).then_some(b','));
                    write(&**name, json)?;
                    json.push(b':');
                    node.write(values, json).map_err(|error| error.under(name))?;
                }
                json.push(b'}');
                Ok(())
            }
        }
    }
}

impl Valueless {
    fn under(mut self, step: &str) -> Self {
        self.leaf.push(step.to_owned());
        self
    }
}

fn write<T: serde::Serialize + ?Sized>(value: &T, json: &mut Vec<u8>) -> Result<(), Valueless> {
    serde_json::to_writer(json, value).map_err(|error| {
        let failure = Failure::Broken { source_text: "json".to_owned(), why: error.to_string() };
        Valueless { leaf: Vec::new(), failure }
    })
}

struct Build<'s> {
    scope: &'s Scope<'s>,
    uses: BTreeSet<&'static str>,
    errors: Vec<(String, TemplateError)>,
}

impl Build<'_> {
    fn node(&mut self, tree: serde_json::Value, at: &str) -> Node {
        match tree {
            serde_json::Value::String(source) => {
                let (piece, wrong) = piece(&source, self.scope, true, &mut self.uses);
                self.errors.extend(wrong.into_iter().map(|error| (at.to_owned(), error)));
                match piece {
                    Some(piece) if piece.kind() != Kind::Fixed => Node::Leaf(piece),
                    _ => Node::Fixed(serde_json::Value::String(source)),
                }
            }
            serde_json::Value::Array(items) => Node::List(
                items.into_iter().enumerate().map(|(index, item)| self.node(item, &pointer(at, &index.to_string()))).collect(),
            ),
            serde_json::Value::Object(fields) => {
                Node::Table(fields.into_iter().map(|(name, field)| self.field(name, field, at)).collect())
            }
            other => Node::Fixed(other),
        }
    }

    fn field(&mut self, name: String, field: serde_json::Value, at: &str) -> (Box<str>, Node) {
        let here = pointer(at, &name);
        if is_template(&name) {
            let message = format!("the name `{name}` looks like a template, but only values are templates");
            let help = Some("write the name as it is to be sent".to_owned());
            self.errors.push((here.clone(), TemplateError { message, help, range: 0..name.len() }));
        }
        let node = self.node(field, &here);
        (name.into_boxed_str(), node)
    }
}

/// A JSON pointer (RFC 6901), one step further.
fn pointer(at: &str, step: &str) -> String {
    format!("{at}/{}", step.replace('~', "~0").replace('/', "~1"))
}

fn is_template(source: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| source.contains(mark))
}

/// Checks one source. `strict`: for JSON, where one expression alone keeps its type and what is absent is a failure.
fn piece(
    source: &str,
    scope: &Scope<'_>,
    strict: bool,
    uses: &mut BTreeSet<&'static str>,
) -> (Option<Piece>, Vec<TemplateError>) {
    let wrong = |message: String, help: Option<&str>, range| TemplateError { message, help: help.map(ToOwned::to_owned), range };
    if source.len() > TEMPLATE_SOURCE_BYTES {
        let message = format!("this template is {} bytes long; {TEMPLATE_SOURCE_BYTES} are allowed", source.len());
        return (None, vec![wrong(message, Some("make it shorter"), 0..source.len())]);
    }
    if !is_template(source) {
        return (Some(Piece::new(source, Kind::Fixed, strict)), Vec::new());
    }
    let broken = |error: &minijinja::Error| {
        let message = error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
        // minijinja points at the first byte of a letter that it does not expect.
        let letters = |range: Range<usize>| source.floor_char_boundary(range.start)..source.ceil_char_boundary(range.end);
        wrong(message, help_on(error, source), error.range().map_or(0..source.len(), letters))
    };
    let ast = match minijinja::machinery::parse(source, "template", minijinja::syntax::SyntaxConfig::default()) {
        Ok(ast) => ast,
        Err(error) => return (None, vec![broken(&error)]),
    };
    let kind = if strict && is_one_expression(source, &ast) { Kind::Value } else { Kind::Text };
    let found = check::check(&ast, scope, kind == Kind::Text);
    uses.extend(found.uses);
    if !found.errors.is_empty() {
        return (None, found.errors);
    }
    let piece = Piece::new(source, kind, strict);
    match piece.try_compile() {
        Ok(()) => (Some(piece), Vec::new()),
        Err(error) => (None, vec![broken(&error)]),
    }
}

/// What to do about a mistake of syntax.
fn help_on(error: &minijinja::Error, source: &str) -> Option<&'static str> {
    let said = error.detail().unwrap_or_default();
    let tags = ["include", "import", "from", "extends", "block", "macro", "call"];
    let at = error.range().and_then(|range| source.get(range)).unwrap_or_default();
    let unknown = said.contains("unknown statement");
    Some(if unknown && tags.iter().any(|tag| said.contains(tag) || at.contains(tag)) {
        "templates cannot take in others: write everything into this one"
    } else if unknown {
        "there are: if, elif, else, endif, for, endfor, set, with, filter, raw, do"
    } else if source.matches("{{").count() > source.matches("}}").count() {
        "every `{{` needs its `}}`"
    } else if source.matches("{%").count() > source.matches("%}").count() {
        "every `{%` needs its `%}`"
    } else if said.contains("end of input") {
        "close what was opened: `{% endif %}` for `if`, `{% endfor %}` for `for`"
    } else {
        "a value is written `{{ tweet.text }}`, changed with `{{ tweet.text | upper }}`, and asked for with `{% if token %}…{% endif %}`"
    })
}

fn is_one_expression(source: &str, ast: &Stmt<'_>) -> bool {
    let Stmt::Template(template) = ast else { return false };
    source.starts_with("{{") && source.ends_with("}}") && matches!(template.children.as_slice(), [Stmt::EmitExpr(_)])
}
