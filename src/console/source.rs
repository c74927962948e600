use crossbeam_channel::Receiver;

use crate::input::{Command, CommandSource};

/// The commands of the pages, for the pipeline.
pub struct ConsoleCommands(pub Receiver<Command>);

impl CommandSource for ConsoleCommands {
    fn poll(&mut self, out: &mut Vec<Command>) {
        out.extend(self.0.try_iter());
    }
}
