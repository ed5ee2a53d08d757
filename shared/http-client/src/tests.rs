//! Servers that say too much before their answer, or say it too fast.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::thread::JoinHandle;

use tokio::io::AsyncReadExt as _;

use super::*;

/// What a server may have sent when its connection is closed: what the client has read, and what lies in the sockets'
/// buffers.
const LITTLE: usize = 16 * 1024 * 1024;
/// What it sends when nobody stops it.
const MUCH: usize = 512 * 1024 * 1024;

/// A server of one request on a thread of its own. It sends `first`, then `again` until its connection is closed;
/// returns how many bytes it sent.
fn server(first: String, again: Vec<u8>) -> io::Result<(Url, JoinHandle<usize>)> {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = Url::parse(&format!("http://{}/", listener.local_addr()?)).map_err(io::Error::other)?;
    let serving = std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return 0 };
        let _ = stream.read(&mut [0; 4096]);
        let mut sent = first.len();
        if stream.write_all(first.as_bytes()).is_err() || again.is_empty() {
            return sent;
        }
        // A little of what is repeated at a time would be a slow server.
        let block = again.repeat(16 * 1024 / again.len() + 1);
        while sent < MUCH && stream.write_all(&block).is_ok() {
            sent += block.len();
        }
        sent
    });
    Ok((url, serving))
}

async fn get(url: &Url) -> io::Result<Result<Answer, ExchangeError>> {
    let client = Client::pinned(Vec::new(), Tls::new().map_err(io::Error::other)?.config().clone());
    Ok(client.send(request(Method::GET, url), "").await)
}

/// On one thread: what never yields would keep everything else from its turn, this test's end included.
#[tokio::test]
async fn a_server_that_never_comes_to_its_answer_is_left_after_a_few_kilobytes() -> io::Result<()> {
    let status = "HTTP/1.1 200 OK\r\n";
    let cases: [(&str, &str, Vec<u8>); 6] = [
        ("100 for ever", "", b"HTTP/1.1 100 Continue\r\n\r\n".into()),
        ("102 for ever", "", b"HTTP/1.1 102 Processing\r\n\r\n".into()),
        ("103 for ever, with headers", "", b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n".into()),
        ("headers for ever", status, b"x-more: 1\r\n".into()),
        ("one header for ever", "HTTP/1.1 200 OK\r\nx-more: ", b"x".into()),
        ("an interim answer's headers for ever", "HTTP/1.1 103 Early Hints\r\nlink: ", b"x".into()),
    ];
    for (name, first, again) in cases {
        let (url, serving) = server(first.to_owned(), again)?;
        assert!(get(&url).await?.is_err_and(|e| !e.is_unsent()), "{name}");
        let sent = tokio::task::spawn_blocking(|| serving.join()).await?.unwrap_or(MUCH);
        assert!(sent < LITTLE, "{name}: {sent} bytes were taken");
    }
    Ok(())
}

#[tokio::test]
async fn four_interim_answers_are_passed_over_and_a_fifth_is_one_too_many() -> io::Result<()> {
    for (interim, good) in [(0, true), (1, true), (MOST_INTERIM, true), (MOST_INTERIM + 1, false)] {
        for kind in ["100 Continue", "102 Processing", "103 Early Hints\r\nlink: </a.css>"] {
            let before = format!("HTTP/1.1 {kind}\r\n\r\n").repeat(interim);
            let (url, _) = server(format!("{before}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"), Vec::new())?;
            match get(&url).await? {
                Ok(mut answer) => {
                    assert!(good && answer.status == 200, "{interim} times {kind}");
                    assert_eq!(answer.chunk().await.map_err(io::Error::other)?.as_deref(), Some(&b"fine"[..]));
                }
                Err(e) => assert!(!good && matches!(e, ExchangeError::TooManyInterim), "{interim} times {kind}: {}", e.text()),
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_fast_server_lets_others_have_their_turn() -> io::Result<()> {
    let (url, serving) = server(String::new(), vec![b'x'; 1024])?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, url.port().unwrap_or(0))).await?;
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"go").await?;
    let mut paced = Paced { stream, read: 0 };
    let (mut buffer, mut at_a_time, mut whole) = (vec![0; 16 * 1024], 0, 0);
    while whole < 4 * 1024 * 1024 {
        let read = paced.read(&mut buffer);
        tokio::pin!(read);
        let read = std::future::poll_fn(|cx| {
            let polled = read.as_mut().poll(cx);
            if polled.is_pending() {
                at_a_time = 0;
            }
            polled
        });
        let count = read.await?;
        (at_a_time, whole) = (at_a_time + count, whole + count);
        assert!(at_a_time <= TURN + buffer.len(), "{at_a_time} bytes in one turn");
    }
    drop(paced);
    let _ = tokio::task::spawn_blocking(|| serving.join()).await?;
    Ok(())
}

#[test]
fn a_pause_is_in_seconds_or_a_date_of_any_of_the_three_forms() {
    let now = Timestamp::from_second(784_111_777).unwrap_or_default();
    let seconds = |text| retry_after(text, now).map(|pause| pause.as_secs());
    assert_eq!(seconds("120"), Some(120));
    assert_eq!(seconds(" 7 "), Some(7));
    assert_eq!(seconds("99999999999999999999999"), Some(i64::MAX));
    for form in ["Sun, 06 Nov 1994 08:51:37 GMT", "Sunday, 06-Nov-94 08:51:37 GMT", "Sun Nov  6 08:51:37 1994"] {
        assert_eq!(seconds(form), Some(120), "{form}");
    }
    assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "a moment that is over");
    for unreadable in ["", "soon", "-5", "+120", "1.5", "Sun, 06 Nov 1994"] {
        assert_eq!(seconds(unreadable), None, "{unreadable}");
    }
}
