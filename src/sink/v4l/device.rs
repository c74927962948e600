use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::encode::{encode, even};
use crate::error::DeviceError;
use crate::frame::PixelFormat;
use crate::geometry::Size;
use crate::v4l2::{LOOPBACK, Node, OutputLayout, device_error, fourcc};

/// The formats that are written, by V4L2's codes, the one first that browsers and conferencing programs take from a camera.
const FORMATS: [(u32, PixelFormat); 3] =
    [(fourcc(b"YUYV"), PixelFormat::Yuyv), (fourcc(b"YU12"), PixelFormat::I420), (fourcc(b"RGB3"), PixelFormat::Rgb24)];

/// How long a driver may have no room for a picture. v4l2loopback always has.
const PATIENCE: Duration = Duration::from_millis(100);
/// Time between two tries to hand over a picture.
const LOOK: Duration = Duration::from_millis(2);

/// A video device that pictures are written to. It takes the format and size of the first one; for those of another size, and once
/// a write has failed, it is opened again.
#[derive(Debug)]
pub(super) struct OutputDevice {
    path: PathBuf,
    node: Option<Node>,
    target: Option<Target>,
    encoded: Vec<u8>,
}

/// How pictures of one size are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    size: Size,
    format: PixelFormat,
    stride: usize,
}

impl OutputDevice {
    /// Opens the device at `path`.
    ///
    /// # Errors
    /// There is none, it may not be opened, it takes no pictures, or another program writes to it.
    pub(super) fn open(path: &Path) -> Result<Self, DeviceError> {
        let node = open_node(path)?;
        check(path, &node)?;
        Ok(OutputDevice { path: path.to_path_buf(), node: Some(node), target: None, encoded: Vec::new() })
    }

    /// Writes a picture of RGB of `size`, rows from top to bottom without padding.
    ///
    /// # Errors
    /// The device is gone, or takes no such pictures: the next one tries again.
    pub(super) fn write(&mut self, rgb: &[u8], size: Size) -> Result<(), DeviceError> {
        let written = self.try_write(rgb, size);
        if written.is_err() {
            // The driver lets go of the format with the last that has it open.
            (self.node, self.target) = (None, None);
        }
        written
    }

    fn try_write(&mut self, rgb: &[u8], size: Size) -> Result<(), DeviceError> {
        if self.target.is_some_and(|target| target.size != size) {
            (self.node, self.target) = (None, None);
        }
        let node = match &mut self.node {
            Some(node) => node,
            none => none.insert(open_node(&self.path)?),
        };
        let target = match self.target {
            Some(target) => target,
            None => *self.target.insert(agree(&self.path, node, size)?),
        };
        encode(rgb, size, target.format, target.stride, &mut self.encoded);
        hand_over(&self.path, node, &self.encoded)
    }
}

fn open_node(path: &Path) -> Result<Node, DeviceError> {
    Node::open(path).map_err(|e| match e.raw_os_error() {
        Some(libc::ENOENT | libc::ENXIO | libc::ENODEV) => {
            no_output(path, "no such device".into(), make_one(number(path)))
        }
        Some(libc::ENOTTY | libc::EINVAL) => no_output(path, "no video device".into(), make_one(None)),
        _ => device_error(path, "open it", &e),
    })
}

/// Refuses devices that take no pictures.
fn check(path: &Path, node: &Node) -> Result<(), DeviceError> {
    let capability = node.capability();
    let (takes, gives) = (capability.takes_images(), capability.captures_images());
    match capability.virtual_kind() {
        _ if takes => Ok(()),
        // With `exclusive_caps=1` it is a camera only while a program writes to it; one that left without a word may leave it
        // neither a camera nor an output, and it is written to all the same.
        Some(LOOPBACK) if gives => Err(DeviceError::Busy { device: path.display().to_string() }),
        Some(LOOPBACK) => Ok(()),
        _ if gives => {
            Err(no_output(path, format!("{} is a camera, it takes no pictures", capability.card), make_one(None)))
        }
        _ => Err(no_output(path, format!("{} takes no pictures", capability.card), make_one(None))),
    }
}

/// Lets the driver take pictures of `size`, in the first of [`FORMATS`] that it does.
fn agree(path: &Path, node: &Node, size: Size) -> Result<Target, DeviceError> {
    let even = even(size);
    let mut refused = None;
    for (code, format) in FORMATS {
        match node.set_output_format(code, even) {
            Ok(answer) => match target(&answer, size) {
                Ok(target) => {
                    if node.capability().virtual_kind() == Some(LOOPBACK) {
                        node.announce_writer();
                    }
                    return Ok(target);
                }
                Err(reason) => drop(refused.get_or_insert(reason)),
            },
            // It cannot change what a program that has it open was promised.
            Err(e) if e.raw_os_error() == Some(libc::EBUSY) => {
                return Err(held(path, "a program that has it open holds its format".into()));
            }
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => {
                let reason = format!("it does not take {}x{} {format} now", even.width, even.height);
                refused.get_or_insert(reason);
            }
            Err(e) => return Err(lost(path, "set the format (VIDIOC_S_FMT)", &e)),
        }
    }
    Err(held(path, refused.unwrap_or_default()))
}

/// How pictures of `size` are written to a driver that answers so.
///
/// # Errors
/// What it takes instead, or why it cannot be.
fn target(answer: &OutputLayout, size: Size) -> Result<Target, String> {
    let (even, given) = (even(size), answer.size);
    let Some((_, format)) = FORMATS.iter().find(|(code, _)| *code == answer.fourcc) else {
        let names: Vec<_> = FORMATS.iter().map(|(_, format)| format.name()).collect();
        let code = String::from_utf8_lossy(&answer.fourcc.to_le_bytes()).trim().to_owned();
        return Err(format!("it takes {code}, none of {}", names.join(", ")));
    };
    if given != even {
        return Err(format!(
            "it takes pictures of {}x{} pixels now, these have {}x{}",
            given.width, given.height, even.width, even.height
        ));
    }
    let least = format.min_stride(even.width);
    // Some drivers leave the length of a row open.
    let stride = if answer.stride == 0 { least } else { answer.stride };
    let needed = format.buffer_len(even, stride);
    if stride < least || answer.bytes < needed {
        let (row, all, Size { width, height }) = (answer.stride, answer.bytes, even);
        return Err(format!("it states {row} bytes a row and {all} a picture, too few for {width}x{height} {format}"));
    }
    Ok(Target { size, format: *format, stride })
}

fn hand_over(path: &Path, node: &Node, picture: &[u8]) -> Result<(), DeviceError> {
    let began = Instant::now();
    loop {
        match node.write(picture) {
            Ok(taken) if taken == picture.len() => return Ok(()),
            Ok(taken) => {
                let reason = format!("it took {taken} of {} bytes", picture.len());
                return Err(no_output(path, reason, "it is opened again for the next picture".into()));
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && began.elapsed() < PATIENCE => std::thread::sleep(LOOK),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let reason = format!("it had no room for a picture for {} ms", PATIENCE.as_millis());
                return Err(no_output(path, reason, "check the program that reads it".into()));
            }
            Err(e) => return Err(lost(path, "write a picture", &e)),
        }
    }
}

/// What an error of the system means for a device that was open.
fn lost(path: &Path, doing: &str, error: &io::Error) -> DeviceError {
    let reason = match error.raw_os_error() {
        Some(libc::ENODEV | libc::ENXIO) => "it went away".to_owned(),
        _ => format!("cannot {doing}: {error}"),
    };
    no_output(path, reason, "it is opened again for the next picture".into())
}

fn held(path: &Path, reason: String) -> DeviceError {
    no_output(path, reason, "close the program that reads it or writes to it, or give another device".into())
}

fn no_output(path: &Path, reason: String, remedy: String) -> DeviceError {
    DeviceError::Output { device: path.display().to_string(), reason, remedy }
}

/// Which of the system's video devices a path names.
fn number(path: &Path) -> Option<u32> {
    path.to_str()?.strip_prefix("/dev/video")?.parse().ok()
}

/// How a virtual camera is made, of that number if it is to have one.
fn make_one(number: Option<u32>) -> String {
    let number = number.map(|number| format!(" video_nr={number}")).unwrap_or_default();
    format!(
        "make a virtual camera with `sudo modprobe v4l2loopback{number} exclusive_caps=1 card_label=foveate` (Debian, Raspberry \
         Pi OS, Ubuntu: sudo apt install v4l2loopback-dkms), or give another device"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: &[u8; 4], size: Size, stride: usize, bytes: usize) -> OutputLayout {
        OutputLayout { fourcc: fourcc(code), size, stride, bytes }
    }

    #[test]
    fn answers_of_drivers_are_taken_or_told() {
        let (size, odd) = (Size::new(640, 480), Size::new(639, 479));
        type Expected = Result<(PixelFormat, usize), &'static str>;
        let rows: [(OutputLayout, Size, Expected); 9] = [
            (answer(b"YUYV", size, 1280, 614_400), size, Ok((PixelFormat::Yuyv, 1280))),
            (answer(b"YUYV", size, 1280, 614_400), odd, Ok((PixelFormat::Yuyv, 1280))),
            (answer(b"YUYV", size, 1408, 675_840), size, Ok((PixelFormat::Yuyv, 1408))),
            (answer(b"YUYV", size, 0, 618_496), size, Ok((PixelFormat::Yuyv, 1280))),
            // Another format than was asked for, of those that are written.
            (answer(b"YU12", size, 640, 460_800), size, Ok((PixelFormat::I420, 640))),
            (answer(b"YUYV", Size::new(320, 240), 640, 153_600), size, Err("320x240")),
            (answer(b"MJPG", size, 0, 614_400), size, Err("MJPG")),
            (answer(b"YUYV", size, 1279, 614_400), size, Err("1279 bytes a row")),
            (answer(b"YUYV", size, 1280, 1000), size, Err("1000 a picture")),
        ];
        for (answer, size, expected) in rows {
            match (target(&answer, size), expected) {
                (Ok(target), Ok(expected)) => {
                    assert_eq!((target.format, target.stride, target.size), (expected.0, expected.1, size))
                }
                (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason}"),
                (found, _) => panic!("{answer:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_device_that_was_open_and_is_gone_says_so() {
        let told =
            |code| lost(Path::new("/dev/video7"), "write a picture", &io::Error::from_raw_os_error(code)).to_string();
        assert!(told(libc::ENODEV).contains("it went away") && told(libc::ENODEV).contains("opened again"));
        assert!(told(libc::EIO).contains("cannot write a picture"));
    }

    #[test]
    fn what_is_no_output_says_how_one_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let missing = OutputDevice::open(&dir.path().join("video3")).unwrap_err().to_string();
        assert!(missing.contains("no such device") && missing.contains("modprobe v4l2loopback exclusive"), "{missing}");
        let file = dir.path().join("file");
        std::fs::write(&file, "no device").unwrap();
        let plain = OutputDevice::open(&file).unwrap_err().to_string();
        assert!(plain.contains("no video device"), "{plain}");
        assert_eq!(std::fs::read(&file).unwrap(), b"no device");
        assert!(make_one(number(Path::new("/dev/video7"))).contains("video_nr=7"));
    }
}
