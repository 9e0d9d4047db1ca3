//! `[templates.NAME]`, templates within a `send`, and payloads of webhooks. What a template may use depends on the rule that
//! uses it, so each is compiled once for every different scope.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::keys::Place;
use super::read::{Field, Node, Table};
use super::ruleset::{Each, Payload};
use super::template::reads::{Read, reads};
use super::template::{ChatTemplate, JsonTemplate, Scope, TemplateError, TemplatePart};
use crate::model::action::Span;
use crate::model::subject::Event;

/// Index of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TemplateId(usize);

/// Index of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PayloadId(usize);

/// A scope as a key: a bit for each event, what `each` counts by, and whether there is a window.
type ScopeKey = (u8, Option<Each>, bool);

#[derive(Debug)]
struct Written<'a> {
    title: Option<Text<'a>>,
    body: Option<Text<'a>>,
    compiled: HashMap<ScopeKey, Option<Arc<ChatTemplate>>>,
}

#[derive(Clone, Copy, Debug)]
struct Text<'a> {
    text: &'a str,
    span: Span,
}

#[derive(Debug)]
struct WrittenPayload<'a> {
    node: Node<'a>,
    tree: serde_json::Value,
    form: bool,
    compiled: HashMap<ScopeKey, Option<Payload>>,
    /// What its leaves cannot do without, once it was asked.
    reads: Option<Arc<[(Span, Read)]>>,
}

#[derive(Debug)]
struct Name<'a> {
    node: Node<'a>,
    id: TemplateId,
    key: Span,
    used: bool,
}

/// All templates and payloads of all files.
#[derive(Debug, Default)]
pub(super) struct Templates<'a> {
    written: Vec<Written<'a>>,
    payloads: Vec<WrittenPayload<'a>>,
    by_name: BTreeMap<&'a str, Name<'a>>,
    /// Mistakes already said, so that a template used by a hundred rules is not wrong a hundred times.
    said: HashSet<(Span, String)>,
}

impl<'a> Templates<'a> {
    /// Takes in `[templates.NAME]`.
    pub(super) fn define(&mut self, check: &mut Check<'a>, field: Field<'a>) {
        if let Some(first) = self.by_name.get(field.name) {
            if first.node.is_same(field.node) {
                return;
            }
            let mistake =
                Diagnostic::error("duplicate-name", field.key, format!("the template `{}` is defined twice", field.name))
                    .label("here again")
                    .also(first.key, "first here")
                    .help("give one of them another name, or make them the same");
            check.report(mistake);
            return;
        }
        let example = "{ title = \"{{ author.name }}\", body = \"{{ tweet.text }}\" }";
        let Some(table) = field.node.table(check, field.name, Place::Template, example) else { return };
        let id = self.read(check, table);
        self.by_name.insert(field.name, Name { node: field.node, id, key: field.key, used: false });
    }

    fn read(&mut self, check: &mut Check<'a>, mut table: Table<'a>) -> TemplateId {
        let mut part = |check: &mut Check<'a>, key| {
            let field = table.take(key)?;
            let text = field.node.text(check, key, "\"{{ tweet.text }}\"")?;
            Some(Text { text, span: field.node.span })
        };
        let (title, body) = (part(check, "title"), part(check, "body"));
        if !table.has("title") && !table.has("body") {
            let mistake = Diagnostic::error("empty-table", table.span, "this template says nothing");
            check.report(mistake.help("give it a `title`, a `body` or both"));
        }
        table.finish(check);
        self.written.push(Written { title, body, compiled: HashMap::new() });
        TemplateId(self.written.len() - 1)
    }

    /// `template`: a name, or a table with `title` and `body`.
    pub(super) fn named_or_inline(&mut self, check: &mut Check<'a>, field: Field<'a>) -> Option<TemplateId> {
        if let Some(table) = field.node.as_table(Place::Template) {
            return Some(self.read(check, table));
        }
        let name = field.node.text(check, "template", "\"short\"")?;
        if let Some(known) = self.by_name.get_mut(name) {
            known.used = true;
            return Some(known.id);
        }
        let near = check.suggestions.nearest(name, self.by_name.keys().copied());
        if let Some(meant) = near.and_then(|near| self.by_name.get_mut(near)) {
            meant.used = true;
        }
        let mistake = Diagnostic::error("undefined-template", field.node.span, format!("there is no template `{name}`"));
        check.report(match near {
            Some(near) => mistake.label(format!("did you mean `{near}`?")),
            None => {
                mistake.help(format!("add `[templates.{name}]` with a `title` and a `body`, or write {{ body = \"…\" }} here"))
            }
        });
        None
    }

    /// `json` or `form` of a webhook or of a send to one.
    pub(super) fn payload(&mut self, check: &mut Check<'a>, table: &mut Table<'a>) -> Option<PayloadId> {
        let (json, form) = (table.take("json"), table.take("form"));
        if let (Some(_), Some(form)) = (json, form) {
            let mistake = Diagnostic::error("two-payloads", form.key, "a webhook sends `json` or `form`, not both");
            check.report(mistake.help("remove one of them"));
        }
        let (field, is_form) = json.map(|json| (json, false)).or(form.map(|form| (form, true)))?;
        let node = field.node;
        if is_form {
            check_form(check, field)?;
        } else if let Some(text) = node.as_text().filter(|text| !is_one_expression(text)) {
            check.report(json_as_text(text, node.span));
            return None;
        }
        let tree = json_tree(check, node);
        self.payloads.push(WrittenPayload { node, tree, form: is_form, compiled: HashMap::new(), reads: None });
        Some(PayloadId(self.payloads.len() - 1))
    }

    /// The template as a rule of this scope may use it.
    pub(super) fn chat(&mut self, check: &mut Check<'a>, id: TemplateId, scope: &Scope<'_>) -> Option<Arc<ChatTemplate>> {
        let key = scope_key(scope);
        let written = self.written.get_mut(id.0)?;
        if let Some(known) = written.compiled.get(&key) {
            return known.clone();
        }
        let (title, body) = (written.title, written.body);
        let compiled = match ChatTemplate::compile(title.map(|t| t.text), body.map(|t| t.text), scope) {
            Ok(template) => Some(Arc::new(template)),
            Err(errors) => {
                for (part, error) in errors {
                    let text = match part {
                        TemplatePart::Title => title,
                        TemplatePart::Body => body,
                    };
                    if let Some(Text { text, span }) = text {
                        self.said(check, text, span, error);
                    }
                }
                None
            }
        };
        self.written.get_mut(id.0)?.compiled.insert(key, compiled.clone());
        compiled
    }

    /// The payload as a rule of this scope may use it.
    pub(super) fn compiled_payload(&mut self, check: &mut Check<'a>, id: PayloadId, scope: &Scope<'_>) -> Option<Payload> {
        let key = scope_key(scope);
        let written = self.payloads.get(id.0)?;
        if let Some(known) = written.compiled.get(&key) {
            return known.clone();
        }
        let compiled = match JsonTemplate::compile(written.tree.clone(), scope) {
            Ok(template) if written.form => Some(Payload::Form(Arc::new(template))),
            Ok(template) => Some(Payload::Json(Arc::new(template))),
            Err(errors) => {
                let root = written.node;
                for (pointer, error) in errors {
                    let leaf = leaf(root, &pointer).unwrap_or(root);
                    self.said(check, leaf.as_text().unwrap_or_default(), leaf.span, error);
                }
                None
            }
        };
        self.payloads.get_mut(id.0)?.compiled.insert(key, compiled.clone());
        compiled
    }

    /// What the leaves of a payload cannot do without, and where they say so.
    pub(super) fn reads(&mut self, check: &Check<'a>, id: PayloadId) -> Arc<[(Span, Read)]> {
        let Some(written) = self.payloads.get_mut(id.0) else { return Arc::default() };
        let node = written.node;
        let gather = || {
            let mut leaves = Vec::new();
            texts(node, &mut leaves);
            let of = |leaf: Node<'a>| {
                let text = leaf.as_text().unwrap_or_default();
                reads(text).into_iter().map(move |read| (inner_span(check, text, leaf.span, &read.range), read))
            };
            leaves.into_iter().flat_map(of).collect()
        };
        Arc::clone(written.reads.get_or_insert_with(gather))
    }

    /// What a message shows outside of `if` and without `default`, and where it says so.
    pub(super) fn shows(&self, check: &Check<'a>, id: TemplateId) -> Vec<(Span, Read)> {
        let texts = self.written.get(id.0).into_iter().flat_map(|written| [written.title, written.body]).flatten();
        let of =
            |Text { text, span }| reads(text).into_iter().map(move |read| (inner_span(check, text, span, &read.range), read));
        texts.flat_map(of).collect()
    }

    fn said(&mut self, check: &mut Check<'a>, text: &str, span: Span, error: TemplateError) {
        let span = inner_span(check, text, span, &error.range);
        if self.said.insert((span, error.message.clone())) {
            let mut mistake = Diagnostic::error("bad-template", span, error.message);
            mistake.help = error.help;
            check.report(mistake);
        }
    }

    /// Warns of the templates that nothing uses.
    pub(super) fn unused(&self, check: &mut Check<'a>) {
        let mut unused: Vec<_> =
            self.by_name.iter().filter(|(_, name)| !name.used).map(|(text, name)| (name.key, *text)).collect();
        unused.sort();
        for (key, name) in unused {
            let mistake = Diagnostic::warning("unused-template", key, format!("nothing uses the template `{name}`"));
            check.report(mistake.help(format!("write `template = \"{name}\"` in an action or a send, or remove it")));
        }
    }
}

fn scope_key(scope: &Scope<'_>) -> ScopeKey {
    let bit = |event: &Event| Event::ALL.iter().position(|known| known == event).map_or(0, |at| 1 << at);
    (scope.on.iter().fold(0, |bits, event| bits | bit(event)), scope.each, scope.window)
}

/// Where a part of a text stands in the file: exact when the file has the text as it is, else the whole text.
pub(super) fn inner_span(check: &Check<'_>, text: &str, span: Span, range: &Range<usize>) -> Span {
    let written = check.text(span);
    let quotes = written.bytes().take_while(|b| matches!(b, b'"' | b'\'')).count();
    let inside = if quotes == 1 { written.get(1..written.len().saturating_sub(1)) == Some(text) } else { quotes == 3 };
    let at = written.find(text).filter(|_| inside && !text.is_empty() && range.end <= text.len() && range.start <= range.end);
    match at {
        Some(at) => Span { file: span.file, start: span.start + at + range.start, end: span.start + at + range.end },
        None => span,
    }
}

/// Every text in a tree, in the order of the file.
fn texts<'a>(node: Node<'a>, into: &mut Vec<Node<'a>>) {
    if node.as_text().is_some() {
        into.push(node);
    } else if let Some(items) = node.as_list() {
        items.for_each(|item| texts(item, into));
    } else if let Some(table) = node.as_table(Place::Free) {
        table.fields().into_iter().for_each(|field| texts(field.node, into));
    }
}

/// The node that a JSON pointer leads to.
fn leaf<'a>(root: Node<'a>, pointer: &str) -> Option<Node<'a>> {
    pointer.split('/').skip(1).try_fold(root, |node, step| match node.as_list() {
        Some(mut items) => items.nth(step.parse().ok()?),
        None => {
            let step = step.replace("~1", "/").replace("~0", "~");
            node.as_table(Place::Free)?.fields().into_iter().find(|field| field.name == step).map(|field| field.node)
        }
    })
}

fn check_form<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<()> {
    let table = field.node.table(check, "form", Place::Free, "{ text = \"{{ tweet.text }}\" }")?;
    for nested in table.fields().into_iter().filter(|field| field.node.as_list().is_some() || field.node.value.is_table()) {
        nested.node.wrong(check, nested.name, "a text: a form has no lists or tables", "\"{{ tweet.text }}\"");
    }
    Some(())
}

/// Whether a text is `{{ … }}` and nothing else: as a whole payload it is the value of that expression.
fn is_one_expression(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("{{") && text.ends_with("}}") && text.matches("{{").count() == 1
}

/// `json = '{ "a": 1 }'`, as other programs have it: it would be posted as one text.
fn json_as_text(text: &str, span: Span) -> Diagnostic {
    // TradingView's `"price": {{close}}` is no JSON before it is filled in.
    let read = serde_json::from_str(text).or_else(|_| serde_json::from_str(&quoted_braces(text)));
    let example = match read {
        Ok(value @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) => in_toml(&value),
        _ => "{ action = \"buy\", symbol = \"{{ token.symbol }}\" }".to_owned(),
    };
    Diagnostic::error("json-as-text", span, "`json` is a table, not a text: this would be posted as one JSON string")
        .help(format!("write it without the outer quotes, as TOML has it: json = {example}"))
}

/// Quotes around every `{{ … }}` that stands outside of a string.
fn quoted_braces(text: &str) -> String {
    let (mut out, mut rest, mut inside) = (String::with_capacity(text.len()), text, false);
    while let Some(c) = rest.chars().next() {
        let end = rest.find("}}").filter(|_| !inside && rest.starts_with("{{"));
        let taken = match end {
            Some(end) => end + 2,
            None if inside && c == '\\' => rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at),
            None => c.len_utf8(),
        };
        inside ^= c == '"';
        let (part, after) = rest.split_at(taken);
        match end {
            Some(_) => out.push_str(&format!("\"{}\"", part.replace('"', "'"))),
            None => out.push_str(part),
        }
        rest = after;
    }
    out
}

/// A value on one line of TOML. `null`, which TOML does not have, is left out.
fn in_toml(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let bare = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            let key = |name: &String| if bare(name) { name.clone() } else { format!("{name:?}") };
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<_> = fields.map(|(name, value)| format!("{} = {}", key(name), in_toml(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(in_toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// TOML as JSON. What JSON does not have is reported, and stands as null so that the rest is looked at too.
fn json_tree(check: &mut Check<'_>, node: Node<'_>) -> serde_json::Value {
    use serde_json::Value;
    use toml::de::DeValue;
    match node.value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Integer(_) => node.as_integer().map_or_else(
            || {
                check.report(Diagnostic::error("not-finite", node.span, "this number is too large").help("write it as a text"));
                Value::Null
            },
            Value::from,
        ),
        DeValue::Float(_) => match node.as_number().and_then(serde_json::Number::from_f64) {
            Some(number) => Value::Number(number),
            None => {
                check.report(Diagnostic::error("not-finite", node.span, "JSON has no such number").help("write it as a text"));
                Value::Null
            }
        },
        DeValue::Datetime(_) => {
            check.report(Diagnostic::error("wrong-type", node.span, "JSON has no dates").help("write it as a text, in quotes"));
            Value::Null
        }
        DeValue::Array(_) => Value::Array(node.as_list().into_iter().flatten().map(|item| json_tree(check, item)).collect()),
        DeValue::Table(_) => {
            let fields = node.as_table(Place::Free).map(|table| table.fields()).unwrap_or_default();
            Value::Object(fields.into_iter().map(|field| (field.name.to_owned(), json_tree(check, field.node))).collect())
        }
    }
}
