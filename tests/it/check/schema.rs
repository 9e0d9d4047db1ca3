//! `birdcall schema`: one with the file that is shipped, valid by itself, right about every file that is shipped or tested.

use std::fs;
use std::path::{Path, PathBuf};

use birdcall::rules::{Severity, Source, load, schema};
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use crate::kit::binary::Home;

/// The schema, ready to be held against files.
struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("rules.schema.json", schema::schema()).unwrap();
        // Compiling it holds it against the schema of schemas.
        let index = compiler.compile("rules.schema.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, index }
    }

    /// What is wrong with a file; `None`: nothing.
    fn wrong(&self, text: &str) -> Option<String> {
        let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        let value = serde_json::to_value(table).unwrap();
        self.schemas.validate(&value, self.index).err().map(|error| format!("{error:#}"))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    // A file of tests is read by other rules.
    files.retain(|path| !path.to_str().unwrap().ends_with(".test.toml"));
    files.sort();
    files
}

/// The blocks of TOML in a page that are whole files.
fn examples(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}

#[test]
fn the_file_in_the_repository_is_what_the_command_prints() {
    let (code, out, said) = Home::new().run(&["schema"]);
    assert_eq!((code, said.as_str()), (0, ""));
    let kept = fs::read_to_string(root().join("docs/rules.schema.json")).unwrap();
    assert!(kept == out, "docs/rules.schema.json is old: cargo run -q -- schema > docs/rules.schema.json");
    let schema: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
}

#[test]
fn every_file_that_is_shipped_names_the_schema_and_agrees_with_it() {
    let validator = Validator::new();
    for path in [files("rules"), files("rules/packs")].concat() {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap();
        let named = first.strip_prefix("#:schema ").unwrap_or_else(|| panic!("{}: {first}", path.display()));
        let kept = root().join("docs/rules.schema.json").canonicalize().unwrap();
        assert_eq!(path.parent().unwrap().join(named).canonicalize().unwrap(), kept, "{}", path.display());
        assert_eq!(validator.wrong(&text), None, "{}", path.display());
    }
    let examples = examples("README.md");
    assert!(examples.len() >= 3, "{}", examples.len());
    for example in examples {
        assert_eq!(validator.wrong(&example), None, "{example}");
    }
}

#[test]
fn the_schema_refuses_nothing_that_check_accepts() {
    let validator = Validator::new();
    let mut accepted = 0;
    for path in [files("tests/rules"), files("tests/rules/good")].concat() {
        let text = fs::read_to_string(&path).unwrap();
        let loaded = load(&[Source::rules("x.toml", text.clone())]);
        if loaded.ruleset.is_some() {
            accepted += 1;
            assert_eq!(validator.wrong(&text), None, "{}", path.display());
        }
    }
    assert!(accepted >= 15, "{accepted}");
}

#[test]
fn what_is_wrong_by_its_shape_is_refused_by_the_schema_too() {
    let validator = Validator::new();
    let by_shape = [
        "unknown-key",
        "misplaced-key",
        "wrong-type",
        "empty-table",
        "empty-list",
        "bad-duration",
        "bad-size",
        "bad-rate",
        "not-yet",
    ];
    // Of a key that is where it may be, only the reader knows that it does nothing there.
    let beyond = ["case-and-in-alone", "payload-of-the-wrong-kind", "journal-too-small"];
    let mut refused = 0;
    for path in files("tests/rules") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let loaded = load(&[Source::rules("x.toml", text.clone())]);
        let errors: Vec<_> = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.code).collect();
        if errors.contains(&"syntax") || text.parse::<toml::Table>().is_err() || beyond.contains(&name) {
            continue;
        }
        if let Some(code) = errors.iter().find(|code| by_shape.contains(code)) {
            refused += 1;
            assert!(validator.wrong(&text).is_some(), "{name}: {code} passes the schema");
        }
    }
    assert!(refused >= 15, "{refused}");
}

#[test]
fn a_mistake_in_any_table_is_refused() {
    let validator = Validator::new();
    let good = fs::read_to_string(root().join("tests/rules/good/whole.toml")).unwrap();
    assert_eq!(validator.wrong(&good), None);
    for (from, to) in [
        ("[feed]\n", "[feed]\nkye = \"env:K\"\n"),
        ("type = \"discord\"", "type = \"dicsord\""),
        ("[rule.when]\n", "[rule.when]\nkeywrod = \"x\"\n"),
        ("[rule.when]\n", "[rule.when]\nall = [{ any = [{ none = [{ hanlde = \"x\" }] }] }]\n"),
        ("[rule.when]\n", "[rule.when]\nauthor = { folowers = { above = 1 } }\n"),
        ("[rule.when]\n", "[rule.when]\nauthor = { followers = { over = 1 } }\n"),
        ("[rule.when]\n", "[rule.when]\nmedia = false\n"),
        ("[rule.when]\n", "[rule.when]\nplatform = \"x\"\n"),
        ("[rule.when]\n", "[rule.when]\nage = { below = 30 }\n"),
        ("[rule.when]\n", "[rule.when]\ncontract = \"0x12\"\n"),
        ("[rule.when]\n", "[rule.when]\nlink = \"https://pump.fun/x\"\n"),
        ("trading = true", "trading = \"yes\""),
        ("[[rule]]\n", "[[rule]]\neach = \"tweet\"\n"),
        ("[[rule]]\n", "[[rule]]\nwait = \"0s\"\n"),
    ] {
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        assert!(validator.wrong(&bad).is_some(), "{to}");
    }
}

#[test]
fn a_secret_and_the_keys_of_slack_are_as_right_for_the_schema_as_for_the_reader() {
    let validator = Validator::new();
    let rule = "[[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n";
    let slack = |keys: &str| format!("[actions.out]\ntype = \"slack\"\n{keys}\n{rule}");
    let signed = |secret: &str| {
        let action = "[actions.out]\ntype = \"webhook\"\nurl = \"https://bot.example/\"";
        format!("{action}\nsecret = \"{secret}\"\n{rule}")
    };
    let (url, token, channel) = ("url = \"env:URL\"", "token = \"env:TOKEN\"", "channel = \"C0123456789\"");
    for (text, is_right) in [
        (slack(url), true),
        (slack(&format!("{token}\n{channel}")), true),
        (slack(token), false),
        (slack(channel), false),
        (slack(&format!("{url}\n{channel}")), false),
        (slack(&format!("{url}\n{token}")), false),
        (slack(&format!("{url}\n{token}\n{channel}")), false),
        (signed("env:A_B"), true),
        (signed("env: A_B "), true),
        (signed("file:/run/secrets/a b"), true),
        (signed("file: x"), true),
        (signed("env"), true),
        (signed("env:"), false),
        (signed("env:  "), false),
        (signed("file:"), false),
        (signed(" env:A"), false),
        (signed("\\tfile:/x"), false),
        (signed("env:$A"), false),
        (signed("env:A=B"), false),
        (signed("env:A B"), false),
        (signed("$A"), false),
        (signed(" "), false),
    ] {
        let loaded = load(&[Source::rules("x.toml", text.clone())]);
        assert_eq!((loaded.ruleset.is_some(), validator.wrong(&text).is_none()), (is_right, is_right), "{text}");
    }
}
