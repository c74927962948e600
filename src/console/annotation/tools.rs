use std::sync::Arc;

use super::annotator;
use super::label_studio_host::LabelStudio;
use super::video::Videos;

/// What every handler holds.
#[derive(Clone)]
pub struct Tools {
    /// What computes.
    pub annotator: annotator::Handle,
    /// Videos of X-AnyLabeling.
    pub videos: Arc<Videos>,
    /// Where Label Studio's photos are.
    pub label_studio: Option<Arc<LabelStudio>>,
    /// The model's name.
    pub model: Arc<str>,
}
