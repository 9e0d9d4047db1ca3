//! Holds the structure: who may import whom, and what pure modules never see. The table below is the one in `src/lib.rs`'s map.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// From the bottom. A module imports only from strictly lower groups, and from its own folder; so there can be no cycle.
const GROUPS: [&[&str]; 10] = [
    &["model"],
    &["decode", "join", "rules"],
    &["matching", "window", "suppress", "render"],
    &["engine"],
    &["replay", "rule_test"],
    &["priority"],
    &["clock", "secrets", "tls", "telemetry"],
    &["feed", "deliver", "journal", "control"],
    &["app"],
    &["cli"],
];

const PURE: [&str; 11] =
    ["model", "decode", "join", "rules", "matching", "window", "suppress", "render", "engine", "replay", "rule_test"];

/// First segments, or `std::…` prefixes, that a pure module never names.
const IMPURE: [&str; 16] = [
    "tokio",
    "tokio_tungstenite",
    "tokio_rustls",
    "rustls",
    "reqwest",
    "governor",
    "fastrand",
    "tracing",
    "anstream",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
];

const LINES: usize = 500;

fn group(module: &str) -> Option<usize> {
    GROUPS.iter().position(|group| group.contains(&module))
}

/// Every path that a file names outside of tests, absolute: `crate::…` resolved, others as written.
struct Paths {
    /// Where the file stands, below `crate`.
    here: Vec<String>,
    found: Vec<(usize, String)>,
    is_async: Vec<usize>,
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || matches!(&attribute.meta, syn::Meta::List(list) if list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    })
}

impl Paths {
    fn note(&mut self, line: usize, segments: &[String]) {
        let mut segments = segments.to_vec();
        match segments.first().map(String::as_str) {
            Some("crate") => {}
            Some("self") => {
                segments.remove(0);
                segments = self.absolute(self.here.len(), &segments);
            }
            Some("super") => {
                let ups = segments.iter().take_while(|segment| *segment == "super").count();
                let depth = self.here.len().saturating_sub(ups);
                segments = self.absolute(depth, &segments[ups..]);
            }
            _ => {}
        }
        self.found.push((line, segments.join("::")));
    }

    fn absolute(&self, depth: usize, rest: &[String]) -> Vec<String> {
        let root = std::iter::once("crate".to_owned());
        root.chain(self.here.iter().take(depth).cloned()).chain(rest.iter().cloned()).collect()
    }

    fn note_tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |ident: &syn::Ident| prefix.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.note_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.note(name.ident.span().start().line, &with(&name.ident)),
            syn::UseTree::Rename(name) => self.note(name.ident.span().start().line, &with(&name.ident)),
            syn::UseTree::Glob(_) => self.note(0, prefix),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.note_tree(prefix, item)),
        }
    }
}

impl<'a> Visit<'a> for Paths {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_test(&item.attrs) {
            self.here.push(item.ident.to_string());
            syn::visit::visit_item_mod(self, item);
            self.here.pop();
        }
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_signature(&mut self, signature: &'a syn::Signature) {
        if let Some(token) = signature.asyncness {
            self.is_async.push(token.span.start().line);
        }
        syn::visit::visit_signature(self, signature);
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.note_tree(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.note(line, &segments);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'a syn::Macro) {
        // What stands inside a macro is tokens; its paths are read as text.
        let text = item.tokens.to_string().replace(" :: ", "::");
        let line = item.path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            if word.contains("::") {
                let segments: Vec<_> = word.split("::").map(str::to_owned).collect();
                self.note(line, &segments);
            }
        }
        syn::visit::visit_macro(self, item);
    }
}

/// What is wrong with the form of a file, wherever it stands.
fn form(place: &str, source: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if !source.starts_with("//!") {
        wrong.push(format!("{place}: does not open with `//!`"));
    }
    if source.lines().count() > LINES && !place.ends_with("tests.rs") {
        wrong.push(format!("{place}: more than {LINES} lines; what second thing is in it?"));
    }
    wrong
}

/// What is wrong with one file. `place` is its path below `src`, such as `rules/read.rs`.
fn check(place: &str, source: &str) -> Vec<String> {
    let mut wrong = form(place, source);
    let here: Vec<String> =
        place.trim_end_matches(".rs").split('/').filter(|part| *part != "mod" && *part != "lib").map(str::to_owned).collect();
    let Some(module) = here.first().cloned() else { return wrong };
    let file = match syn::parse_file(source) {
        Ok(file) => file,
        Err(error) => return vec![format!("{place}: {error}")],
    };
    let Some(own) = group(&module) else { return vec![format!("{place}: {module} stands in no group")] };
    let mut paths = Paths { here, found: Vec::new(), is_async: Vec::new() };
    paths.visit_file(&file);
    for (line, path) in &paths.found {
        let mut segments = path.split("::");
        if segments.next() == Some("crate")
            && let Some(target) = segments.next()
            && target != module
            && group(target).is_some_and(|target| target >= own)
        {
            wrong.push(format!("{place}:{line}: {module} imports {target} ({path}), which is not below it"));
        }
        if PURE.contains(&module.as_str()) && IMPURE.iter().any(|no| path == no || path.starts_with(&format!("{no}::"))) {
            wrong.push(format!("{place}:{line}: {module} is pure and names {path}"));
        }
    }
    if PURE.contains(&module.as_str()) {
        wrong.extend(paths.is_async.iter().map(|line| format!("{place}:{line}: {module} is pure and has an async fn")));
    }
    wrong
}

#[expect(clippy::unwrap_used, reason = "a helper of tests; clippy knows the tests only")]
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_import_points_down_and_pure_modules_stay_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "only {} files were found", files.len());
    let mut report = String::new();
    for file in files {
        let place = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        if place == "main.rs" || place == "lib.rs" {
            continue;
        }
        for wrong in check(&place, &std::fs::read_to_string(&file).unwrap()) {
            writeln!(report, "{wrong}").unwrap();
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_file_of_the_benches_says_what_it_is_and_is_about_one_thing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 10, "only {} files were found", files.len());
    let wrong = |file: &PathBuf| form(&file.to_string_lossy(), &std::fs::read_to_string(file).unwrap());
    let wrong: Vec<_> = files.iter().flat_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_library_stands_in_a_group() {
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: Vec<_> = source.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(declared.len() > 10);
    for module in declared {
        assert!(group(module).is_some(), "{module} stands in no group of this test's table");
    }
}

/// A blind checker must fail too.
#[test]
fn the_checker_sees_each_kind_of_mistake() {
    for (place, source, expected) in [
        ("model/a.rs", "//! x\nuse crate::rules::load;", "model imports rules"),
        ("rules/a.rs", "//! x\nuse crate::decode::decode;", "rules imports decode"),
        ("matching/a/b.rs", "//! x\nuse super::super::super::engine::Engine;", "matching imports engine"),
        ("feed/a.rs", "//! x\nfn f() { crate::deliver::open(); }", "feed imports deliver"),
        ("join/mod.rs", "//! x\nuse super::feed::Feed;", "join imports feed"),
        ("feed/a.rs", "//! x\nfn f() { vec![crate::app::run()]; }", "feed imports app"),
        ("engine.rs", "//! x\nuse tokio::time::sleep;", "engine is pure and names tokio::time::sleep"),
        ("rules/a.rs", "//! x\nfn f() { std::fs::read(\"x\"); }", "rules is pure and names std::fs::read"),
        ("model/a.rs", "//! x\nuse std::time::{Duration, Instant};", "model is pure and names std::time::Instant"),
        ("render/a.rs", "//! x\nasync fn f() {}", "render is pure and has an async fn"),
        ("model/a.rs", "fn f() {}", "does not open with"),
        ("other.rs", "//! x", "other stands in no group"),
    ] {
        let wrong = check(place, source);
        assert!(wrong.iter().any(|wrong| wrong.contains(expected)), "{place}: {source:?} gave {wrong:?}");
    }
    let good = "//! x\nuse crate::model::time::Timestamp;\n#[cfg(test)]\nmod tests { use tokio::time::sleep; }";
    assert_eq!(check("rules/a.rs", good), Vec::<String>::new());
}
