use std::path::PathBuf;

/// Why a video was refused, or what became of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// A program that reads and writes video is not installed.
    #[error(
        "`{program}` is not installed, which reads and writes video: install it (Debian, Raspberry Pi OS, Ubuntu: sudo apt \
         install ffmpeg; macOS: brew install ffmpeg), or give a folder of frames"
    )]
    NoProgram {
        /// The program's name.
        program: &'static str,
    },
    /// A file is no video that can be read.
    #[error("{}: not a readable video ({reason}): check that it plays, or convert it with `ffmpeg -i {} video.mp4`", .path.display(), .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file has sound and no pictures.
    #[error("{}: it has no pictures, only sound: give a video", .path.display())]
    OnlySound {
        /// The file.
        path: PathBuf,
    },
    /// No video of this kind is written.
    #[error("{}: {reason}", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to give instead.
        reason: String,
    },
    /// A live stream does not reach its server.
    #[error(
        "{address}: the stream cannot be sent ({reason}). Check that an RTSP server runs there which takes streams, its path and \
         its password; it is tried again until the stream ends"
    )]
    Unsent {
        /// The server's address, without a password.
        address: String,
        /// What the program that sends said last.
        reason: String,
    },
    /// The program that writes a video failed.
    #[error("{}: the video cannot be written ({reason}). Check the space on its disk; what was written until then may play", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What the program said last.
        reason: String,
    },
}
