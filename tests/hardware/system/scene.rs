//! The image that the virtual camera shows, and a copy of it for who checks.

use std::sync::Arc;
use std::time::Duration;

use foveate::capture::{SourceAddress, SourceOptions, Step};
use foveate::frame::{Frame, to_rgb};
use foveate::time::MonotonicClock;
use serde_json::{Value, json};
use v4l::control::{Control, MenuItem, Value as ControlValue};

/// Names of vivid's controls, and the menu item or number they are set to.
const CONTROLS: [(&str, &str); 5] = [
    ("Test Pattern", "100% Black"),
    ("OSD Text Mode", "None"),
    ("Horizontal Movement", "No Movement"),
    ("Vertical Movement", "No Movement"),
    ("Show Square", "1"),
];

/// Frames after which the controls have come into effect.
const SETTLED: usize = 3;

/// Has `camera` show a square on a plain ground and writes what it shows to `copy`.
pub fn show(camera: &str, copy: &str) -> Result<Value, String> {
    set_controls(camera).map_err(|e| format!("controls of {camera}: {e}"))?;
    let frame = capture(camera)?;
    let mut rgb = Vec::new();
    to_rgb(&frame, &mut rgb).map_err(|e| e.to_string())?;
    let (width, height) = (frame.size.width, frame.size.height);
    image::save_buffer(copy, &rgb, width, height, image::ColorType::Rgb8).map_err(|e| format!("{copy}: {e}"))?;
    Ok(json!({"size": [width, height], "format": frame.format.name()}))
}

fn set_controls(camera: &str) -> std::io::Result<()> {
    let device = v4l::Device::with_path(camera)?;
    let known = device.query_controls()?;
    for (name, wanted) in CONTROLS {
        let unknown = || std::io::Error::other(format!("there is no `{name}` that could be `{wanted}`"));
        let control = known.iter().find(|c| c.name == name).ok_or_else(unknown)?;
        let item = |(index, item): &(u32, MenuItem)| (item.to_string() == wanted).then_some(i64::from(*index));
        let chosen = control.items.iter().flatten().find_map(item);
        let value = match (chosen.or_else(|| wanted.parse().ok()), control.typ) {
            (Some(value), v4l::control::Type::Boolean) => ControlValue::Boolean(value != 0),
            (Some(value), _) => ControlValue::Integer(value),
            (None, _) => return Err(unknown()),
        };
        device.set_control(Control { id: control.id, value })?;
    }
    Ok(())
}

fn capture(camera: &str) -> Result<Frame, String> {
    let address = format!("v4l:{camera}").parse::<SourceAddress>().map_err(|e| format!("{e}"))?;
    let mut source =
        address.open(&SourceOptions::default(), Arc::new(MonotonicClock)).map_err(|e| format!("{camera}: {e}"))?;
    let mut frame = Frame::default();
    let mut taken = 0;
    for _ in 0..20 {
        match source.next_frame(&mut frame, Duration::from_secs(1)).map_err(|e| e.to_string())? {
            Step::Frame if taken == SETTLED => return Ok(frame),
            Step::Frame => taken += 1,
            Step::Idle => {}
            Step::End => break,
        }
    }
    Err(format!("{camera}: {taken} frames in 20 s"))
}
