//! The syntax tree of a template × what its rules know → every unknown name and filter in it, each with its place and a suggestion.

use std::collections::{BTreeSet, HashMap};

use minijinja::machinery::Span;
use minijinja::machinery::ast::{CallArg, Expr, ForLoop, GetAttr, Stmt};

use super::schema::{self, Shape};
use super::words::TESTS;
use super::{Scope, TemplateError};

/// How deep expressions and blocks may nest: minijinja's compiler works recursively.
const DEPTH: usize = 150;
/// Functions that a template may call.
pub(super) const FUNCTIONS: [&str; 3] = ["range", "dict", "namespace"];
/// What the check found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The mistakes, in the order of the text.
    pub(super) errors: Vec<TemplateError>,
    /// The variables that the template asks for.
    pub(super) uses: BTreeSet<&'static str>,
}

/// Checks a parsed template. `text`: what it writes is put into a text, so tables and lists cannot be written out.
pub(super) fn check(ast: &Stmt<'_>, scope: &Scope<'_>, text: bool) -> Findings {
    let mut checker = Checker { scope, text, found: Findings::default(), frames: vec![HashMap::new()], depth: 0 };
    checker.stmt(ast);
    checker.found.errors.sort_by_key(|error| error.range.start);
    checker.found
}

pub(super) struct Checker<'s, 'a> {
    scope: &'s Scope<'s>,
    text: bool,
    found: Findings,
    /// Names given by `for`, `set` and `with`, innermost last.
    frames: Vec<HashMap<&'a str, Shape>>,
    depth: usize,
}

impl<'a> Checker<'_, 'a> {
    fn stmts(&mut self, stmts: &[Stmt<'a>]) {
        stmts.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn deeper(&mut self, span: Span) -> bool {
        self.depth += 1;
        if self.depth == DEPTH {
            self.error(span, "this is nested too deeply", None);
        }
        self.depth < DEPTH
    }

    fn stmt(&mut self, stmt: &Stmt<'a>) {
        if self.deeper(Span::default()) {
            self.stmt_here(stmt);
        }
        self.depth -= 1;
    }

    fn stmt_here(&mut self, stmt: &Stmt<'a>) {
        match stmt {
            Stmt::Template(template) => self.stmts(&template.children),
            Stmt::EmitExpr(emit) => {
                let shape = self.expr(&emit.expr);
                self.emitted(shape, &emit.expr);
            }
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(each) => self.for_loop(each),
            Stmt::IfCond(cond) => {
                self.expr(&cond.expr);
                self.stmts(&cond.true_body);
                self.stmts(&cond.false_body);
            }
            Stmt::WithBlock(with) => {
                self.frames.push(HashMap::new());
                for (target, expr) in &with.assignments {
                    let shape = self.expr(expr);
                    self.assign(target, shape);
                }
                self.stmts(&with.body);
                self.frames.pop();
            }
            Stmt::Set(set) => {
                let shape = self.expr(&set.expr);
                self.assign(&set.target, shape);
            }
            Stmt::SetBlock(set) => {
                self.stmts(&set.body);
                if let Some(filter) = &set.filter {
                    self.expr(filter);
                }
                self.assign(&set.target, Shape::Plain);
            }
            Stmt::AutoEscape(block) => {
                let help = "leave it out: what a template writes is escaped for its destination by itself";
                self.error(block.span(), "a template has no `autoescape`", Some(help.to_owned()));
            }
            Stmt::FilterBlock(block) => {
                self.expr(&block.filter);
                self.stmts(&block.body);
            }
            Stmt::Do(call) => {
                self.call(&call.call, call.span());
            }
        }
    }

    fn emitted(&mut self, shape: Shape, expr: &Expr<'a>) {
        if !self.text {
            return;
        }
        let (what, help) = match shape {
            Shape::Table(fields) => ("table", format!("say which of its fields: {}", names(fields))),
            Shape::List(_) => ("list", "write its elements with {% for … %}, or `| join(\", \")`".to_owned()),
            Shape::Plain | Shape::Loop | Shape::Any => return,
        };
        self.error(expr.span(), &format!("this is a {what}, which cannot stand in a text"), Some(help));
    }

    fn for_loop(&mut self, each: &ForLoop<'a>) {
        let element = match self.expr(&each.iter) {
            Shape::List(element) => *element,
            Shape::Table(_) | Shape::Plain | Shape::Loop | Shape::Any => Shape::Any,
        };
        self.frames.push(HashMap::from([("loop", Shape::Loop)]));
        self.assign(&each.target, element);
        if let Some(filter) = &each.filter_expr {
            self.expr(filter);
        }
        self.stmts(&each.body);
        self.frames.pop();
        self.stmts(&each.else_body);
    }

    fn assign(&mut self, target: &Expr<'a>, shape: Shape) {
        match target {
            Expr::Var(var) => {
                if let Some(frame) = self.frames.last_mut() {
                    // Set twice, in two branches perhaps: what it is then cannot be told from the text.
                    let known = frame.get(var.id).is_none_or(|before| *before == shape);
                    frame.insert(var.id, if known { shape } else { Shape::Any });
                }
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.assign(item, Shape::Any)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.assign(item, Shape::Any)),
            _ => {}
        }
    }

    pub(super) fn expr(&mut self, expr: &Expr<'a>) -> Shape {
        let shape = if self.deeper(expr.span()) { self.expr_here(expr) } else { Shape::Any };
        self.depth -= 1;
        shape
    }

    fn expr_here(&mut self, expr: &Expr<'a>) -> Shape {
        match expr {
            Expr::Var(var) => self.variable(var.id, var.span()),
            Expr::GetAttr(attr) => self.attribute(attr, attr.span()),
            Expr::GetItem(item) => {
                let of = self.expr(&item.expr);
                self.expr(&item.subscript_expr);
                match item.subscript_expr.as_const() {
                    Some(key) if key.as_str().is_some() => {
                        self.field(of, key.as_str().unwrap_or_default(), from(&item.expr, item.span()), written(&item.expr))
                    }
                    Some(_) => {
                        if let Shape::List(element) = of {
                            *element
                        } else {
                            Shape::Any
                        }
                    }
                    None => Shape::Any,
                }
            }
            Expr::Filter(filter) => {
                let of = filter.expr.as_ref().map_or(Shape::Any, |expr| self.expr(expr));
                self.args(&filter.args);
                self.filter(filter.name, of, &filter.args, filter.span())
            }
            Expr::Test(test) => {
                self.expr(&test.expr);
                self.args(&test.args);
                if !TESTS.contains(&test.name) {
                    let help = closest(test.name, &TESTS).map(|near| format!("did you mean `{near}`?"));
                    self.error(test.span(), &format!("there is no test `{}`", test.name), help);
                }
                Shape::Plain
            }
            Expr::Call(call) => self.call(call, call.span()),
            _ => self.compound(expr),
        }
    }

    fn compound(&mut self, expr: &Expr<'a>) -> Shape {
        match expr {
            Expr::Slice(slice) => {
                let of = self.expr(&slice.expr);
                [&slice.start, &slice.stop, &slice.step].into_iter().flatten().for_each(|part| {
                    self.expr(part);
                });
                return of;
            }
            Expr::UnaryOp(op) => {
                self.expr(&op.expr);
            }
            Expr::BinOp(op) => {
                let (left, right) = (self.expr(&op.left), self.expr(&op.right));
                // `token.symbol or "?"` is either side.
                return if left == right { left } else { Shape::Any };
            }
            Expr::Compare(compare) => {
                self.expr(&compare.expr);
                compare.ops.iter().for_each(|op| {
                    self.expr(&op.expr);
                });
            }
            Expr::IfExpr(cond) => {
                self.expr(&cond.test_expr);
                let yes = self.expr(&cond.true_expr);
                let no = cond.false_expr.as_ref().map(|expr| self.expr(expr));
                return if no.is_none_or(|no| no == yes) { yes } else { Shape::Any };
            }
            Expr::List(list) => list.items.iter().for_each(|item| {
                self.expr(item);
            }),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| {
                self.expr(item);
            }),
            Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(|item| {
                self.expr(item);
            }),
            _ => {}
        }
        Shape::Any
    }

    fn variable(&mut self, name: &str, span: Span) -> Shape {
        if let Some(shape) = self.frames.iter().rev().find_map(|frame| frame.get(name)) {
            return *shape;
        }
        match schema::variable(name, self.scope) {
            Ok((known, shape)) => {
                self.found.uses.insert(known);
                shape
            }
            Err(Some(why)) => {
                self.error(span, &why, Some(format!("there are: {}", self.variables().join(", "))));
                Shape::Any
            }
            Err(None) if FUNCTIONS.contains(&name) => Shape::Any,
            Err(None) => {
                let help = self.suggestion(name);
                self.error(span, &format!("there is no variable `{name}`"), Some(help));
                Shape::Any
            }
        }
    }

    /// The variables that the rules have.
    fn variables(&self) -> Vec<&'static str> {
        schema::VARIABLES.into_iter().filter(|name| schema::variable(name, self.scope).is_ok()).collect()
    }

    fn suggestion(&self, name: &str) -> String {
        let variables = self.variables();
        if let Some(near) = closest(name, &variables) {
            return format!("did you mean `{near}`?");
        }
        // `symbol` for `token.symbol`: most likely the table in front was forgotten.
        let inside = variables.iter().find_map(|of| match schema::variable(of, self.scope) {
            Ok((_, Shape::Table(fields))) => {
                let all: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
                closest(name, &all).map(|near| format!("did you mean `{of}.{near}`?"))
            }
            _ => None,
        });
        inside.unwrap_or_else(|| format!("there are: {}", variables.join(", ")))
    }

    fn attribute(&mut self, attr: &GetAttr<'a>, span: Span) -> Shape {
        let of = self.expr(&attr.expr);
        self.field(of, attr.name, from(&attr.expr, span), written(&attr.expr))
    }

    pub(super) fn field(&mut self, of: Shape, name: &str, span: Span, path: Option<String>) -> Shape {
        let whole = path.clone().map_or_else(|| "this".to_owned(), |path| format!("`{path}`"));
        let (message, help) = match of {
            Shape::Any | Shape::Loop => return Shape::Any,
            Shape::Table(fields) => {
                if let Some((_, shape)) = fields.iter().find(|(field, _)| *field == name) {
                    return *shape;
                }
                let all: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
                let prefix = path.map_or_else(String::new, |path| format!("{path}."));
                let near = closest(name, &all).map(|near| format!("did you mean `{prefix}{near}`?"));
                (format!("{whole} has no `{name}`"), near.unwrap_or_else(|| format!("it has: {}", names(fields))))
            }
            Shape::List(_) => (
                format!("{whole} is a list and has no `{name}`"),
                "take one of its elements, as `| first` does, or {% for … %}".to_owned(),
            ),
            Shape::Plain => (format!("{whole} is a single value and has no `{name}`"), "leave that part out".to_owned()),
        };
        self.error(span, &message, Some(help));
        Shape::Any
    }

    pub(super) fn args(&mut self, args: &[CallArg<'a>]) {
        for arg in args {
            match arg {
                CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => {
                    self.expr(expr);
                }
            }
        }
    }

    pub(super) fn error(&mut self, span: Span, message: &str, help: Option<String>) {
        let offset = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        let range = offset(span.start_offset)..offset(span.end_offset);
        self.found.errors.push(TemplateError { message: message.to_owned(), help, range });
    }
}

fn names(fields: &[(&'static str, Shape)]) -> String {
    fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The place of a lookup: minijinja's own begins after what is looked into.
pub(super) fn from(of: &Expr<'_>, span: Span) -> Span {
    let start = match of {
        Expr::GetAttr(attr) => from(&attr.expr, attr.span()),
        Expr::GetItem(item) => from(&item.expr, item.span()),
        other => other.span(),
    };
    Span {
        start_line: start.start_line,
        start_col: start.start_col,
        start_offset: start.start_offset.min(span.start_offset),
        ..span
    }
}

/// `ref.author` as the template wrote it, when it is a plain path.
fn written(expr: &Expr<'_>) -> Option<String> {
    match expr {
        Expr::Var(var) => Some(var.id.to_owned()),
        Expr::GetAttr(attr) => written(&attr.expr).map(|of| format!("{of}.{}", attr.name)),
        _ => None,
    }
}

/// The name that was most likely meant.
pub(super) fn closest<'n>(written: &str, names: &[&'n str]) -> Option<&'n str> {
    let lower = written.to_lowercase();
    let far = |name: &str| strsim::damerau_levenshtein(&lower, name);
    let best = names.iter().copied().min_by_key(|name| far(name))?;
    (far(best) <= (written.chars().count() / 3).max(1)).then_some(best)
}
