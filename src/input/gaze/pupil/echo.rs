use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::input::gaze::connect;
use crate::input::gaze::feed::SharedOffset;
use crate::sync::StopToken;
use crate::time::{Clock, Timestamp};

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_millis(500);
/// Pause between questions, until there are as many answers as are remembered, and then.
const PAUSE_AT_FIRST: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_secs(2);
const AT_FIRST: u32 = 10;
/// Pause after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// Asks the phone for its time until stopped, and gives `offset` the answers: eight bytes there, our own time, and sixteen
/// back, the same time and the phone's, all in milliseconds.
pub fn ask(address: &str, offset: &SharedOffset, clock: &dyn Clock, stop: &StopToken) {
    while !stop.is_stopped() {
        if let Ok(mut stream) = connect::tcp(address, ANSWER) {
            let mut asked = 0;
            while let Some((told_ms, began, ended)) = question(&mut stream, clock) {
                // The phone cuts its time to whole milliseconds.
                let told_ns =
                    i64::try_from(told_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000).saturating_add(500_000);
                offset.lock().unwrap_or_else(|p| p.into_inner()).echo(told_ns, began, ended);
                asked += 1;
                if stop.wait(if asked < AT_FIRST { PAUSE_AT_FIRST } else { PAUSE }) {
                    return;
                }
            }
        }
        stop.wait(RETRY);
    }
}

/// The phone's time in milliseconds, and our times before and after; `None` if there was no proper answer.
fn question(stream: &mut TcpStream, clock: &dyn Clock) -> Option<(u64, Timestamp, Timestamp)> {
    let began = clock.now();
    let ours = (began.as_nanos() / 1_000_000).to_be_bytes();
    stream.write_all(&ours).ok()?;
    let mut answer = [0; 16];
    stream.read_exact(&mut answer).ok()?;
    let ended = clock.now();
    let (same, theirs) = answer.split_first_chunk::<8>()?;
    (*same == ours).then_some((u64::from_be_bytes(theirs.try_into().ok()?), began, ended))
}
