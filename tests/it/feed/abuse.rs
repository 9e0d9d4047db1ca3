//! A feed that breaks the WebSocket protocol: told so, hung up on, and tried again (RELIABILITY C11, D2).

use birdcall::feed::Loss;
use birdcall::feed::simulator::Received;

use crate::kit::feed::Rig;

/// Sends the bytes; what the client makes of them and which code it answers with.
async fn answer_to(bytes: &[u8]) -> (Loss, Option<u16>) {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    rig.handle.send_raw(bytes.to_vec());
    let (why, _) = client.lost().await;
    rig.handle.wait(|stats| stats.ended == 1).await;
    client.connected().await;
    rig.handle.send("and on");
    assert_eq!(client.frame().await, "and on");
    let close = rig.handle.received().into_iter().find_map(|frame| match frame {
        Received::Close(code) => code,
        _ => None,
    });
    (why, close)
}

#[tokio::test]
async fn illegal_frames_are_answered_with_1002() {
    for (what, bytes) in [
        ("a reserved bit", &b"\xc1\x01x"[..]),
        ("a reserved data opcode", b"\x83\x01x"),
        ("a reserved control opcode", b"\x8b\x00"),
        ("a masked frame", b"\x81\x81\x00\x00\x00\x00x"),
        ("a fragmented ping", b"\x09\x00"),
        ("a ping of 126 bytes", &[&b"\x89\x7e\x00\x7e"[..], &[b'x'; 126]].concat()),
        ("a continuation of nothing", b"\x80\x01x"),
        ("a text inside a fragmented text", b"\x01\x01x\x81\x01y"),
    ] {
        let (why, close) = answer_to(bytes).await;
        assert!(matches!(why, Loss::Protocol(_)), "{what}: {why:?}");
        assert_eq!(close, Some(1002), "{what}");
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_answered_with_1007() {
    for bytes in [&b"\x81\x02\xff\xfe"[..], b"\x01\x01\xe2\x80\x01x"] {
        let (why, close) = answer_to(bytes).await;
        assert!(matches!(why, Loss::NotUtf8), "{why:?}");
        assert_eq!(close, Some(1007));
    }
}

#[tokio::test]
async fn sizes_that_are_only_declared_are_answered_with_1009() {
    for bytes in [&b"\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x01"[..], b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"] {
        let (why, close) = answer_to(bytes).await;
        assert!(matches!(why, Loss::TooBig { .. }), "{why:?}");
        assert_eq!(close, Some(1009));
    }
}

#[tokio::test]
async fn fragments_that_add_up_to_too_much_are_answered_with_1009() {
    // 17 fragments of 64 KiB less one byte.
    let fragment = |first: bool| [&[u8::from(first), 126, 0xff, 0xff][..], &[b'x'; 0xffff]].concat();
    let bytes: Vec<u8> = (0..17).flat_map(|index| fragment(index == 0)).collect();
    let (why, close) = answer_to(&bytes).await;
    assert!(matches!(why, Loss::TooBig { .. }), "{why:?}");
    assert_eq!(close, Some(1009));
}

#[tokio::test]
async fn an_invalid_close_payload_ends_the_connection() {
    let (why, _) = answer_to(b"\x88\x01x").await;
    assert!(matches!(why, Loss::Protocol(_)), "{why:?}");
}
