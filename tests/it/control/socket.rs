//! Both ends of the socket, without the program.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use birdcall::control::{Answer, AskError, BindError, Command, MuteCommand, Redelivery, Server, ask_from_async, socket};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};

use super::{Instance, status};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn refusal(why: &str) -> Answer {
    Answer::Refused { why: why.to_owned() }
}

#[tokio::test]
async fn every_command_and_every_answer_arrives_as_it_was_said() {
    let folder = folder();
    let redelivered = vec![
        Redelivery { id: 1_041, accepted: true, said: "on its way to desk".to_owned() },
        Redelivery { id: i64::MAX, accepted: false, said: "there is none".to_owned() },
    ];
    for (command, answer) in [
        (Command::Status, Answer::Status(Box::new(status()))),
        (Command::Arm, Answer::Switched { armed: true, before: false, note: None }),
        (
            Command::Disarm { why: Some("ünder way".to_owned()) },
            Answer::Switched { armed: false, before: true, note: Some("not recorded".to_owned()) },
        ),
        (Command::Disarm { why: None }, refusal("no\nlonger")),
        (Command::Redeliver { ids: vec![1_041, i64::MAX], orders: true }, Answer::Redelivered { deliveries: redelivered }),
    ] {
        let said = answer.clone();
        let instance = Instance::start(folder.path(), move |_| Some(said.clone()));
        assert_eq!(ask_from_async(folder.path(), &command).await.unwrap(), answer);
        assert_eq!(instance.asked(), [command]);
        drop(instance);
        // Its end is asynchronous.
        while socket(folder.path()).exists() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_person_can_ask_with_one_line_of_json() {
    let folder = folder();
    let instance = Instance::start(folder.path(), |_| Some(refusal("heard")));
    for (line, command) in [
        (r#"{"command":"status"}"#, Command::Status),
        (r#" { "command" : "disarm" } "#, Command::Disarm { why: None }),
        (
            r#"{"command":"disarm","why":" \u001b[31mso\n  it\u202e is \u0007 "}"#,
            Command::Disarm { why: Some("[31mso it is".to_owned()) },
        ),
        (r#"{"command":"disarm","why":"\u0000 \n"}"#, Command::Disarm { why: None }),
        (r#"{"command":"unmute","which":"3"}"#, Command::Unmute { which: "3".to_owned(), what: None }),
        (
            r#"{"command":"mute","name":"doge","for_ms":60000,"because":"\u001b[31mfed\n day"}"#,
            Command::Mute(MuteCommand {
                name: "doge".to_owned(),
                what: None,
                token: None,
                handle: None,
                for_ms: 60_000,
                because: Some("[31mfed day".to_owned()),
                dry_run: false,
            }),
        ),
        (r#"{"command":"redeliver","ids":[3]}"#, Command::Redeliver { ids: vec![3], orders: false }),
    ] {
        assert_eq!(
            said(folder.path(), format!("{line}\nand more\n").as_bytes()).await,
            "{\"answer\":\"refused\",\"why\":\"heard\"}\n"
        );
        assert_eq!(instance.asked().last(), Some(&command), "{line}");
    }
    let long = format!("{{\"command\":\"disarm\",\"why\":\"{}\"}}\n", "x".repeat(10_000));
    said(folder.path(), long.as_bytes()).await;
    assert_eq!(instance.asked().last(), Some(&Command::Disarm { why: Some("x".repeat(200)) }));
}

/// Sends bytes and reads all that is answered.
pub(super) async fn said(folder: &std::path::Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket(folder)).await.unwrap();
    // It may be refused before all is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn the_socket_is_for_its_user_alone_and_goes_with_the_instance() {
    let folder = folder();
    let server = Server::bind(folder.path()).unwrap();
    let about = std::fs::metadata(socket(folder.path())).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    drop(server);
    assert!(!socket(folder.path()).exists());
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced_and_one_that_answers_is_not() {
    let folder = folder();
    let path = socket(folder.path());
    drop(UnixListener::bind(&path).unwrap());
    assert!(
        matches!(ask_from_async(folder.path(), &Command::Status).await, Err(AskError::NotRunning(_))),
        "nobody listens there"
    );
    let instance = Instance::start(folder.path(), |_| Some(refusal("heard")));
    let ours = std::fs::metadata(&path).unwrap().ino();
    assert!(matches!(Server::bind(folder.path()), Err(BindError::InUse(_))));
    assert_eq!(std::fs::metadata(&path).unwrap().ino(), ours);
    assert_eq!(ask_from_async(folder.path(), &Command::Arm).await.unwrap(), refusal("heard"));
    drop(instance);
}

#[tokio::test]
async fn an_instance_leaves_the_socket_of_a_later_one_alone() {
    let folder = folder();
    let first = Server::bind(folder.path()).unwrap();
    std::fs::remove_file(socket(folder.path())).unwrap();
    let _second = Instance::start(folder.path(), |_| Some(refusal("second")));
    drop(first);
    assert_eq!(ask_from_async(folder.path(), &Command::Status).await.unwrap(), refusal("second"));
}

#[tokio::test]
async fn what_is_no_socket_is_left_where_it_is() {
    let folder = folder();
    let path = socket(folder.path());
    std::fs::write(&path, "dear").unwrap();
    let error = Server::bind(folder.path()).unwrap_err();
    assert!(matches!(error, BindError::NotASocket(_)) && error.to_string().contains("move it away"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear");
    assert!(matches!(ask_from_async(folder.path(), &Command::Status).await, Err(AskError::NotRunning(_))));
}

#[tokio::test]
async fn a_path_that_fits_into_no_address_is_said_with_what_to_do() {
    let folder = folder();
    let deep = folder.path().join("d".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let error = Server::bind(&deep).unwrap_err();
    assert!(matches!(error, BindError::TooLong { .. }) && error.to_string().contains("a shorter --state"), "{error}");
    let error = ask_from_async(&deep, &Command::Status).await.unwrap_err();
    assert!(matches!(error, AskError::TooLong { .. }) && error.to_string().contains("a shorter --state"), "{error}");
    // The longest that fits, does.
    let room = if cfg!(target_os = "linux") { 107 } else { 103 };
    let used = socket(folder.path()).as_os_str().len();
    let fits = folder.path().join("d".repeat(room - used - 1));
    std::fs::create_dir(&fits).unwrap();
    Server::bind(&fits).unwrap();
}

#[tokio::test]
async fn where_nobody_runs_that_is_told_apart_from_other_trouble() {
    let folder = folder();
    let nowhere = folder.path().join("nowhere");
    let error = ask_from_async(&nowhere, &Command::Status).await.unwrap_err();
    assert!(matches!(&error, AskError::NotRunning(place) if *place == nowhere), "{error}");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_said() {
    let folder = folder();
    let instance = Instance::start(folder.path(), |_| None);
    let Answer::Refused { why } = ask_from_async(folder.path(), &Command::Status).await.unwrap() else { panic!("an answer") };
    assert!(why.contains("did not answer"), "{why}");
    drop(instance);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_too_slow_is_waited_for_within_reason() {
    let folder = folder();
    let mut server = Server::bind(folder.path()).unwrap();
    let asked = ask_from_async(folder.path(), &Command::Status);
    let forgetful = async {
        let _kept = server.next().await;
        server.next().await
    };
    let answer = tokio::select! {
        answer = asked => answer.unwrap(),
        _ = forgetful => panic!("nobody else has asked"),
    };
    assert_eq!(answer, refusal("birdcall did not answer within 20 s"));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_hangs_is_told_apart_from_one_that_does_not_run() {
    let folder = folder();
    let _listener = UnixListener::bind(socket(folder.path())).unwrap();
    let error = ask_from_async(folder.path(), &Command::Status).await.unwrap_err();
    assert!(matches!(error, AskError::Silent(_)), "{error}");
}

#[tokio::test]
async fn an_instance_that_goes_away_in_the_middle_is_told_apart() {
    let folder = folder();
    let mut server = Server::bind(folder.path()).unwrap();
    let asked = ask_from_async(folder.path(), &Command::Status);
    let (answer, ()) = tokio::join!(asked, async {
        let ask = server.next().await;
        drop(server);
        drop(ask);
    });
    assert!(matches!(answer, Err(AskError::Ended)), "{answer:?}");
}

#[tokio::test]
async fn an_answer_of_another_version_is_no_panic() {
    let folder = folder();
    for answer in ["{\"answer\":\"tomorrow\"}\n", "{\"answer\":\"status\",\"pid\":1}\n", "\u{1b}[31m\n", "[]\n"] {
        let path = socket(folder.path());
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let asked = ask_from_async(folder.path(), &Command::Status);
        let (answered, ()) = tokio::join!(asked, async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let error = answered.unwrap_err();
        assert!(matches!(error, AskError::Garbled(_)) && error.to_string().contains("another version"), "{error}");
        std::fs::remove_file(path).unwrap();
    }
}

#[tokio::test]
async fn nothing_is_lost_when_waiting_is_given_up_again_and_again() {
    let folder = folder();
    let mut server = Server::bind(folder.path()).unwrap();
    let clients = futures_util::future::join_all((0..40).map(|_| ask_from_async(folder.path(), &Command::Arm)));
    let serve = async {
        let mut served = 0;
        while served < 40 {
            // As the app's loop does when something else is ready: asked once, then dropped.
            tokio::select! {
                biased;
                ask = server.next() => {
                    served += 1;
                    ask.answer.answer(refusal("heard"));
                }
                () = tokio::task::yield_now() => {}
            }
        }
        let _ = timeout(Duration::from_secs(1), server.next()).await;
    };
    let (answers, ()) = tokio::join!(clients, serve);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Answer::Refused { why }) if why == "heard")), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn clients_that_say_nothing_hold_nobody_for_longer_than_their_time() {
    let folder = folder();
    let _instance = Instance::start(folder.path(), |_| Some(refusal("heard")));
    let mut silent = Vec::new();
    for at in 0..40 {
        let mut stream = UnixStream::connect(socket(folder.path())).await.unwrap();
        stream.write_all(&b"{\"command\":\"arm\"}"[..at % 18]).await.unwrap();
        silent.push(stream);
    }
    let started = Instant::now();
    assert_eq!(ask_from_async(folder.path(), &Command::Status).await.unwrap(), refusal("heard"));
    // 40 of them, 16 at a time, 5 s each.
    assert!(started.elapsed() <= Duration::from_secs(16), "{:?}", started.elapsed());
    for mut stream in silent {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("no command came within 5 s"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_answer_holds_nobody() {
    let folder = folder();
    let _instance = Instance::start(folder.path(), |command| match command {
        Command::Arm => Some(refusal(&"long ".repeat(1_000_000))),
        _ => Some(refusal("heard")),
    });
    let mut held = Vec::new();
    for _ in 0..16 {
        let mut stream = UnixStream::connect(socket(folder.path())).await.unwrap();
        stream.write_all(b"{\"command\":\"arm\"}\n").await.unwrap();
        held.push(stream);
    }
    assert_eq!(ask_from_async(folder.path(), &Command::Status).await.unwrap(), refusal("heard"));
}
