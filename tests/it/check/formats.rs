//! What `birdcall check` says in each format, and how it ends.

use serde_json::Value;

use super::GOOD;
use crate::kit::binary::Home;

const TWELVE: &str = include_str!("../../rules/twelve-mistakes.toml");
/// Two mistakes and a warning, one of them about two places, in a line with letters of several bytes.
const WRONG: &str = "[lists]\nkols = [\"a\"]\n[actions.desk]\ntype = \"console\"\n[[rule]]\nname = \"上場\"\nsend = [\"desk\"]\n\
    when = { keyword = \"上場\", regex = \"(\", keywrod = 1 }\n[[rule]]\nname = \"上場\"\nsend = [\"desk\"]\nwhen = { keyword = \"x\" }\n";
/// One warning.
const WARNED: &str = "[lists]\nkols = [\"a\"]\n[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n";

fn check(rules: &str, arguments: &[&str]) -> (i32, String, String) {
    Home::with_rules(rules).run(&[&["check"], arguments].concat())
}

fn json(rules: &str, arguments: &[&str], code: i32) -> Vec<Value> {
    let (ended, out, said) = check(rules, &[&["--format", "json"], arguments].concat());
    assert_eq!((ended, said.as_str()), (code, ""), "{out}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[test]
fn twelve_mistakes_are_twelve_objects_each_at_its_line_and_column() {
    let mistakes = json(TWELVE, &[], 1);
    let of = |m: &Value| {
        format!("{}:{}-{}:{} {} {}", m["line"], m["column"], m["end"]["line"], m["end"]["column"], m["severity"], m["code"])
    };
    let places: Vec<_> = mistakes.iter().map(of).collect();
    insta::assert_snapshot!(places.join("\n"));
    assert!(mistakes.iter().all(|mistake| mistake["file"] == "rules.toml"));
}

#[test]
fn json_says_all_that_a_person_is_told() {
    let (code, out, said) = check(WRONG, &["--json"]);
    assert_eq!((code, said.as_str()), (1, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn github_is_told_in_its_own_commands() {
    let (code, out, said) = check(WRONG, &["--format", "github"]);
    assert_eq!((code, said.as_str()), (1, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn sarif_has_all_that_its_schema_requires() {
    let (code, out, said) = check(WRONG, &["--format", "sarif"]);
    assert_eq!((code, said.as_str()), (1, ""));
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document["version"], document["runs"].as_array().map(Vec::len)), (&"2.1.0".into(), Some(1)));
    let run = &document["runs"][0];
    assert_eq!((&run["tool"]["driver"]["name"], &run["columnKind"]), (&"birdcall".into(), &"unicodeCodePoints".into()));
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "{result}");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "rules.toml");
        for key in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][key].as_u64().is_some_and(|number| number > 0), "{key}: {result}");
        }
    }
    assert_eq!(results[3]["relatedLocations"][0]["physicalLocation"]["region"]["startLine"], 6, "{}", results[3]);
    insta::assert_snapshot!(out.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn a_program_hears_nothing_of_what_is_fine() {
    for (format, expected) in [("json", "[]\n"), ("github", "")] {
        assert_eq!(check(GOOD, &["--format", format]), (0, expected.to_owned(), String::new()), "{format}");
    }
    let (code, out, said) = check(GOOD, &["--format", "sarif"]);
    assert_eq!((code, said.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["runs"][0]["results"], Value::Array(Vec::new()));
}

#[test]
fn sarif_gives_a_place_to_what_is_about_the_files_as_a_whole() {
    let rules = GOOD.replace("type = \"console\"", "type = \"webhook\"\nurl = \"env:HOOK\"");
    let home = Home::with_rules(&rules);
    for (path, file, code) in [("rules.toml", "rules.toml", 0), ("none.toml", "none.toml", 2)] {
        let (ended, out, said) = home.run(&["check", path, "--format", "sarif"]);
        assert_eq!((ended, said.as_str()), (code, ""), "{out}");
        let document: Value = serde_json::from_str(&out).unwrap();
        let place = &document["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!((&place["artifactLocation"]["uri"], &place["region"]["startLine"]), (&file.into(), &1.into()), "{out}");
    }
}

#[test]
fn rules_that_no_test_makes_fire_are_named_where_there_are_tests() {
    let more: String =
        (0..25).map(|n| format!("[[rule]]\nname = \"r{n}\"\nsend = [\"out\"]\nwhen = {{ keyword = \"w{n}\" }}\n")).collect();
    let home = Home::with_rules(&format!("{GOOD}{more}"));
    assert_eq!(home.run(&["check", "--json"]), (0, "[]\n".to_owned(), String::new()), "without tests there is nothing to say");
    let test = "[[test]]\nname = \"gm\"\nevents = [{ content = { id = \"1\", handle = \"a\", text = \"gm\" } }]\n\
        expect = [{ rule = \"gm\", fires = 1 }]\n";
    home.write("rules.test.toml", test);
    let (code, out, said) = home.run(&["check", "--json", "--strict"]);
    assert_eq!((code, said.as_str()), (0, ""), "{out}");
    let notes: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!((notes.len(), &notes[0]["severity"], &notes[0]["code"]), (1, &"note".into(), &"untested-rule".into()), "{out}");
    let message = notes[0]["message"].as_str().unwrap();
    assert!(message.contains("`r0`, `r1`") && message.ends_with("`r19` and 5 more") && !message.contains("`gm`"), "{message}");
}

#[test]
fn the_rules_that_are_shipped_are_fine_beside_their_tests() {
    for folder in ["rules", "rules/packs"] {
        let path = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
        let (code, out, said) = Home::new().run(&["check", "--json", &path]);
        assert_eq!((code, said.as_str()), (0, ""), "{out}");
    }
}

#[test]
fn warnings_are_mistakes_where_that_was_asked_for() {
    let (code, out, said) = check(WARNED, &[]);
    assert_eq!((code, out.as_str()), (0, "1 rule and 1 action are fine, but for 1 warning\n"), "{said}");
    let (code, out, said) = check(WARNED, &["--strict"]);
    assert_eq!((code, out.as_str()), (1, ""), "{said}");
    assert!(
        said.contains("warning[unused-list]") && said.ends_with("error: 1 warning in rules.toml, and --strict was asked for\n"),
        "{said}"
    );
    assert_eq!(json(WARNED, &["--strict"], 1).len(), 1);
    assert_eq!(check(GOOD, &["--strict"]).0, 0);
    let note = GOOD.replace("keyword = \"gm\"", "age = { below = \"1m\" }");
    assert_eq!(json(&note, &["--strict"], 0)[0]["severity"], "note", "a note is no warning");
}

#[test]
fn that_nobody_is_told_is_a_warning_for_programs_too() {
    let rules = GOOD.replace("type = \"console\"", "type = \"webhook\"\nurl = \"env:HOOK\"");
    let warnings = json(&rules, &[], 0);
    assert_eq!((warnings.len(), &warnings[0]["code"], &warnings[0]["file"]), (1, &"nobody-is-told".into(), &Value::Null));
    assert!(warnings[0]["help"].as_str().unwrap().starts_with("Add one, say [actions.desk]"), "{warnings:?}");
    assert_eq!(check(&rules, &["--strict"]).0, 1);
}

#[test]
fn a_person_is_told_how_many_there_are() {
    let (code, out, said) = check(TWELVE, &[]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(said.ends_with("error: 12 mistakes in rules.toml\n"), "{said}");
    let (_, _, said) = check(WRONG, &[]);
    assert!(said.ends_with("error: 3 mistakes and 1 warning in rules.toml\n"), "{said}");
}

#[test]
fn what_cannot_be_read_is_said_in_the_format_too() {
    let home = Home::new();
    std::fs::write(home.path().join("latin.toml"), b"name = \"caf\xe9\"").unwrap();
    for (path, code, words) in [("latin.toml", 1, "not UTF-8"), ("none.toml", 2, "no such file")] {
        let (ended, out, said) = home.run(&["check", path, "--json"]);
        assert_eq!((ended, said.as_str()), (code, ""), "{out}");
        let mistakes: Vec<Value> = serde_json::from_str(&out).unwrap();
        assert!(mistakes[0]["message"].as_str().unwrap().contains(words), "{out}");
    }
}

#[test]
fn no_format_shows_a_secret_or_acts_on_a_terminal() {
    let rules = "[feed]\nkey = \"hunter2-hunter2-hunter2\"\nx\u{1b}[2J = 1\n[actions.\"a\u{202e}b\"]\ntype = \"\u{9b}31m\"\n\
        [actions.d]\ntype = \"discord\"\nurl = \"https://discord.com/api/webhooks/1/s3cret-s3cret\"\nurll = 2\n";
    for format in ["human", "json", "github", "sarif"] {
        let (code, out, said) = check(rules, &["--format", format]);
        assert_eq!(code, 1, "{format}");
        let all = out + &said;
        assert!(!all.contains("hunter2") && !all.contains("s3cret"), "{format}: {all}");
        assert!(all.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{format}: {all:?}");
    }
}
