use std::path::Path;

use super::*;

const SIZE: Size = Size::new(8, 4);
const LONG: Duration = Duration::from_secs(20);

/// A stream to what a shell does with it; `$SIZE` is that of the pictures.
fn to_shell(script: &str, folder: &Path) -> LiveOutput {
    let (script, folder) = (script.to_owned(), folder.to_path_buf());
    let make = move |size: Size| {
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(&folder).env("SIZE", format!("{}x{}", size.width, size.height));
        Ok(command)
    };
    LiveOutput::start("rtsp://host/live".into(), Box::new(make)).unwrap()
}

/// Sends a picture every 10 ms until `done` says so.
fn send_until(output: &mut LiveOutput, size: Size, mut done: impl FnMut(&LiveOutput) -> bool) {
    let (began, mut rgb) = (Instant::now(), Vec::new());
    while !done(output) {
        assert!(began.elapsed() < LONG, "it goes on and on");
        rgb.resize(size.area() * 3, 7);
        output.send(&mut rgb, size, began.elapsed().as_secs_f64());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn pictures_reach_the_program_and_the_last_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut output = to_shell("cat > got", dir.path());
    let mut sent = 0;
    send_until(&mut output, SIZE, |_| {
        sent += 1;
        sent > 5
    });
    output.send(&mut vec![9; SIZE.area() * 3], SIZE, 1.0);
    output.finish().unwrap();
    let got = std::fs::read(dir.path().join("got")).unwrap();
    assert!(got.ends_with(&[9; 96]) && got.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]));
}

#[test]
fn a_program_that_fails_is_told_once_and_tried_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut output = to_shell("echo $SIZE >> tries; echo rtsp://me:secret@host refused >&2; exit 3", dir.path());
    let tries = dir.path().join("tries");
    let mut told = Vec::new();
    let began = Instant::now();
    send_until(&mut output, SIZE, |output| {
        told.extend(output.check().err().map(|e| e.to_string()));
        lines(&tries).len() >= 4
    });
    // 0.1, 0.2 and 0.4 s between four tries.
    assert!(began.elapsed() > Duration::from_millis(600), "{:?}", began.elapsed());
    assert!(told.len() == 1 && told[0].contains("refused") && !told[0].contains("secret"), "{told:?}");
    let closing = Instant::now();
    drop(output);
    assert!(closing.elapsed() < Duration::from_secs(3), "{:?}", closing.elapsed());
}

#[test]
fn a_program_that_takes_nothing_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    // More than a pipe holds.
    let size = Size::new(640, 480);
    let mut output = to_shell("echo $SIZE >> tries; exec sleep 60", dir.path());
    let mut told = Vec::new();
    let mut longest = Duration::ZERO;
    let mut before = Instant::now();
    send_until(&mut output, size, |output| {
        longest = longest.max(before.elapsed());
        before = Instant::now();
        told.extend(output.check().err().map(|e| e.to_string()));
        lines(&dir.path().join("tries")).len() >= 2
    });
    assert!(told.len() == 1 && told[0].contains("no picture was taken for 5 s"), "{told:?}");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    let closing = Instant::now();
    output.finish().unwrap();
    assert!(closing.elapsed() < Duration::from_secs(4), "{:?}", closing.elapsed());
}

#[test]
fn pictures_of_another_size_begin_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut output = to_shell("echo $SIZE >> tries; cat > /dev/null", dir.path());
    let tries = dir.path().join("tries");
    send_until(&mut output, SIZE, |_| lines(&tries) == ["8x4"]);
    send_until(&mut output, Size::new(4, 8), |_| lines(&tries).len() == 2);
    assert_eq!(lines(&tries), ["8x4", "4x8"]);
    output.finish().unwrap();
}

#[test]
fn nothing_is_started_without_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let mut output = to_shell("touch started", dir.path());
    output.finish().unwrap();
    assert!(!dir.path().join("started").exists());
}
