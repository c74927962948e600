//! Cameras as the kernel gives them, in a virtual machine: `hardware-camera PART` with the part `single` (vivid, one memory
//! plane a buffer), `age` (the same, against a program's pipe), `multi` (vivid, several), `mjpeg` (v4l2loopback, fed by this program) or `output FOVEATE` (v4l2loopback, fed by
//! the sink and by the program of that path). It loads the modules as it needs them and leaves its rows in `camera-PART.ndjson`.

#[cfg(target_os = "linux")]
#[path = "camera/bars.rs"]
mod bars;
#[cfg(target_os = "linux")]
#[path = "camera/colours.rs"]
mod colours;
#[cfg(target_os = "linux")]
#[path = "camera/controls.rs"]
mod controls;
#[cfg(target_os = "linux")]
#[path = "camera/faults.rs"]
mod faults;
#[cfg(target_os = "linux")]
#[path = "camera/hand.rs"]
mod hand;
#[cfg(target_os = "linux")]
#[path = "camera/mjpeg.rs"]
mod mjpeg;
#[cfg(target_os = "linux")]
#[path = "camera/modules.rs"]
mod modules;
#[cfg(all(target_os = "linux", feature = "nokhwa-linux"))]
#[path = "camera/nokhwa.rs"]
mod nokhwa;
#[cfg(target_os = "linux")]
#[path = "camera/output.rs"]
mod output;
#[cfg(target_os = "linux")]
#[path = "camera/pipes.rs"]
mod pipes;
#[cfg(target_os = "linux")]
#[path = "camera/refusals.rs"]
mod refusals;
#[cfg(target_os = "linux")]
#[path = "report.rs"]
mod report;
#[cfg(target_os = "linux")]
#[path = "camera/returns.rs"]
mod returns;
#[cfg(target_os = "linux")]
#[path = "camera/timing.rs"]
mod timing;
#[cfg(target_os = "linux")]
#[path = "camera/watch.rs"]
mod watch;

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<std::process::ExitCode> {
    use std::process::ExitCode;

    use report::Report;

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["single"] => {
            let mut report = Report::create("camera-single")?;
            run(&mut report, modules::SINGLE, |report| {
                colours::cases(report)?;
                controls::cases(report)?;
                refusals::cases(report)?;
                timing::cases(report)?;
                faults::cases(report)?;
                #[cfg(feature = "nokhwa-linux")]
                nokhwa::cases(report)?;
                returns::cases(report, modules::SINGLE)
            })?;
            report.finish()
        }
        ["multi"] => {
            let mut report = Report::create("camera-multi")?;
            run(&mut report, modules::MULTI, |report| {
                colours::cases(report)?;
                timing::cases(report)?;
                faults::cases(report)?;
                returns::cases(report, modules::MULTI)
            })?;
            report.finish()
        }
        ["mjpeg"] => {
            let mut report = Report::create("camera-mjpeg")?;
            mjpeg::cases(&mut report)?;
            report.finish()
        }
        ["age"] => {
            let mut report = Report::create("camera-age")?;
            run(&mut report, modules::SINGLE, pipes::cases)?;
            report.finish()
        }
        ["output", foveate] => {
            let mut report = Report::create("camera-output")?;
            output::cases(&mut report, foveate)?;
            report.finish()
        }
        // A program whose frames are read by a pipe.
        ["frames"] => pipes::write_frames(),
        // This very program, started again without rights.
        ["open-output", path] => Ok(output::say_what_opening_says(path)),
        ["open", path] => Ok(refusals::say_what_opening_says(path)),
        _ => {
            eprintln!("usage: hardware-camera single|age|multi|mjpeg|output FOVEATE");
            Ok(ExitCode::from(2))
        }
    }
}

/// The cases of one part, with vivid loaded for them.
#[cfg(target_os = "linux")]
fn run(
    report: &mut report::Report,
    options: &[&str],
    cases: impl FnOnce(&mut report::Report) -> std::io::Result<()>,
) -> std::io::Result<()> {
    match modules::load_vivid(options) {
        Ok(()) => cases(report),
        Err(reason) => report.case("load vivid", Err(reason)),
    }
}
