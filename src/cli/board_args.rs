//! `--board` and the arguments that override it, for the commands that run a stream.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::board::{Board, ByteSize, Sensors};
use crate::engine::{Device, Precision};
use crate::geometry::Size;
use crate::model::{Installed, LoadedModel, ModelOptions, Registry};
use crate::pipeline::{Degrade, ModelVariants, PipelineConfig, Placement, StageCores};

use super::model_args::{DeviceChoice, PrecisionChoice, parse_size, parse_threads};
use super::outputs::Files;

/// The machine's profile, and what to do otherwise than it says.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Board and model")]
pub struct BoardArgs {
    /// `auto`, the name of a board, or a TOML file; `foveate doctor` shows what auto finds
    #[arg(long, value_name = "BOARD", default_value = "auto")]
    board: String,
    /// Another model than the board's
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Instead of the board's precision; auto takes what is fastest here of int8 where the model has it, f32, and f16 on the GPU
    #[arg(long, value_name = "auto|f32|f16|int8")]
    precision: Option<PrecisionChoice>,
    /// What the encoder runs on: the processor, or an NVIDIA GPU in a build with the feature `cuda`; auto takes the GPU where
    /// there is one and it is faster, in f16
    #[arg(long, value_name = "auto|cpu|cuda", default_value = "auto")]
    device: DeviceChoice,
    /// Threads of the encoder instead of the board's
    #[arg(long, value_name = "N", value_parser = parse_threads)]
    threads: Option<usize>,
    /// Encode at this size, for models that allow it; without it the input has the form of the frames
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    input_size: Option<Size>,
    /// Memory that frames and masks under way may take, such as 512M or 2G, instead of the board's: of large frames fewer are kept
    /// [default: a quarter of the machine's memory, at most 2G]
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<ByteSize>,
    /// A folder with a manifest.toml and model files, instead of the bundled ones
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

impl BoardArgs {
    /// What the arguments have read: a profile, and the models.
    pub fn files(&self) -> Files {
        let mut files = Files::default();
        files.reads("--board", [&self.board]).reads_models(self.models_dir.as_deref());
        files
    }

    /// The profile that the arguments name.
    pub fn board(&self) -> anyhow::Result<Board> {
        let mut board = Board::load(&self.board)?;
        let own = self.max_memory.or(board.max_memory);
        board.max_memory = Some(own.unwrap_or_else(|| ByteSize::for_streams(Path::new("/"))));
        Ok(board)
    }

    /// Loads the model that the board, or an argument, names for frames of the size `frame`, with its threads where the board
    /// wants the encoder.
    pub fn load(&self, board: &Board, frame: Size) -> anyhow::Result<LoadedModel> {
        let (installed, options) = (self.installed(board)?, self.options(board, frame));
        Ok(encoder_placement(board).run(|| installed.load(&options))?)
    }

    /// Loads another model than [`Self::load`] does, or the same in another precision.
    #[cfg(feature = "console")]
    pub fn load_instead(
        &self,
        board: &Board,
        frame: Size,
        model: &str,
        precision: Precision,
    ) -> anyhow::Result<LoadedModel> {
        let installed = self.registry()?.get(model)?.clone();
        let options = ModelOptions { precision: Some(precision), ..self.options(board, frame) };
        Ok(encoder_placement(board).run(|| installed.load(&options))?)
    }

    /// The models that are installed.
    pub(super) fn registry(&self) -> anyhow::Result<Registry> {
        Ok(Registry::discover(self.models_dir.as_deref())?)
    }

    /// What the board gives up when its budgets are exceeded, from `model` on, which [`Self::load`] loaded; `None` if it
    /// has no budgets, or the model no way down.
    pub fn degrade(&self, board: &Board, frame: Size, model: Arc<LoadedModel>) -> anyhow::Result<Option<Degrade>> {
        let mut budgets = board.budgets.clone();
        if self.device.0 == Some(Device::Cuda) {
            // A rung of integers would fail on the GPU that was asked for.
            budgets.ladder.retain(|rung| rung.precision != Some(Precision::Int8));
        }
        if budgets.ladder.is_empty() {
            return Ok(None);
        }
        let variants = ModelVariants::new(model, self.options(board, frame), encoder_placement(board));
        let (ladder, left_out) = variants.ladder(1, &budgets.ladder);
        for (rung, reason) in left_out {
            tracing::warn!("rung {rung} of the board's ladder is left out: {reason}");
        }
        let (variants, thermometer) = (Box::new(variants), Box::new(Sensors::new("/")));
        Ok((ladder.last() > 0).then_some(Degrade { budgets, ladder, variants, thermometer }))
    }

    fn installed(&self, board: &Board) -> anyhow::Result<Installed> {
        let name = self.model.as_deref().unwrap_or(&board.model);
        Ok(self.registry()?.get(name)?.clone())
    }

    fn options(&self, board: &Board, frame: Size) -> ModelOptions {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        ModelOptions {
            precision: self.precision.map_or(board.precision, |choice| choice.0),
            device: self.device.0,
            threads: self.threads.unwrap_or_else(|| board.encoder_threads(cores)),
            decoder_threads: Some(board.decoder_threads()),
            input_size: self.input_size.or(board.input_size()),
            frame: Some(frame),
            pixels: board.pixels,
        }
    }
}

fn encoder_placement(board: &Board) -> Placement {
    // The rate changes nothing of it.
    pipeline_config(board, 1.0).encoder_placement()
}

/// The pipeline's layout on `board` for a source of `fps` frames a second.
pub fn pipeline_config(board: &Board, fps: f64) -> PipelineConfig {
    let cores = &board.affinity;
    PipelineConfig {
        // Each entry holds a frame and an embedding: a fast source must not make the history large.
        prompt_history: ((board.max_age_ms as f64 / 1e3 * fps).ceil() as usize).clamp(2, 16),
        affinity: StageCores {
            capture: cores.capture.clone(),
            encode: cores.encode.clone(),
            decode: cores.decode.clone(),
            sink: cores.sink.clone(),
        },
        scheduling: board.scheduling.clone(),
        max_memory: board.max_memory.map(|size| size.0),
        ..PipelineConfig::default()
    }
}
