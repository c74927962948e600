//! Camera controls from the board profile.

use std::io;
use std::time::Duration;

use foveate::capture::{Controls, PowerLine, Setting, SourceEvent, SourceOptions};
use foveate::frame::PixelFormat;
use serde_json::{Value, json};

use super::hand::Hand;
use super::report::Report;
use super::watch::{Seen, check, open_soon, options};

const CAMERA: &str = "/dev/video0";

pub fn cases(report: &mut Report) -> io::Result<()> {
    report.case("controls are applied, and again after a loss", applied())?;
    report.case("controls that cannot be applied are told", reported())
}

fn with(controls: Controls) -> SourceOptions {
    let mut options = options(PixelFormat::Yuyv);
    options.controls = controls;
    options
}

/// vivid has a gain with an automatic, which is on by default.
fn applied() -> Result<Value, String> {
    let hand = Hand::open(CAMERA)?;
    hand.set("Gain, Automatic", 1)?;
    let gain = |value| {
        let mut controls = Controls::default();
        controls.gain = Some(value);
        with(controls)
    };
    let mut source = open_soon(CAMERA, &gain(Setting::Value(77)))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 2, Duration::from_secs(10))?;
    let first = (hand.get("Gain, Automatic")?, hand.get("Gain")?);
    check(first == (0, 77), || format!("automatic and gain are {first:?}"))?;

    hand.set("Gain", 5)?;
    hand.set("Disconnect", 1)?;
    seen.watch(source.as_mut(), Duration::from_secs(5), |seen| !seen.losses().is_empty())?;
    drop(hand);
    seen.frames(source.as_mut(), 2, Duration::from_secs(10))?;
    let hand = Hand::open(CAMERA)?;
    let again = (hand.get("Gain, Automatic")?, hand.get("Gain")?);
    check(again == (0, 77), || format!("after the loss automatic and gain are {again:?}"))?;
    drop(source);

    drop(open_soon(CAMERA, &gain(Setting::Auto))?);
    let automatic = hand.get("Gain, Automatic")?;
    check(automatic == 1, || "\"auto\" is not applied".into())?;
    let warned = seen.warned("");
    check(warned == 0, || format!("warnings: {:?}", seen.events))?;
    Ok(json!({ "gain": first.1, "gain_after_loss": again.1, "automatic": automatic }))
}

/// Four controls that vivid does not have, and a value that its gain does not take.
fn reported() -> Result<Value, String> {
    let hand = Hand::open(CAMERA)?;
    hand.set("Gain, Automatic", 0)?;
    hand.set("Gain", 9)?;
    let mut controls = Controls::default();
    controls.exposure = Some(Setting::Value(10_000));
    controls.gain = Some(Setting::Value(999));
    controls.focus = Some(Setting::Auto);
    controls.white_balance = Some(Setting::Value(5000));
    controls.power_line_frequency = Some(PowerLine::Hz50);
    let mut source = open_soon(CAMERA, &with(controls))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 3, Duration::from_secs(10))?;
    let messages: Vec<String> = seen
        .events
        .iter()
        .filter_map(|event| match event {
            SourceEvent::Warned { message, .. } => Some(message.to_string()),
            _ => None,
        })
        .collect();
    for key in ["exposure = 10000", "gain = 999", "focus = \"auto\"", "white_balance = 5000", "power_line_frequency"] {
        check(messages.iter().filter(|m| m.contains(key)).count() == 1, || format!("{key}: {messages:?}"))?;
    }
    check(messages.iter().any(|m| m.contains("0 to 255")), || format!("no range: {messages:?}"))?;
    let gain = hand.get("Gain")?;
    check(gain == 9, || format!("gain became {gain}"))?;
    Ok(json!({ "warnings": messages, "frames": seen.frames }))
}
