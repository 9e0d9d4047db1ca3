//! Answers whole, in pieces, cut off and wrong.

use proptest::prelude::*;

use super::*;

/// What comes of an answer that is read in pieces and then ends: the status, the body, whether it is whole, whether another request can
/// follow, and what was left over.
type Read = (u16, Vec<u8>, bool, bool, Vec<u8>);

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Read, Flaw> {
    let (mut read, mut body, mut rest, mut whole) = (BytesMut::new(), Vec::new(), None, false);
    for piece in pieces {
        read.extend_from_slice(piece);
        if rest.is_none() {
            rest = head(&mut read)?;
        }
        if let Some((_, rest)) = &mut rest
            && !whole
        {
            match rest.take(&mut read, &mut body)? {
                Progress::More => {}
                Progress::Whole => whole = true,
                Progress::Cut => break,
            }
        }
    }
    let Some((head, rest)) = rest else { return Err(Flaw::Incomplete) };
    Ok((head.status, body, whole || rest.is_whole_at_end(), rest.keeps, read.to_vec()))
}

fn all(answer: &str) -> Result<Read, Flaw> {
    read([answer.as_bytes()])
}

#[test]
fn a_body_is_as_long_as_the_head_says_and_the_connection_serves_on_where_that_is_known() {
    for (answer, status, body, whole, keeps, left) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok", true, true, ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nCONTENT-LENGTH: 2\r\n\r\nokHTTP", 200, "ok", true, true, "HTTP"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", 200, "ok", false, true, ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, Close\r\n\r\n", 200, "", true, false, ""),
        ("HTTP/1.1 204 \r\n\r\n", 204, "", true, true, ""),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, "", true, true, ""),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, "", true, false, ""),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 204, "", true, true, ""),
        ("HTTP/1.1 500 No\r\n\r\nall of it", 500, "all of it", true, false, ""),
        ("HTTP/1.0 200 OK\r\n\r\nok", 200, "ok", true, false, ""),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok", true, false, ""),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\nConnection: Keep-Alive\r\n\r\nok", 200, "ok", true, true, ""),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n00000000000000000002\r\nok\r\n0\r\n\r\n",
            200,
            "ok",
            true,
            true,
            "",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: gzip, Chunked\r\n\r\n2 ;a=\"b\"\r\nok\r\n1\r\n!\r\n000\r\na: b\r\n\r\nmore",
            200,
            "ok!",
            true,
            true,
            "more",
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", 200, "ok", false, true, ""),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok", 200, "ok", true, false, ""),
    ] {
        let expected = (status, body.as_bytes().to_vec(), whole, keeps, left.as_bytes().to_vec());
        assert_eq!(all(answer), Ok(expected), "{answer:?}");
    }
}

#[test]
fn what_is_no_answer_is_said() {
    let long = "x".repeat(ANSWER_BYTES);
    for (answer, flaw) in [
        ("", Flaw::Incomplete),
        ("HTTP/1.1 200 OK\r\ncontent-le", Flaw::Incomplete),
        ("HTTP/1.1 100 Continue\r\n\r\n", Flaw::Incomplete),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n", Flaw::Version),
        ("HTTP/2.0 200 OK\r\n\r\n", Flaw::Version),
        ("HTTP/1.1 2OO OK\r\n\r\n", Flaw::Status),
        ("HTTP/1.1 042 OK\r\n\r\n", Flaw::Status),
        ("HTTP/1.1 200 OK\r\na b: c\r\n\r\n", Flaw::Header),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok", Flaw::Length),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nok", Flaw::Length),
        ("HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\nok", Flaw::Length),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1,\r\n\r\nok", Flaw::Length),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nok", Flaw::Length),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Flaw::Encoding),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n", Flaw::Chunk),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n", Flaw::Chunk),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n+2\r\nok\r\n0\r\n\r\n", Flaw::Chunk),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", Flaw::Chunk),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok!\r\n0\r\n\r\n", Flaw::Chunk),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10000000000000000\r\n", Flaw::Chunk),
        (&format!("HTTP/1.1 200 OK\r\na: {long}"), Flaw::TooLarge),
        (&format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(LINES + 1)), Flaw::TooLarge),
        (&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;{long}"), Flaw::TooLarge),
        (&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: {long}\r\n\r\n"), Flaw::TooLarge),
    ] {
        assert_eq!(all(answer), Err(flaw), "{:?}", answer.get(..100).unwrap_or(answer));
    }
}

#[test]
fn a_long_head_is_looked_at_when_it_may_be_over() {
    let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n", "x".repeat(2 * SHORT));
    for (end, is_over) in [("", false), ("\r\n", true), ("b: c\n", false), ("b: c\n\n", true), ("b: c\r\n\r\n", true)] {
        let read = format!("{long}{end}");
        // Bytes that came before may be part of its end.
        for new in [1, end.len().max(1)] {
            assert_eq!(may_have_head(read.as_bytes(), new), is_over, "{end:?}");
        }
    }
    assert!(may_have_head(b"SSH-2.0-OpenSSH", 1));
}

#[test]
fn of_a_body_without_end_no_more_is_read_than_of_any() {
    let much = "x".repeat(ANSWER_BYTES + 1);
    let chunk = format!("{:x}\r\n{much}", much.len());
    for head in ["", "content-length: 99999999\r\n", "transfer-encoding: chunked\r\n"] {
        let body = if head.starts_with('t') { &chunk } else { &much };
        let mut read = BytesMut::from(format!("HTTP/1.1 404 No\r\n{head}\r\n{body}").as_bytes());
        let (_, mut rest) = super::head(&mut read).unwrap().unwrap();
        let mut body = Vec::new();
        assert_eq!(rest.take(&mut read, &mut body), Ok(Progress::Cut), "{head}");
        assert_eq!(body.len(), ANSWER_BYTES);
    }
}

proptest! {
    #[test]
    fn it_is_the_same_answer_in_pieces_of_any_size(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        chunks in proptest::collection::vec(1_usize..90, 0..8),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        between in any::<bool>(),
    ) {
        let mut answer = if between { b"HTTP/1.1 102 Processing\r\na: b\r\n\r\n".to_vec() } else { Vec::new() };
        if chunks.is_empty() {
            answer.extend(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).bytes());
            answer.extend(&body);
        } else {
            answer.extend(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            let (mut left, mut sizes) = (&body[..], chunks.iter().cycle());
            while !left.is_empty() {
                let (chunk, more) = left.split_at(left.len().min(*sizes.next().unwrap()));
                answer.extend(format!("{:X}\r\n", chunk.len()).bytes());
                answer.extend(chunk.iter().chain(b"\r\n"));
                left = more;
            }
            answer.extend(b"0\r\nsum: 1\r\n\r\n");
        }
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(answer.len() + 1)).chain([0, answer.len()]).collect();
        at.sort_unstable();
        let pieces = at.windows(2).map(|ends| &answer[ends[0]..ends[1]]);
        prop_assert_eq!(read(pieces), Ok((200, body, true, true, Vec::new())));
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), chunked in any::<bool>()) {
        let start: &[u8] = if chunked { b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" } else { b"HTTP/1.1 2" };
        let _ = read([start, &bytes]);
    }
}
