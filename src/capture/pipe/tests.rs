use super::*;
use crate::capture::{Source, SourceEvent, Step};
use crate::error::ConfigError;
use crate::frame::Frame;
use crate::time::MonotonicClock;

fn parsed(place: &str) -> Result<Pipe, AddressError> {
    Pipe::parse(place)
}

#[test]
fn commands_are_split_as_a_shell_would_and_options_are_their_own() {
    let words = |place: &str| parsed(place).unwrap().command;
    let of = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    assert_eq!(words("cam -o - 'a b' \"c d\""), of(&["cam", "-o", "-", "a b", "c d"]));
    assert_eq!(words("curl http://cam/s?res=5"), of(&["curl", "http://cam/s?res=5"]));
    assert_eq!(words("curl http://cam/s?size=5?"), of(&["curl", "http://cam/s?size=5"]));
    assert_eq!(words("curl http://cam/s?a=b?fps=5"), of(&["curl", "http://cam/s?a=b"]));
    assert_eq!(words("a | b > c?shell=true"), of(&["sh", "-c", "a | b > c"]));
    assert_eq!(words("-"), None);
    assert_eq!(parsed("cam?format=mjpeg").unwrap().format(), StreamFormat::Mjpeg);
    let raw = parsed("-?format=nv12&size=640x480&fps=15&stride=704&colors=bt709&range=full").unwrap();
    assert_eq!((raw.kind, raw.size, raw.fps), (Kind::Raw(PixelFormat::Nv12), Some(Size::new(640, 480)), Some(15.0)));
    let StreamFormat::Raw(layout) = raw.format() else { panic!("{raw:?}") };
    assert_eq!((layout.stride, layout.colorimetry.range), (Some(704), ColorRange::Full));
}

#[test]
fn wrong_addresses_say_what_is_right() {
    let rows = [
        ("pipe:", "pipe:COMMAND"),
        ("pipe", "pipe:COMMAND"),
        ("pipe: ?fps=5", "pipe:COMMAND"),
        ("pipe:cam 'x", "quote"),
        ("pipe:a | b", "shell=true"),
        ("pipe:cam?format=h264", "y4m"),
        ("pipe:cam?format=nv12", "size=640x480"),
        ("pipe:cam?format=nv12&size=640", "640x480"),
        ("pipe:cam?format=nv12&size=0x4", "sides"),
        ("pipe:cam?format=nv12&size=640x480&stride=5", "takes 640"),
        ("pipe:cam?size=640x480", "add their `format`"),
        ("pipe:cam?format=mjpeg&size=640x480", "add their `format`"),
        ("pipe:cam?fps=0", "above 0"),
        ("pipe:cam?fps=5&fromat=y4m", "did you mean `format`"),
        ("pipe:cam?timeout=-1", "above 0"),
    ];
    for (text, expected) in rows {
        let error = text.parse::<SourceAddress>().unwrap_err();
        assert!(matches!(error, ConfigError::Address { .. } | ConfigError::Invalid { .. }), "{text}: {error}");
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
}

fn opened(command: &str) -> Result<Box<dyn Source>> {
    let address: SourceAddress = format!("pipe:{command}").parse().unwrap();
    address.open(&SourceOptions::default(), Arc::new(MonotonicClock))
}

/// A script of the shell, which stops being one after its own question marks.
fn script(text: &str) -> Result<Box<dyn Source>> {
    opened(&format!("{text}?shell=true"))
}

const WAIT: Duration = Duration::from_millis(100);

/// Every frame's first byte until the source ends or `count` have come.
fn frames(source: &mut dyn Source, count: usize) -> Vec<u8> {
    let (mut frame, mut found) = (Frame::default(), Vec::new());
    for _ in 0..400 {
        match source.next_frame(&mut frame, WAIT).unwrap() {
            Step::Frame => {
                frame.check().unwrap();
                found.push(frame.data[0]);
                if found.len() == count {
                    break;
                }
            }
            Step::Idle => {}
            Step::End => return found,
        }
    }
    found
}

const HEADER: &str = r"printf 'YUV4MPEG2 W2 H2 F25:1\n'";

#[test]
fn frames_come_in_order_and_the_end_is_the_commands_own() {
    let one = r"printf 'FRAME\nabcdef'; sleep 0.2; printf 'FRAME\nbbbbbb'; sleep 0.2; printf 'FRAME\ncccccc'";
    let mut source = script(&format!("{HEADER}; {one}")).unwrap();
    assert_eq!(source.info().size, Size::new(2, 2));
    assert_eq!(frames(source.as_mut(), 9), b"abc");
    let mut frame = Frame::default();
    assert_eq!(source.next_frame(&mut frame, WAIT).unwrap(), Step::End);
    assert_eq!(source.take_event(), None);
}

#[test]
fn a_reader_that_is_late_gets_the_newest_and_the_command_is_never_held_up() {
    let many =
        "i=0; while [ $i -lt 300 ]; do printf 'FRAME\\nxxxxxx'; i=$((i+1)); done; printf 'FRAME\\nzzzzzz'; sleep 5";
    let mut source = script(&format!("{HEADER}; {many}")).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let mut frame = Frame::default();
    assert_eq!(source.next_frame(&mut frame, WAIT).unwrap(), Step::Frame);
    assert_eq!((frame.data[0], frame.sequence), (b'z', 0));
    assert_eq!(
        source.take_event(),
        Some(SourceEvent::Dropped { count: 300, reason: "a newer image was there already".into() })
    );
}

#[test]
fn a_command_that_dies_is_started_again_and_its_last_words_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("second").display().to_string();
    let body = format!(
        r"{HEADER}; printf 'FRAME\naaaaaa'; if [ -e {mark} ]; then sleep 0.3; printf 'FRAME\nbbbbbb'; exit 0; fi; touch {mark}; echo no light >&2; exit 3"
    );
    let mut source = script(&body).unwrap();
    assert_eq!(frames(source.as_mut(), 3), b"aab");
    let Some(SourceEvent::Lost { reason, count: 1 }) = source.take_event() else { panic!("no loss") };
    assert!(reason.contains("exit status: 3") && reason.contains("no light"), "{reason}");
    assert!(matches!(source.take_event(), Some(SourceEvent::Reopened { .. })));
}

#[test]
fn a_command_that_falls_silent_is_started_again() {
    let body = format!(r"{HEADER}; printf 'FRAME\naaaaaa'; echo stuck >&2; sleep 100");
    let mut source = opened(&format!("{body}?shell=true&timeout=0.5")).unwrap();
    assert_eq!(frames(source.as_mut(), 3), b"aaa");
    let Some(SourceEvent::Lost { reason, .. }) = source.take_event() else { panic!("no loss") };
    assert!(reason.contains("no image") && reason.contains("stuck"), "{reason}");
}

#[test]
fn what_gives_no_frame_is_refused_with_the_reason() {
    let rows = [
        (opened("/no/such/camera"), "no program `/no/such/camera`"),
        (opened("/etc/hostname"), "is it a program"),
        (opened("/dev/null"), "is it a program"),
        (script("echo no camera here >&2; exit 2"), "no camera here"),
        (script("true"), "sends nothing"),
        (script("printf 'RIFF....'"), "format=nv12"),
        (script(&format!(r"{HEADER}; printf 'FRAME\nab'")), "ends within a frame"),
        (script("printf 'YUV4MPEG2 W2 H2 C444\\n'"), "yuv420p"),
    ];
    for (source, expected) in rows {
        let error = source.err().unwrap().to_string();
        assert!(error.contains(expected) && error.starts_with("pipe:"), "{error}");
    }
}

#[test]
fn frames_without_headers_are_read_by_their_layout() {
    let mut source = opened("printf abcdefgh?format=gray&size=2x2&stride=4&fps=5").unwrap();
    assert_eq!((source.info().rate, source.info().format), (Some(5.0), PixelFormat::Grey));
    let mut frame = Frame::default();
    assert_eq!(source.next_frame(&mut frame, WAIT).unwrap(), Step::Frame);
    assert_eq!(frame.data, b"abef");
}
