//! `birdcall mute`, `mutes` and `unmute` against an instance that answers as it is told.

use birdcall::control::{Answer, Command, MuteCommand};
use birdcall::model::mute::{Mute, MuteOf, MuteStatus, Muted, WouldHold};

use super::commands::run;
use super::moment;

fn of(what: Muted, name: &str, token: Option<&str>, handle: Option<&str>) -> MuteOf {
    MuteOf { what, name: name.to_owned(), token: token.map(str::to_owned), handle: handle.map(str::to_owned) }
}

fn mute(number: i64, of: MuteOf, because: Option<&str>) -> Mute {
    let (from, until) = (moment(0), moment(7_200_000));
    Mute { number, of, from, until, ended: None, because: because.map(str::to_owned) }
}

fn two() -> Vec<MuteStatus> {
    let rule = mute(3, of(Muted::Rule, "上場", Some("DOGE"), Some("kol#7")), Some("fed \u{1b}[31mday"));
    let action = mute(14, of(Muted::Action, "desk", None, None), None);
    vec![MuteStatus { mute: rule, held: 12, gone: false }, MuteStatus { mute: action, held: 0, gone: true }]
}

/// What is not the same in every run: by how long ago it is, and the day.
fn settled(out: &str) -> String {
    let ago = |line: &str| {
        let words = line.replace("2026-06-17 ", "");
        let mut rest = words.as_str();
        let mut out = String::new();
        while let Some((before, after)) = rest.split_once(" (") {
            out.push_str(before);
            rest = after.split_once(')').map_or("", |(_, after)| after);
        }
        out + rest
    };
    out.lines().map(|line| ago(line).split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_muted_is_a_table_or_json() {
    let answer = || |_: &Command| Some(Answer::Mutes { mutes: two() });
    let (code, out, said, asked) = run(&["mutes"], answer()).await;
    assert_eq!((code, said.as_str(), asked.as_slice()), (0, "", [Command::Mutes].as_slice()));
    insta::assert_snapshot!(settled(&out), @"
    NUMBER WHAT NAME TOKEN HANDLE SINCE UNTIL HELD BECAUSE
    3 rule 上場 DOGE @kol#7 14:40:00 16:40:00 12 fed [31mday
    14 action, gone desk 14:40:00 16:40:00 0
    ");
    let (code, out, _, _) = run(&["mutes", "--json"], answer()).await;
    assert_eq!((code, serde_json::from_str::<Vec<MuteStatus>>(&out).unwrap()), (0, two()));
    assert!(!out.contains('\u{1b}'), "{out}");
    let (code, out, _, _) = run(&["mutes"], |_| Some(Answer::Mutes { mutes: Vec::new() })).await;
    assert_eq!((code, out.as_str()), (0, "nothing is muted\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_is_asked_for_as_it_was_written_and_it_is_said_what_it_would_have_held() {
    let arguments =
        ["mute", "doge", "--for", "1d12h", "--token", "$DOGE", "--handle", "@Kol", "--rule", "--because", "fed\n day"];
    let asked_for = MuteCommand {
        name: "doge".to_owned(),
        what: Some(Muted::Rule),
        token: Some("$DOGE".to_owned()),
        handle: Some("@Kol".to_owned()),
        for_ms: 36 * 3_600_000,
        because: Some("fed day".to_owned()),
        dry_run: false,
    };
    let muted = mute(3, of(Muted::Rule, "doge", Some("DOGE"), Some("kol")), Some("fed day"));
    let would = Some(WouldHold { held: 12, of: 14, at_least: false });
    let of = muted.clone();
    let answer = move |command: &Command| {
        let Command::Mute(MuteCommand { dry_run, .. }) = command else { panic!("{command:?}") };
        Some(Answer::Muted { mute: of.clone(), saved: !dry_run, would: would.filter(|_| *dry_run), note: None })
    };
    let (code, out, said, asked) = run(&arguments, answer.clone()).await;
    let look = MuteCommand { dry_run: true, ..asked_for.clone() };
    assert_eq!((code, said.as_str(), asked), (0, "", vec![Command::Mute(look), Command::Mute(asked_for)]));
    insta::assert_snapshot!(settled(&out), @"
    this would have held back 12 of the last 24 hours' 14 firings of doge
    doge, token DOGE, @kol is muted for 2 h, until 16:40:00; to end it before: birdcall unmute 3
    ");
    let (_, out, said, _) = run(&arguments, {
        let answer = answer.clone();
        move |command: &Command| match answer(command) {
            Some(Answer::Muted { mute, saved, would, note }) => {
                let would = would.map(|would| WouldHold { at_least: true, ..would });
                Some(Answer::Muted { mute, saved, would, note })
            }
            other => other,
        }
    })
    .await;
    assert!(
        out.starts_with("this would have held back at least 12 of the last 24 hours' at least 14 firings of doge\n"),
        "{out}"
    );
    assert!(said.contains("more in the journal than were looked through"), "{said}");
    let (_, out, _, _) = run(&[&arguments[..], &["--json"]].concat(), answer).await;
    let out: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&out["saved"], &out["would"]["held"]), (&true.into(), &12.into()));
    let refuses = |command: &Command| {
        let Command::Mute(MuteCommand { dry_run: true, .. }) = command else { panic!("{command:?}") };
        Some(Answer::Refused { why: "there is no rule doge".to_owned() })
    };
    let (code, out, said, asked) = run(&["mute", "doge", "--for", "2h"], refuses).await;
    assert_eq!((code, out.as_str(), said.as_str(), asked.len()), (2, "", "error: there is no rule doge\n", 1));
    let note = Some("it is not known\u{1b}[0m".to_owned());
    let answer = Answer::Muted { mute: muted, saved: false, would: None, note };
    let (code, out, said, _) = run(&["mute", "doge", "--for", "2h", "--dry-run"], move |_| Some(answer.clone())).await;
    assert_eq!((code, out.as_str(), said.as_str()), (0, "nothing was muted\n", "warning: it is not known[0m\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_is_said_with_what_it_has_held() {
    let answer = Answer::Unmuted { mutes: two(), note: None };
    let (code, out, said, asked) = run(&["unmute", "desk", "--action"], move |_| Some(answer.clone())).await;
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(asked, [Command::Unmute { which: "desk".to_owned(), what: Some(Muted::Action) }]);
    assert_eq!(
        out,
        "the mute of 上場, token DOGE, @kol#7 has ended; it held back 12 firings\nthe mute of desk has ended; it held back 0 firings\n"
    );
}

#[test]
fn what_is_no_time_is_refused_before_anything_is_asked() {
    let home = crate::kit::binary::Home::new();
    for arguments in [&["mute", "doge"][..], &["mute", "doge", "--for", "soon"], &["mute", "doge", "--for", ""], &["unmute"]] {
        let (code, _, said) = home.run(arguments);
        assert!(code == 2 && said.starts_with("error: "), "{arguments:?}: {said}");
    }
}
