//! Touch screens, pens and mice as the kernel gives them: virtual devices through uinput, read by the crate's own source.
//! It runs as root in the virtual machine of this folder.
//!
//!     hardware-touch                    every case, reported as suite `touch`
//!     hardware-touch tap X Y [AFTER_MS] a virtual screen that is tapped once at X,Y (0 to 1 of its sides) after a time,
//!                                       and stays until the program is killed; the first line printed is its node

#[cfg(target_os = "linux")]
#[path = "touch/contacts.rs"]
mod contacts;
#[cfg(target_os = "linux")]
#[path = "touch/faults.rs"]
mod faults;
#[cfg(target_os = "linux")]
#[path = "touch/gestures.rs"]
mod gestures;
#[cfg(target_os = "linux")]
#[path = "report.rs"]
mod report;
#[cfg(target_os = "linux")]
#[path = "touch/screen.rs"]
mod screen;

/// What a case measured, or why it does not hold.
#[cfg(target_os = "linux")]
type Outcome = Result<serde_json::Value, String>;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<std::process::ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => suite(),
        ["probe", address] => Ok(faults::probe(address)),
        ["tap", x, y] => screen::tap(x, y, "0"),
        ["tap", x, y, after_ms] => screen::tap(x, y, after_ms),
        _ => {
            eprintln!("usage: hardware-touch [tap X Y [AFTER_MS]]");
            Ok(std::process::ExitCode::from(2))
        }
    }
}

#[cfg(target_os = "linux")]
fn suite() -> std::io::Result<std::process::ExitCode> {
    let mut report = report::Report::create("touch")?;
    let cases: &[(&str, fn() -> Outcome)] = &[
        ("touch:auto finds the screen and its size", contacts::auto),
        ("two fingers in slots", contacts::two_fingers),
        ("a slot is used again, unchanged values are omitted", contacts::slot_reuse),
        ("kernel time is the monotonic clock's", contacts::kernel_time),
        ("rotation and calibration", contacts::rotation),
        ("single touch", contacts::single_touch),
        ("a pen touches, hovering does not", contacts::pen),
        ("a mouse points with its left button", contacts::mouse),
        ("grabbed or shared", contacts::grab),
        ("the kernel's buffer overflows", faults::overflow),
        ("unplugged, and back under another node", faults::unplug),
        ("missing, forbidden, no touch device", faults::refusals),
        ("gestures end to end", gestures::gestures),
    ];
    for (name, case) in cases {
        report.case(name, case())?;
    }
    report.finish()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
