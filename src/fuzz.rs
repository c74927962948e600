//! One function for each parser of outside data, from bytes that anybody may have sent: what the fuzz targets in `fuzz/`
//! call. A panic, an abort or a wait without end is a finding; an error is not.
//!
//! The module exists in tests and under `--cfg fuzzing` only. In tests every seed and every past finding goes through the same
//! functions.

mod images;
mod messages;
mod models;
mod recordings;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use crate::input::gaze_fuzz::{calibration, gaze_lines, phone_status, rtp, rtsp, sdp};
pub use images::{frame_stream, mask_file, mjpeg, photo, rle};
#[cfg(feature = "console")]
pub use messages::console_message;
pub use messages::{addresses, board, poses, script};
pub use models::{manifest, model, quantize};
pub use recordings::{
    recording_invisible, recording_mobile_mapping, recording_neon, recording_pupil_cloud, recording_pupil_core,
    run_recording,
};

/// A fuzz target: the name of its file in `fuzz/fuzz_targets`, and what it calls.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("addresses", addresses),
    ("board", board),
    ("calibration", calibration),
    #[cfg(feature = "console")]
    ("console_message", console_message),
    ("frame_stream", frame_stream),
    ("gaze_lines", gaze_lines),
    ("manifest", manifest),
    ("mask_file", mask_file),
    ("mjpeg", mjpeg),
    ("model", model),
    ("phone_status", phone_status),
    ("photo", photo),
    ("poses", poses),
    ("quantize", quantize),
    ("recording_invisible", recording_invisible),
    ("recording_mobile_mapping", recording_mobile_mapping),
    ("recording_neon", recording_neon),
    ("recording_pupil_cloud", recording_pupil_cloud),
    ("recording_pupil_core", recording_pupil_core),
    ("rle", rle),
    ("rtp", rtp),
    ("rtsp", rtsp),
    ("run_recording", run_recording),
    ("script", script),
    ("sdp", sdp),
];

/// Lets panics of the engine's libraries pass, which are caught and reported as errors of the model. A panic of our own code
/// still ends the program, though it would be caught too.
pub fn let_libraries_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let ours = |file: &str| !file.contains("/registry/") && !file.contains("/rustc/");
        if panic.location().is_none_or(|location| ours(location.file())) {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

/// Between the files that one input stands for.
const NEXT_FILE: &[u8] = b"\n--8<--\n";

/// A folder for parsers that read files. It is removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Writes the files that `data` stands for, separated by the line `--8<--`, under `names` in their order.
    ///
    /// # Panics
    /// If the temporary folder cannot be written.
    pub fn of(data: &[u8], names: &[&str]) -> Folder {
        use std::sync::atomic::{AtomicU64, Ordering};
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Folder(std::env::temp_dir().join(format!("foveate-fuzz-{}-{number}", std::process::id())));
        std::fs::create_dir_all(&folder.0).expect("the temporary folder takes folders");
        let mut rest = data;
        for name in names {
            let at = rest.windows(NEXT_FILE.len()).position(|window| window == NEXT_FILE);
            let (content, after) = match at {
                Some(at) => (&rest[..at], Some(&rest[at + NEXT_FILE.len()..])),
                None => (rest, None),
            };
            std::fs::write(folder.0.join(name), content).expect("the temporary folder takes files");
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
        folder
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
