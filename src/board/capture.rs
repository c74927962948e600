use serde::{Deserialize, Serialize};

use crate::capture::{Controls, Hdr, Setting, SourceAddress, SourceOptions};
use crate::error::ConfigError;
use crate::frame::PixelFormat;
use crate::geometry::Size;

/// The board's camera, and what to ask of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Capture {
    /// The address of the board's own camera.
    source: Option<String>,
    /// Width and height in pixels.
    size: [u32; 2],
    /// Frames per second.
    fps: f64,
    format: Option<PixelFormat>,
    hflip: Option<bool>,
    vflip: Option<bool>,
    hdr: Option<Hdr>,
    /// Takes JPEG images that lack their end marker.
    mjpeg_without_end_marker: bool,
    controls: Controls,
}

impl Default for Capture {
    fn default() -> Self {
        let Size { width, height } = SourceOptions::DEFAULT_SIZE;
        Capture {
            source: None,
            size: [width, height],
            fps: SourceOptions::DEFAULT_FPS,
            format: None,
            hflip: None,
            vflip: None,
            hdr: None,
            mjpeg_without_end_marker: false,
            controls: Controls::default(),
        }
    }
}

impl Capture {
    /// Whether each value is in its range, its key, and what is allowed.
    pub(super) fn rules(&self) -> [(bool, &'static str, &'static str); 5] {
        let side = |side: u32| (16..=8192).contains(&side);
        let within = |setting: Option<Setting>, low: i32, high: i32| match setting {
            Some(Setting::Value(value)) => (low..=high).contains(&value),
            Some(Setting::Auto) | None => true,
        };
        let Controls { exposure, white_balance, .. } = self.controls;
        [
            (self.size.into_iter().all(side), "capture.size", "two sides of 16 to 8192 pixels"),
            (self.fps > 0.0 && self.fps <= 1000.0, "capture.fps", "a number above 0 and at most 1000"),
            (within(exposure, 100, 10_000_000), "capture.controls.exposure", "\"auto\" or 100 to 10000000"),
            (within(white_balance, 1000, 20_000), "capture.controls.white_balance", "\"auto\" or 1000 to 20000"),
            // A profile may name a camera that another build can open: that is told when it is to be opened.
            (
                matches!(self.source(), Ok(_) | Err(ConfigError::NotInBuild { .. })),
                "capture.source",
                "an address as `--source` takes it",
            ),
        ]
    }

    /// The board's own camera, if it is named.
    ///
    /// # Errors
    /// [`ConfigError::NotInBuild`] for one that this build cannot open; others only before [`Self::rules`] are checked.
    pub(super) fn source(&self) -> Result<Option<SourceAddress>, ConfigError> {
        self.source.as_deref().map(str::parse).transpose()
    }

    /// What to ask of a source whose decoding may take `max_memory` bytes.
    pub(super) fn options(&self, max_memory: Option<u64>) -> SourceOptions {
        let [width, height] = self.size;
        SourceOptions {
            fps: Some(self.fps),
            looped: false,
            size: Some(Size::new(width, height)),
            format: self.format,
            every_frame: false,
            hflip: self.hflip,
            vflip: self.vflip,
            hdr: self.hdr,
            controls: self.controls.clone(),
            mjpeg_without_end_marker: self.mjpeg_without_end_marker,
            max_memory,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Board;
    use super::*;

    fn board(capture: &str) -> Result<Board, ConfigError> {
        Board::parse(&format!("name = \"x\"\nmodel = \"m\"\n[capture]\n{capture}"), "board.toml")
    }

    #[test]
    fn how_a_camera_is_mounted_reaches_what_opens_it() {
        let options = board("hflip = true\nvflip = false\nhdr = \"single-exp\"").unwrap().source_options();
        assert_eq!((options.hflip, options.vflip, options.hdr), (Some(true), Some(false), Some(Hdr::SingleExp)));
        let options = board("").unwrap().source_options();
        assert_eq!((options.hflip, options.vflip, options.hdr), (None, None, None));
        for wrong in ["hflip = 1", "hdr = \"max\"", "hdr = true"] {
            assert!(matches!(board(wrong), Err(ConfigError::Invalid { .. })), "{wrong}");
        }
    }

    #[test]
    fn the_boards_own_camera_is_checked_and_may_need_another_build() {
        let address = |text: &str| board(&format!("source = \"{text}\"")).unwrap().source();
        assert_eq!(board("").unwrap().source(), Ok(None));
        assert_eq!(address("rpicam:1?hflip=true").unwrap().unwrap().to_string(), "rpicam:1?hflip=true");
        for wrong in ["camera", "rpicam:front", "rpicam?flip=true", ""] {
            let error = board(&format!("source = \"{wrong}\"")).unwrap_err().to_string();
            assert!(error.contains("capture.source"), "{wrong}: {error}");
        }
        match address("csi") {
            Ok(Some(csi)) => assert_eq!(csi.to_string(), "csi"),
            other => assert!(other.unwrap_err().to_string().contains("feature `gstreamer`")),
        }
    }

    #[test]
    fn boards_with_a_camera_connector_of_their_own_name_its_camera() {
        for (name, expected) in
            [("raspberry-pi-5", "rpicam"), ("raspberry-pi-4", "rpicam"), ("jetson-orin-nano", "csi")]
        {
            let named = Board::bundled(name).unwrap().source();
            let is_named = match named {
                Ok(address) => address.is_some_and(|address| address.to_string() == expected),
                Err(error) => error.to_string().contains(expected),
            };
            assert!(is_named, "{name}");
        }
        assert_eq!(Board::bundled("generic-x86_64").unwrap().source(), Ok(None));
    }
}
