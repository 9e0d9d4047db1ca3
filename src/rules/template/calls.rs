//! Filters, functions and methods in a template: whether there is such a one, and what comes out of it.

use minijinja::machinery::Span;
use minijinja::machinery::ast::{Call, CallArg, CallType};

use super::check::{Checker, FUNCTIONS, closest};
use super::schema::Shape;
use super::words::{FILTERS, KEEPING, TAKING_ONE};
use crate::rules::keys::nearest;

/// Filters whose `attribute` names a field of a list's elements.
const BY_ATTRIBUTE: [&str; 7] = ["map", "sort", "unique", "sum", "min", "max", "join"];

impl<'a> Checker<'_, 'a> {
    pub(super) fn filter(&mut self, name: &str, of: Shape, args: &[CallArg<'a>], span: Span) -> Shape {
        if !FILTERS.contains(&name) {
            let help = match name {
                "safe" | "escape" | "e" | "tojson" | "urlencode" => {
                    Some("leave it out: what a template writes is escaped for its destination by itself".to_owned())
                }
                _ => Some(match closest(name, &FILTERS).or_else(|| nearest(name, FILTERS)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are: {}", FILTERS.join(", ")),
                }),
            };
            self.error(span, &format!("there is no filter `{name}`"), help);
            return Shape::Any;
        }
        let Shape::List(element) = of else {
            return match (name, of) {
                ("default" | "d" | "attr", of) => {
                    if name == "attr" {
                        Shape::Any
                    } else {
                        of
                    }
                }
                _ => Shape::Any,
            };
        };
        self.named_field(name, *element, args);
        if KEEPING.contains(&name) {
            of
        } else if TAKING_ONE.contains(&name) {
            *element
        } else if matches!(name, "default" | "d") {
            of
        } else {
            Shape::Any
        }
    }

    /// `tokens | map(attribute="symbol")`, `tokens | selectattr("chain", …)`: the field must be one of the elements'.
    fn named_field(&mut self, filter: &str, element: Shape, args: &[CallArg<'a>]) {
        let by_name = args.iter().find_map(|arg| match arg {
            CallArg::Kwarg("attribute", expr) if BY_ATTRIBUTE.contains(&filter) => Some(expr),
            CallArg::Pos(expr) if matches!(filter, "selectattr" | "rejectattr") => Some(expr),
            _ => None,
        });
        let Some(expr) = by_name else { return };
        let Some(value) = expr.as_const() else { return };
        let Some(path) = value.as_str() else { return };
        let mut shape = element;
        for part in path.split('.') {
            shape = self.field(shape, part, expr.span(), None);
        }
    }

    pub(super) fn call(&mut self, call: &Call<'a>, span: Span) -> Shape {
        self.args(&call.args);
        match call.identify_call() {
            CallType::Function(name) if FUNCTIONS.contains(&name) => {}
            CallType::Function(name) => {
                let help = format!("there are: {}; filters are written `value | filter`", FUNCTIONS.join(", "));
                self.error(span, &format!("there is no function `{name}`"), Some(help));
            }
            CallType::Method(of, name) => {
                let of = self.expr(of);
                if of != Shape::Loop || !matches!(name, "cycle" | "changed") {
                    let help = Some(format!("filters are written `value | {name}`"));
                    self.error(span, &format!("there is no method `{name}`"), help);
                }
            }
            CallType::Object(_) => self.error(span, "this cannot be called", None),
        }
        Shape::Any
    }
}
