//! Whatever bytes come over the socket: no panic, no command that was not meant, and the next client is served.

use birdcall::control::{Answer, Command, ask_from_async};
use birdcall::model::limits::CONTROL_COMMAND_BYTES;

use super::Instance;
use super::socket::said;

fn heard(_: &Command) -> Option<Answer> {
    Some(Answer::Refused { why: "heard".to_owned() })
}

#[tokio::test]
async fn what_is_no_command_is_refused_in_words_without_its_control_characters() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start(folder.path(), heard);
    let deep = format!("{}\n", "[".repeat(CONTROL_COMMAND_BYTES / 2));
    let nested = format!("{{\"command\":\"status\",\"x\":{}}}\n", "[".repeat(30_000));
    let many = format!("{{\"command\":\"redeliver\",\"ids\":[{}1]}}\n", "1,".repeat(CONTROL_COMMAND_BYTES));
    for bytes in [
        "\n",
        "status\n",
        "\"status\"\n",
        "null\n",
        "{}\n",
        "{\"command\":\"sell\"}\n",
        "{\"command\":\"\\u001b[31mred\u{9b}\"}\n",
        "{\"command\":\"disarm\",\"why\":7}\n",
        "{\"command\":\"disarm\",\"because\":\"x\"}\n",
        "{\"command\":\"redeliver\"}\n",
        "{\"command\":\"redeliver\",\"ids\":[1.5]}\n",
        "{\"command\":\"redeliver\",\"ids\":[9223372036854775808]}\n",
        "{\"command\":\"redeliver\",\"ids\":\"1\"}\n",
        "{\"command\":\"arm\"}{\"command\":\"arm\"}\n",
        "{\"command\":\"arm\",\"command\":\"disarm\"}\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &deep,
        &nested,
        &many,
    ] {
        let answer = said(folder.path(), bytes.as_bytes()).await;
        assert!(answer.starts_with("{\"answer\":\"refused\",\"why\":\""), "{bytes:.80} got {answer:?}");
        assert!(!answer.trim_end().contains(char::is_control) && answer.len() < 1_000, "{bytes:.80} got {answer:?}");
        assert!(!answer.contains("heard"), "{bytes:.80} was taken for a command");
    }
    assert_eq!(instance.asked(), []);
}

#[tokio::test]
async fn a_line_may_not_be_longer_than_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let _instance = Instance::start(folder.path(), heard);
    for length in [CONTROL_COMMAND_BYTES + 1, CONTROL_COMMAND_BYTES * 2, CONTROL_COMMAND_BYTES * 64] {
        let answer = said(folder.path(), &vec![b' '; length]).await;
        assert!(answer.contains(&format!("a command may have {CONTROL_COMMAND_BYTES} bytes")), "{length} bytes got {answer:?}");
    }
    let mut whole = b"{\"command\":\"arm\"}".to_vec();
    whole.resize(CONTROL_COMMAND_BYTES, b' ');
    whole.push(b'\n');
    assert!(said(folder.path(), &whole).await.contains("heard"));
}

#[tokio::test]
async fn bytes_by_chance_and_commands_gone_wrong_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start(folder.path(), heard);
    let commands: [&[u8]; 3] = [
        b"{\"command\":\"status\"}\n",
        b"{\"command\":\"disarm\",\"why\":\"x\"}\n",
        b"{\"command\":\"redeliver\",\"ids\":[1,2],\"orders\":false}\n",
    ];
    for seed in 0..2_000_u64 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut bytes = match chance.usize(..4) {
            3 => (0..chance.usize(..300)).map(|_| chance.u8(..)).collect(),
            which => commands[which].to_vec(),
        };
        for _ in 0..chance.usize(..4) {
            let at = chance.usize(..=bytes.len());
            match chance.u8(..4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, chance.u8(..)),
                2 => bytes.insert(at, *chance.choice(b"{}[]\",:\n\\\0\xff").unwrap()),
                _ if at < bytes.len() => bytes[at] ^= 1 << chance.u8(..8),
                _ => {}
            }
        }
        // A client that goes away without a line break is not answered.
        let ends = bytes.contains(&b'\n');
        let answer = if ends { said(folder.path(), &bytes).await } else { gone(folder.path(), &bytes).await };
        assert_eq!(answer.is_empty(), !ends, "seed {seed}: {bytes:?} got {answer:?}");
        assert!(answer.is_empty() || serde_json::from_str::<Answer>(&answer).is_ok(), "seed {seed}: {answer:?}");
    }
    // Orders are let go by nothing but a command that says so.
    let orders = |command: &Command| matches!(command, Command::Arm | Command::Redeliver { orders: true, .. });
    assert!(!instance.asked().iter().any(orders), "{:?}", instance.asked());
    let asked = instance.asked().len();
    assert!(asked > 100, "only {asked} commands got through; the test was idle");
    assert!(ask_from_async(folder.path(), &Command::Status).await.is_ok());
}

/// Sends bytes, says that it has no more, and reads what is answered.
async fn gone(folder: &std::path::Path, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::UnixStream::connect(birdcall::control::socket(folder)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
