//! Faults that vivid injects while a source streams: what was reported, what was lost, how long it took, and whether the stream
//! goes on.

use std::io;
use std::time::Duration;

use foveate::capture::Source;
use foveate::frame::PixelFormat;
use serde_json::{Value, json};

use super::hand::Hand;
use super::report::Report;
use super::watch::{Seen, check, greatest, open_soon, options, tenth};

const CAMERA: &str = "/dev/video0";
const PATIENCE: Duration = Duration::from_secs(20);

pub fn cases(report: &mut Report) -> io::Result<()> {
    report.case("fault: disconnected and back", disconnected())?;
    report.case("fault: half of the pictures dropped", dropped())?;
    report.case("fault: damaged pictures", damaged())?;
    report.case("fault: VIDIOC_QBUF fails", refused_buffers())?;
    report.case("fault: VIDIOC_DQBUF fails", broken_queue())?;
    for (control, request) in [
        ("Inject VIDIOC_STREAMON Error", "VIDIOC_STREAMON"),
        ("Inject VIDIOC_REQBUFS Error", "VIDIOC_REQBUFS"),
        ("Inject VIDIOC_QBUF Error", "VIDIOC_QBUF"),
    ] {
        report.case(&format!("fault: {request} fails at the first opening"), first_opening(control, request))?;
        report.case(&format!("fault: {request} fails at the reopening"), reopening(control, request))?;
    }
    report.case("fault: stops sending", silent())
}

/// A camera that streams, a hand on it, and what was seen so far.
fn start() -> Result<(Hand, Box<dyn Source>, Seen), String> {
    let hand = Hand::open(CAMERA)?;
    let mut source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 5, PATIENCE)?;
    seen.forget();
    Ok((hand, source, seen))
}

/// The row of a fault that was survived: frames come, in order, and what is missing was reported.
fn survived(mut seen: Seen, source: &mut dyn Source, injected: u64, reported: Value) -> Result<Value, String> {
    seen.frames(source, 10, PATIENCE)?;
    check(seen.disorder == 0, || format!("{} steps back", seen.disorder))?;
    let (count, missing) = (seen.dropped(""), seen.missing());
    check(count >= missing, || format!("{missing} frames are missing, {count} were reported"))?;
    let (losses, recoveries) = (seen.losses(), seen.recoveries_ms());
    check(losses.len() == recoveries.len(), || format!("losses {losses:?}, recoveries {recoveries:?}"))?;
    Ok(json!({
        "injected": injected, "reported": reported, "frames_lost": count, "recovered_ms": tenth(greatest(&recoveries)),
        "alive": true,
    }))
}

/// Lets the device go away, and back as soon as the source has let go of it.
fn disconnect(hand: Hand, source: &mut dyn Source, seen: &mut Seen) -> Result<(), String> {
    hand.set("Disconnect", 1)?;
    let before = seen.losses().len();
    let lost = seen.watch(source, PATIENCE, |seen| seen.losses().len() > before)?;
    check(lost, || "the loss was not reported".into())
}

fn disconnected() -> Result<Value, String> {
    let (mut hand, mut source, mut seen) = start()?;
    for _ in 0..3 {
        disconnect(hand, source.as_mut(), &mut seen)?;
        seen.frames(source.as_mut(), 5, PATIENCE)?;
        hand = Hand::open(CAMERA)?;
    }
    let losses = seen.losses();
    check(losses.iter().all(|reason| reason == "unplugged"), || format!("{losses:?}"))?;
    survived(seen, source.as_mut(), 3, json!(losses))
}

fn dropped() -> Result<Value, String> {
    let (hand, mut source, mut seen) = start()?;
    hand.set("Percentage of Dropped Buffers", 50)?;
    seen.watch(source.as_mut(), Duration::from_secs(4), |_| false)?;
    hand.set("Percentage of Dropped Buffers", 0)?;
    let count = seen.dropped("the driver had no free buffer for them, or the camera lost them");
    check(count > 10, || format!("{count} dropped frames reported"))?;
    check(seen.dropped("") == seen.missing(), || format!("{} reported, {} missing", seen.dropped(""), seen.missing()))?;
    let missing = seen.missing();
    survived(seen, source.as_mut(), missing, json!({ "dropped": count }))
}

fn damaged() -> Result<Value, String> {
    const TIMES: u64 = 5;
    let (hand, mut source, mut seen) = start()?;
    for _ in 0..TIMES {
        hand.set("Inject V4L2_BUF_FLAG_ERROR", 1)?;
        seen.frames(source.as_mut(), 5, PATIENCE)?;
    }
    let count = seen.dropped("damaged");
    check(count == TIMES, || format!("{count} reported of {TIMES}"))?;
    check(seen.losses().is_empty(), || format!("{:?}", seen.losses()))?;
    survived(seen, source.as_mut(), TIMES, json!({ "damaged": count }))
}

fn refused_buffers() -> Result<Value, String> {
    const TIMES: u64 = 5;
    let (hand, mut source, mut seen) = start()?;
    for _ in 0..TIMES {
        hand.set("Inject VIDIOC_QBUF Error", 1)?;
        seen.frames(source.as_mut(), 5, PATIENCE)?;
    }
    let count = seen.warned("VIDIOC_QBUF");
    check(count == TIMES, || format!("{count} reported of {TIMES}: {:?}", seen.events))?;
    check(seen.losses().is_empty(), || format!("{:?}", seen.losses()))?;
    survived(seen, source.as_mut(), TIMES, json!({ "refused": count }))
}

fn broken_queue() -> Result<Value, String> {
    const TIMES: u64 = 3;
    let (hand, mut source, mut seen) = start()?;
    for n in 0..TIMES {
        hand.set("Inject Fatal Streaming Error", 1)?;
        let back = seen.watch(source.as_mut(), PATIENCE, |seen| seen.recoveries_ms().len() as u64 > n)?;
        check(back, || format!("no return: {:?}", seen.events))?;
    }
    let losses = seen.losses();
    check(
        losses.len() as u64 == TIMES && losses.iter().all(|l| l.contains("VIDIOC_DQBUF") || l.contains("wait for")),
        || format!("{losses:?}"),
    )?;
    survived(seen, source.as_mut(), TIMES, json!(losses))
}

fn first_opening(control: &str, request: &str) -> Result<Value, String> {
    let hand = Hand::open(CAMERA)?;
    hand.set(control, 1)?;
    let refused = match open_soon(CAMERA, &options(PixelFormat::Yuyv)) {
        Ok(_) => return Err("it streams".into()),
        Err(reason) => reason,
    };
    check(refused.contains(request), || format!("{request} is not named: {refused}"))?;
    // The fault was injected once: the next opening must succeed.
    let mut source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 5, PATIENCE)?;
    Ok(json!({ "injected": 1, "reported": refused, "frames_lost": 0, "recovered_ms": null, "alive": true }))
}

fn reopening(control: &str, request: &str) -> Result<Value, String> {
    let (hand, mut source, mut seen) = start()?;
    // While nothing comes no buffer goes back either, so that the fault waits for the reopening.
    hand.set("Percentage of Dropped Buffers", 100)?;
    seen.watch(source.as_mut(), Duration::from_millis(500), |_| false)?;
    hand.set(control, 1)?;
    disconnect(hand, source.as_mut(), &mut seen)?;
    Hand::open(CAMERA)?.set("Percentage of Dropped Buffers", 0)?;
    let back = seen.watch(source.as_mut(), PATIENCE, |seen| !seen.recoveries_ms().is_empty())?;
    check(back, || format!("no return: {:?}", seen.events))?;
    let count = seen.warned(request);
    check(count == 1, || format!("{request} was reported {count} times: {:?}", seen.events))?;
    let losses = seen.losses();
    survived(seen, source.as_mut(), 1, json!({ "lost": losses, "warned": request }))
}

/// Every image is dropped by the driver: the camera is there, but nothing comes.
fn silent() -> Result<Value, String> {
    let (hand, mut source, mut seen) = start()?;
    hand.set("Percentage of Dropped Buffers", 100)?;
    let lost = seen.watch(source.as_mut(), PATIENCE, |seen| !seen.losses().is_empty())?;
    hand.set("Percentage of Dropped Buffers", 0)?;
    check(lost, || "the silence was not reported".into())?;
    let back = seen.watch(source.as_mut(), PATIENCE, |seen| !seen.recoveries_ms().is_empty())?;
    check(back, || format!("no return: {:?}", seen.events))?;
    let losses = seen.losses();
    check(losses[0].contains("no image for 2 s"), || format!("{losses:?}"))?;
    survived(seen, source.as_mut(), 1, json!(losses))
}
