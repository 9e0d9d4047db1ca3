//! The syntax tree of a template → which values it must have to say anything: every path that it writes or computes with, outside of
//! `if` and without `default`. In a payload such a value that is absent means that nothing is sent.

use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt, UnaryOpKind};

use super::check::from;

/// The step of a path that takes one element of a list.
pub const ELEMENT: &str = "[]";

/// A value that a template cannot do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Its steps: `token`, `price`. One element of a list is the step [`ELEMENT`].
    pub path: Vec<String>,
    /// The last step may be absent (`default`, a test), all before it may not.
    pub last_may_be_absent: bool,
    /// Where, in bytes of the template's own text.
    pub range: Range<usize>,
}

/// What a template source must have. Nothing for what is no template, or a wrong one.
#[must_use]
pub fn reads(source: &str) -> Vec<Read> {
    if !super::is_template(source) {
        return Vec::new();
    }
    let Ok(ast) = minijinja::machinery::parse(source, "template", minijinja::syntax::SyntaxConfig::default()) else {
        return Vec::new();
    };
    let mut walk = Walk { found: Vec::new(), local: Vec::new(), guards: 0 };
    walk.stmt(&ast);
    walk.found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The value itself.
    Value,
    /// Only that it can be asked for.
    Asked,
}

struct Walk<'a> {
    found: Vec<Read>,
    /// Names given by `for`, `set` and `with`.
    local: Vec<&'a str>,
    /// How many `if` we are in.
    guards: usize,
}

impl<'a> Walk<'a> {
    fn stmts(&mut self, stmts: &[Stmt<'a>]) {
        stmts.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &Stmt<'a>) {
        match stmt {
            Stmt::Template(template) => self.stmts(&template.children),
            Stmt::EmitExpr(emit) => self.expr(&emit.expr, Need::Value),
            Stmt::ForLoop(each) => {
                self.expr(&each.iter, Need::Value);
                let outside = self.local.len();
                self.local.push("loop");
                self.name(&each.target);
                self.stmts(&each.body);
                self.local.truncate(outside);
                self.stmts(&each.else_body);
            }
            Stmt::IfCond(cond) => {
                self.expr(&cond.expr, Need::Asked);
                self.guards += 1;
                self.stmts(&cond.true_body);
                self.stmts(&cond.false_body);
                self.guards -= 1;
            }
            Stmt::WithBlock(with) => {
                let outside = self.local.len();
                for (target, expr) in &with.assignments {
                    self.expr(expr, Need::Value);
                    self.name(target);
                }
                self.stmts(&with.body);
                self.local.truncate(outside);
            }
            Stmt::Set(set) => {
                self.expr(&set.expr, Need::Value);
                self.name(&set.target);
            }
            Stmt::SetBlock(set) => {
                self.stmts(&set.body);
                self.name(&set.target);
            }
            Stmt::FilterBlock(block) => self.stmts(&block.body),
            Stmt::Do(call) => self.args(&call.call.args),
            Stmt::EmitRaw(_) | Stmt::AutoEscape(_) => {}
        }
    }

    fn name(&mut self, target: &Expr<'a>) {
        match target {
            Expr::Var(var) => self.local.push(var.id),
            Expr::List(list) => list.items.iter().for_each(|item| self.name(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.name(item)),
            _ => {}
        }
    }

    fn args(&mut self, args: &[CallArg<'a>]) {
        for arg in args {
            match arg {
                CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => {
                    self.expr(expr, Need::Value);
                }
            }
        }
    }

    fn all(&mut self, exprs: &[Expr<'a>]) {
        exprs.iter().for_each(|expr| self.expr(expr, Need::Value));
    }

    fn expr(&mut self, expr: &Expr<'a>, need: Need) {
        if let Some(path) = path(expr) {
            self.read(expr, path, need);
            return;
        }
        match expr {
            Expr::Filter(filter) => {
                let inside = match filter.name {
                    "default" | "d" => Need::Asked,
                    // These pass on what is absent.
                    "usd" | "short" | "ago" | "truncate" => need,
                    _ => Need::Value,
                };
                filter.expr.iter().for_each(|expr| self.expr(expr, inside));
                self.args(&filter.args);
            }
            Expr::Test(test) => self.expr(&test.expr, Need::Asked),
            Expr::GetAttr(attr) => self.expr(&attr.expr, Need::Value),
            Expr::GetItem(item) => {
                self.expr(&item.expr, Need::Value);
                self.expr(&item.subscript_expr, Need::Value);
            }
            Expr::Slice(slice) => self.expr(&slice.expr, Need::Value),
            Expr::UnaryOp(op) => {
                self.expr(&op.expr, if matches!(op.op, UnaryOpKind::Not) { Need::Asked } else { Need::Value });
            }
            Expr::BinOp(op) => {
                let (left, right) = match op.op {
                    BinOpKind::ScOr => (Need::Asked, need),
                    BinOpKind::ScAnd => (need, need),
                    _ => (Need::Value, Need::Value),
                };
                self.expr(&op.left, left);
                self.expr(&op.right, right);
            }
            Expr::Compare(compare) => {
                self.expr(&compare.expr, Need::Asked);
                compare.ops.iter().for_each(|op| self.expr(&op.expr, Need::Asked));
            }
            Expr::IfExpr(cond) => {
                self.expr(&cond.test_expr, Need::Asked);
                self.guards += 1;
                self.expr(&cond.true_expr, need);
                cond.false_expr.iter().for_each(|expr| self.expr(expr, need));
                self.guards -= 1;
            }
            Expr::Call(call) => self.args(&call.args),
            Expr::List(list) => self.all(&list.items),
            Expr::Tuple(tuple) => self.all(&tuple.items),
            Expr::Map(map) => self.all(&map.values),
            _ => {}
        }
    }

    fn read(&mut self, expr: &Expr<'a>, path: Vec<&'a str>, need: Need) {
        let local = path.first().is_some_and(|root| self.local.contains(root));
        let last_may_be_absent = need == Need::Asked;
        if local || self.guards > 0 || (last_may_be_absent && path.len() == 1) {
            return;
        }
        let span = from(expr, expr.span());
        let offset = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        let range = offset(span.start_offset)..offset(span.end_offset);
        self.found.push(Read { path: path.into_iter().map(str::to_owned).collect(), last_may_be_absent, range });
    }
}

/// The steps of `a.b`, `a["b"]`, `a[0].b` and `(a | first).b`.
fn path<'a>(expr: &Expr<'a>) -> Option<Vec<&'a str>> {
    let (of, step) = match expr {
        Expr::Var(var) => return Some(vec![var.id]),
        Expr::GetAttr(attr) => (&attr.expr, attr.name),
        Expr::GetItem(item) => match &item.subscript_expr {
            Expr::Const(key) if key.value.is_integer() => (&item.expr, ELEMENT),
            _ => return None,
        },
        Expr::Filter(filter) if matches!(filter.name, "first" | "last") => (filter.expr.as_ref()?, ELEMENT),
        _ => return None,
    };
    let mut steps = path(of)?;
    steps.push(step);
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(source: &str) -> Vec<String> {
        let shown = |read: Read| {
            let path = read.path.join(".");
            if read.last_may_be_absent { format!("{path}?") } else { path }
        };
        reads(source).into_iter().map(shown).collect()
    }

    #[test]
    fn what_a_template_cannot_do_without() {
        for (source, wanted) in [
            ("no template", &[][..]),
            ("{{ token.price }}", &["token.price"]),
            ("{{ token.price | usd }} of {{ token.symbol | upper }}", &["token.price", "token.symbol"]),
            ("{{ token.price | default(0) }}", &["token.price?"]),
            ("{{ token.price | usd | default('-') }}", &["token.price?"]),
            ("{{ token.price or 0 }}", &["token.price?"]),
            ("{{ token.price or token.symbol }}", &["token.price?", "token.symbol"]),
            ("{{ token.symbol ~ '-USD' }}", &["token.symbol"]),
            ("{{ token.price if token else 0 }}", &[]),
            ("{% if token.price %}{{ token.price }}{% endif %}", &["token.price?"]),
            ("{% for t in tokens %}{{ t.symbol }}{% endfor %}", &["tokens"]),
            ("{{ (tokens | first).symbol }} {{ tokens[0].price }}", &["tokens.[].symbol", "tokens.[].price"]),
            ("{% set p = token.price %}{{ p }}", &["token.price"]),
            ("{{ ocr is defined }}", &[]),
        ] {
            assert_eq!(needs(source), wanted, "{source}");
        }
        assert_eq!(reads("at {{ token.price }}")[0].range, 6..17);
    }
}
