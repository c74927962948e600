//! Cameras that are pulled out and come back: under another node, with another size, or not at all while another one takes
//! their place.

use std::io;
use std::time::Duration;

use foveate::capture::Source;
use foveate::frame::PixelFormat;
use foveate::geometry::Size;
use serde_json::{Value, json};

use super::modules::{load, load_vivid, unload, unplug_vivid, wait_for};
use super::report::Report;
use super::watch::{SIZE, Seen, check, open_soon, options, tenth};

const PATIENCE: Duration = Duration::from_secs(30);

/// Last in a part, because they unload vivid; `planar` says which interface it has.
pub fn cases(report: &mut Report, planar: &[&str]) -> io::Result<()> {
    report.case("return: under another node", another_node(planar))?;
    report.case("return: another camera is not taken for it", another_camera(planar))?;
    report.case("return: with another size", another_size(planar))?;
    if let Err(reason) = load_vivid(planar) {
        report.case("return: load vivid as it was", Err(reason))?;
    }
    Ok(())
}

fn start(planar: &[&str], path: &str) -> Result<(Box<dyn Source>, Seen), String> {
    load_vivid(planar)?;
    let mut source = open_soon(path, &options(PixelFormat::Yuyv))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 5, PATIENCE)?;
    Ok((source, seen))
}

/// Pulls all cameras out, lets the source notice, and plugs one in with these options.
fn replug(source: &mut dyn Source, seen: &mut Seen, options: &[&str], node: &str) -> Result<(), String> {
    unplug_vivid()?;
    let lost = seen.watch(source, PATIENCE, |seen| !seen.losses().is_empty())?;
    check(lost, || "the loss was not reported".into())?;
    unload("vivid")?;
    load("vivid", options)?;
    wait_for(node)
}

fn row(mut seen: Seen, source: &mut dyn Source) -> Result<Value, String> {
    seen.frames(source, 10, PATIENCE)?;
    check(seen.disorder == 0, || format!("{} steps back", seen.disorder))?;
    let recovered = seen.recoveries_ms();
    check(recovered.len() == 1, || format!("{:?}", seen.events))?;
    let size = seen.frame.size;
    let reported: Vec<String> = seen.events.iter().map(|event| format!("{event:?}")).collect();
    Ok(json!({
        "injected": 1, "reported": reported, "frames_lost": seen.dropped(""), "recovered_ms": tenth(recovered[0]), "alive": true,
        "size": [size.width, size.height],
    }))
}

fn another_node(planar: &[&str]) -> Result<Value, String> {
    let (mut source, mut seen) = start(&[planar[0]], "/dev/video0")?;
    let options = ["n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0x0", "vid_cap_nr=7", planar[0]];
    replug(source.as_mut(), &mut seen, &options, "/dev/video7")?;
    let back = seen.watch(source.as_mut(), PATIENCE, |seen| !seen.recoveries_ms().is_empty())?;
    check(back, || format!("no return: {:?}", seen.events))?;
    check(seen.warned("is now /dev/video7") == 1, || format!("{:?}", seen.events))?;
    row(seen, source.as_mut())
}

/// The second of two cameras goes, and the first comes back under its node.
fn another_camera(planar: &[&str]) -> Result<Value, String> {
    let (mut source, mut seen) = start(planar, "/dev/video1")?;
    let options = ["n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0x0", "vid_cap_nr=1", planar[0]];
    replug(source.as_mut(), &mut seen, &options, "/dev/video1")?;
    let taken = seen.watch(source.as_mut(), Duration::from_secs(6), |seen| !seen.recoveries_ms().is_empty())?;
    check(!taken, || "it streams from another camera".into())?;
    load_vivid(planar)?;
    let back = seen.watch(source.as_mut(), PATIENCE, |seen| !seen.recoveries_ms().is_empty())?;
    check(back, || format!("no return: {:?}", seen.events))?;
    row(seen, source.as_mut())
}

/// Back as a capture card without a scaler, which gives the size of its signal only.
fn another_size(planar: &[&str]) -> Result<Value, String> {
    let (mut source, mut seen) = start(planar, "/dev/video0")?;
    let options =
        ["n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0x3", "vid_cap_nr=0", "ccs_cap_mode=0", planar[0]];
    replug(source.as_mut(), &mut seen, &options, "/dev/video0")?;
    let back = seen.watch(source.as_mut(), PATIENCE, |seen| !seen.recoveries_ms().is_empty())?;
    check(back, || format!("no return: {:?}", seen.events))?;
    let size = seen.frame.size;
    check(size != SIZE && size == Size::new(1280, 720), || format!("frames of {}x{}", size.width, size.height))?;
    check(source.info().size == size, || format!("the source says {:?}", source.info().size))?;
    check(seen.warned("it now sends 1280x720 yuyv, before 320x180 yuyv") == 1, || format!("{:?}", seen.events))?;
    row(seen, source.as_mut())
}
