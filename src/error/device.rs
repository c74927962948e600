/// Why a device was refused or lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// There is no such device.
    #[error("{device}: no such device: `foveate doctor` lists the devices there are")]
    Missing {
        /// The device's path, address or name.
        device: String,
    },
    /// The user may not open the device.
    #[error("{device}: no permission: add your user to the `video` and `input` groups and log in again")]
    Permission {
        /// The device's path, address or name.
        device: String,
    },
    /// Another program has the device.
    #[error("{device}: busy: another program holds it; close that program or choose another device")]
    Busy {
        /// The device's path, address or name.
        device: String,
    },
    /// The device does not offer what is needed.
    #[error("{device}: {reason}: `foveate doctor` shows what the device offers")]
    Unsupported {
        /// The device's path, address or name.
        device: String,
        /// What it lacks.
        reason: String,
    },
    /// A device that pictures are written to takes none.
    #[error("{device}: {reason}: {remedy}")]
    Output {
        /// The device's path.
        device: String,
        /// What is wrong.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// A virtual camera shows nothing, because no program writes to it.
    #[error(
        "{device}: an idle virtual camera ({kind}), no program writes to it: start the one that does, such as OBS or \
         `ffmpeg -re -i VIDEO -f v4l2 {device}`, or choose another camera"
    )]
    IdleVirtual {
        /// The device's path.
        device: String,
        /// What kind of virtual camera it is.
        kind: &'static str,
    },
    /// A device in the network does not answer.
    #[error(
        "{device}: not reachable ({reason}): check that it runs, its address, and that this machine is in its network"
    )]
    Unreachable {
        /// The device's path, address or name.
        device: String,
        /// What the connection failed with.
        reason: String,
    },
    /// A device that worked went away.
    #[error("{device}: lost ({reason}): check the cable and power; the stream is reopened while it runs")]
    Lost {
        /// The device's path, address or name.
        device: String,
        /// What was seen of it last.
        reason: String,
    },
    /// A program that gives frames does not.
    #[error("{device}: {reason}")]
    Program {
        /// The source's address.
        device: String,
        /// What is wrong, with the program's own last words.
        reason: String,
    },
}
