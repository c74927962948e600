use crate::error::ConfigError;

/// How [`Everything`](super::Everything) asks, and what it keeps. By default as suits the bundled model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EverythingOptions {
    /// Points on each side of the grid over the whole picture.
    pub points_per_side: u32,
    /// Masks with a lower predicted IoU are left out.
    pub least_iou: f32,
    /// Masks with a lower stability are left out.
    pub least_stability: f32,
    /// Logits by which the threshold is moved for the stability.
    pub stability_offset: f32,
    /// Of masks whose boxes have a higher IoU the better one is kept.
    pub box_overlap: f32,
    /// Layers of crops beside the whole picture: layer n has 4^n of them.
    pub crop_layers: u32,
    /// The same as `box_overlap` between crops.
    pub crop_box_overlap: f32,
    /// How much of the picture's short side neighbouring crops of the first layer share; half as much in each further one.
    pub crop_overlap: f32,
    /// In each further layer the grid has so many times fewer points on a side.
    pub crop_points_divisor: u32,
    /// Holes and islands of fewer pixels are filled and removed; 0 leaves them.
    pub least_area: usize,
    /// Asks coarsely first, and then only where no good mask lies yet: many times faster, and parts of what was found whole are
    /// found only where a coarse point meets them.
    pub skip_explained: bool,
    /// Only masks whose boxes have at most this share of the picture explain a point: what lies on a table is not found with the
    /// table.
    pub explained_share: f32,
}

impl Default for EverythingOptions {
    fn default() -> Self {
        EverythingOptions {
            least_iou: 0.3,
            least_stability: 0.6,
            stability_offset: 0.4,
            least_area: 100,
            skip_explained: true,
            ..EverythingOptions::segment_anything()
        }
    }
}

impl EverythingOptions {
    /// The defaults of Segment Anything's automatic mask generator.
    pub fn segment_anything() -> Self {
        EverythingOptions {
            points_per_side: 32,
            least_iou: 0.88,
            least_stability: 0.95,
            stability_offset: 1.0,
            box_overlap: 0.7,
            crop_layers: 0,
            crop_box_overlap: 0.7,
            crop_overlap: 512.0 / 1500.0,
            crop_points_divisor: 1,
            least_area: 0,
            skip_explained: false,
            explained_share: 0.25,
        }
    }

    /// Points on each side of the grid over a crop of `layer`; 0 is the whole picture.
    pub(super) fn points_of(&self, layer: u32) -> u32 {
        (self.points_per_side / self.crop_points_divisor.saturating_pow(layer)).max(1)
    }

    /// # Errors
    /// [`ConfigError::Invalid`] names the option that is out of range.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let share = |value: f32| (0.0..=1.0).contains(&value);
        let rows = [
            ("points_per_side", (1..=256).contains(&self.points_per_side), "1 to 256"),
            ("least_iou", share(self.least_iou), "0 to 1"),
            ("least_stability", share(self.least_stability), "0 to 1"),
            ("stability_offset", (0.0..=100.0).contains(&self.stability_offset), "0 to 100"),
            ("box_overlap", share(self.box_overlap), "0 to 1"),
            ("crop_layers", self.crop_layers <= 4, "0 to 4"),
            ("crop_box_overlap", share(self.crop_box_overlap), "0 to 1"),
            ("crop_overlap", (0.0..1.0).contains(&self.crop_overlap), "0 to below 1"),
            ("crop_points_divisor", self.crop_points_divisor >= 1, "1 or more"),
            ("explained_share", share(self.explained_share), "0 to 1"),
        ];
        match rows.into_iter().find(|(_, fits, _)| !fits) {
            None => Ok(()),
            Some((origin, _, range)) => {
                Err(ConfigError::Invalid { origin: origin.to_owned(), reason: format!("out of range: give {range}") })
            }
        }
    }
}
