//! What the streams of one program share: the board, its models, and how they end.

use std::sync::Arc;

use crate::board::Board;
use crate::geometry::Size;
use crate::model::LoadedModel;
use crate::sync::StopToken;

use super::board_args::BoardArgs;
use super::interrupt;

/// A board that runs streams.
pub struct Machine<'a> {
    pub args: &'a BoardArgs,
    /// The board as each stream has it: with its share of the memory.
    pub board: Board,
    /// The models for frames of each size.
    loaded: Vec<(Size, Arc<LoadedModel>)>,
    /// Of each stream: the name of its camera, and what ends it.
    streams: Vec<(Option<String>, StopToken)>,
}

impl<'a> Machine<'a> {
    /// `board` for a stream of each of `cameras`, by their names; Ctrl-C ends them all.
    pub fn new(
        args: &'a BoardArgs,
        mut board: Board,
        cameras: impl IntoIterator<Item = Option<String>>,
    ) -> anyhow::Result<Self> {
        let streams: Vec<_> = cameras.into_iter().map(|name| (name, StopToken::new())).collect();
        interrupt::stop_on_interrupt(streams.iter().map(|(_, stop)| stop.clone()).collect())?;
        if let Some(memory) = &mut board.max_memory {
            memory.0 /= streams.len().max(1) as u64;
        }
        Ok(Machine { args, board, loaded: Vec::new(), streams })
    }

    /// The board's model for frames of the size `frame`: loaded once, and shared by all streams of that size.
    pub fn load(&mut self, frame: Size) -> anyhow::Result<Arc<LoadedModel>> {
        if let Some((_, model)) = self.loaded.iter().find(|(size, _)| *size == frame) {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(self.args.load(&self.board, frame)?);
        self.loaded.push((frame, Arc::clone(&model)));
        Ok(model)
    }

    /// What ends the stream numbered `at`.
    pub fn stop_token(&self, at: usize) -> StopToken {
        self.streams[at].1.clone()
    }

    /// The name of the camera of the stream numbered `at`, if it has one.
    pub fn camera(&self, at: usize) -> Option<&str> {
        self.streams[at].0.as_deref()
    }

    /// Ends every stream.
    pub fn stop(&self) {
        self.streams.iter().for_each(|(_, stop)| stop.stop());
    }
}
