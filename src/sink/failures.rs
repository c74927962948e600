use crate::error::Result;

/// Lets the first error through and counts all of them.
#[derive(Debug, Default)]
pub struct Failures {
    count: u64,
}

impl Failures {
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first error as it is; later ones are only counted.
    pub fn first(&mut self, result: Result<()>) -> Result<()> {
        if result.is_err() {
            self.count += 1;
            if self.count > 1 {
                return Ok(());
            }
        }
        result
    }
}
