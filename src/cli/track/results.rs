//! What is written of each frame: its mask, the frame with the mask drawn over it, the object cut out of it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded};
use image::ExtendedColorType;

use crate::error::Error;
use crate::frame::{self, Frame};
use crate::geometry::Letterbox;
use crate::mask::file::{mask_name, write_image, write_mask_of};
use crate::mask::{LowResLogits, Mask, cut_out, matte};
use crate::record::FrameRecord;
use crate::sink::{OverlayOptions, OverlaySink, Sink, VideoOptions, VideoSink};
use crate::video::{Clip, ClipOutput, Pixels, can_be_written};

use super::super::output::make_folder;

/// Where an output goes, by its name.
pub enum Target {
    Video(PathBuf),
    Folder(PathBuf),
}

impl Target {
    /// A video if the name ends as one, else a folder.
    ///
    /// # Errors
    /// A name that ends otherwise and is no folder, a video that cannot hold `pixels`, no ffmpeg.
    pub fn of(path: &Path, pixels: Pixels) -> Result<Target, Error> {
        if path.is_dir() || (path.extension().is_none() && !path.is_file()) {
            return Ok(Target::Folder(path.to_path_buf()));
        }
        // The refusal of a name of neither says which names there are.
        can_be_written(path, pixels)?;
        Ok(Target::Video(path.to_path_buf()))
    }
}

/// One frame's results.
pub struct Found {
    pub frame: Arc<Frame>,
    /// The name of its files.
    pub name: PathBuf,
    pub mask: Mask,
    pub logits: Option<(LowResLogits, Letterbox)>,
    /// To be drawn.
    pub record: FrameRecord,
}

/// What is known of the frames before the first.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// Frames a second, if stated.
    pub rate: Option<f64>,
    /// The video whose sound is kept.
    pub clip: Option<&'a Clip>,
}

/// Everything that is written.
#[derive(Default)]
pub struct Results {
    masks: Option<PathBuf>,
    overlay: Option<Overlay>,
    cutouts: Vec<Cutouts>,
    /// Hold the folders for this run alone.
    claims: Vec<Option<File>>,
}

enum Overlay {
    Video(Box<VideoSink>),
    Images(Box<OverlaySink>),
}

impl Results {
    /// Masks go into this folder.
    pub fn add_masks(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.claims.push(make_folder(folder)?);
        self.masks = Some(folder.to_path_buf());
        Ok(())
    }

    /// Frames with the mask drawn over them go there.
    pub fn add_overlay(&mut self, target: Target, about: About) -> anyhow::Result<()> {
        self.overlay = Some(match target {
            Target::Folder(folder) => {
                Overlay::Images(Box::new(OverlaySink::create(&folder, OverlayOptions::default())?))
            }
            Target::Video(path) => {
                let sink = VideoSink::create(&path, VideoOptions::default())?;
                Overlay::Video(Box::new(sink.for_clip(about.rate, about.clip.cloned())))
            }
        });
        Ok(())
    }

    /// The object alone goes there, transparent around it, or only its opacity in grey.
    pub fn add_cutouts(&mut self, target: Target, kind: Cut, about: About) -> anyhow::Result<()> {
        let place = match target {
            Target::Folder(folder) => {
                self.claims.push(make_folder(&folder)?);
                Place::Folder(folder)
            }
            Target::Video(path) => {
                let output = ClipOutput::new(&path, kind.pixels())?;
                Place::Video(Box::new(output.with_rate(about.rate).with_sound(about.clip.cloned())))
            }
        };
        self.cutouts.push(Cutouts { place, kind, opacity: Vec::new(), rgb: Vec::new(), pixels: Vec::new() });
        Ok(())
    }

    /// Writes on a thread of its own, beside which the next frame is followed.
    pub fn start(mut self) -> anyhow::Result<Writing> {
        let (queue, frames) = bounded::<Found>(AHEAD);
        let write = move || {
            frames.iter().try_for_each(|found| self.write(&found))?;
            self.finish()
        };
        Ok(Writing { queue, thread: std::thread::Builder::new().name("results".into()).spawn(write)? })
    }

    /// Writes what was found on a frame.
    fn write(&mut self, found: &Found) -> Result<(), Error> {
        if let Some(folder) = &self.masks {
            write_mask_of(&found.name, &found.mask, folder)?;
        }
        match &mut self.overlay {
            Some(Overlay::Video(sink)) => sink.frame(&found.record)?,
            Some(Overlay::Images(sink)) => sink.frame(&found.record)?,
            None => {}
        }
        self.cutouts.iter_mut().try_for_each(|cutouts| cutouts.write(found))
    }

    /// Waits until all is written.
    fn finish(mut self) -> Result<(), Error> {
        if let Some(Overlay::Video(sink)) = &mut self.overlay {
            sink.close()?;
        }
        for cutouts in &mut self.cutouts {
            if let Place::Video(output) = &mut cutouts.place {
                output.finish()?;
            }
        }
        Ok(())
    }
}

/// Frames that wait to be written.
const AHEAD: usize = 4;

/// Results that are being written.
pub struct Writing {
    queue: Sender<Found>,
    thread: JoinHandle<Result<(), Error>>,
}

impl Writing {
    /// Has a frame's results written; false once writing failed, which [`Self::finish`] tells.
    pub fn send(&self, found: Found) -> bool {
        self.queue.send(found).is_ok()
    }

    /// Waits until all is written.
    pub fn finish(self) -> anyhow::Result<()> {
        drop(self.queue);
        match self.thread.join() {
            Ok(written) => Ok(written?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// What is kept of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its own colours, and how much each pixel belongs to it.
    Colours,
    /// The latter alone.
    Matte,
}

impl Cut {
    /// What a video of it holds.
    pub const fn pixels(self) -> Pixels {
        match self {
            Cut::Colours => Pixels::Rgba,
            Cut::Matte => Pixels::Rgb,
        }
    }
}

/// The object of every frame, cut out.
struct Cutouts {
    place: Place,
    kind: Cut,
    opacity: Vec<u8>,
    rgb: Vec<u8>,
    pixels: Vec<u8>,
}

/// Where they go.
enum Place {
    Video(Box<ClipOutput>),
    Folder(PathBuf),
}

impl Cutouts {
    fn write(&mut self, found: &Found) -> Result<(), Error> {
        let size = found.frame.size;
        matte(&found.mask, found.logits.as_ref().map(|(logits, on)| (logits, on)), &mut self.opacity);
        if self.kind == Cut::Colours {
            frame::to_rgb(&found.frame, &mut self.rgb)?;
            cut_out(&self.rgb, &self.opacity, size, &mut self.pixels);
        }
        match &mut self.place {
            Place::Folder(folder) => {
                let path = folder.join(mask_name(&found.name));
                match self.kind {
                    Cut::Matte => write_image(&path, &self.opacity, size, ExtendedColorType::L8),
                    Cut::Colours => write_image(&path, &self.pixels, size, ExtendedColorType::Rgba8),
                }
            }
            Place::Video(output) => {
                if self.kind == Cut::Matte {
                    self.pixels.clear();
                    self.pixels.extend(self.opacity.iter().flat_map(|opacity| [*opacity; 3]));
                }
                output.write(&self.pixels, size, found.record.time_s)
            }
        }
    }
}
