//! What is asked on a grid of points, and what is kept of the answers.

use crate::geometry::Size;
use crate::model::LoadedModel;
use crate::segment::{Everything, EverythingOptions};

use super::super::model_args::ModelArgs;

/// What speaks about the grid of points.
pub const GRID_ARGUMENTS: [&str; 12] = [
    "sam_defaults",
    "points_per_side",
    "pred_iou_thresh",
    "stability_score_thresh",
    "stability_score_offset",
    "box_nms_thresh",
    "crop_n_layers",
    "crop_nms_thresh",
    "crop_overlap_ratio",
    "crop_n_points_downscale_factor",
    "min_mask_region_area",
    "every_point",
];

/// What is asked and what is kept, by the names that Segment Anything's users know.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Masks")]
pub struct OptionArgs {
    /// Take Segment Anything's own defaults and ask every point of the grid; those of this program suit the bundled model
    #[arg(long)]
    sam_defaults: bool,
    /// Points on each side of the grid [default: 32]
    #[arg(long, value_name = "N")]
    points_per_side: Option<u32>,
    /// Leave out masks with a lower predicted IoU [default: 0.3; of Segment Anything 0.88]
    #[arg(long, value_name = "IOU")]
    pred_iou_thresh: Option<f32>,
    /// Leave out masks that change more when the threshold moves [default: 0.6; of Segment Anything 0.95]
    #[arg(long, value_name = "SCORE")]
    stability_score_thresh: Option<f32>,
    /// By how much the threshold moves, in logits [default: 0.4; of Segment Anything 1]
    #[arg(long, value_name = "LOGITS")]
    stability_score_offset: Option<f32>,
    /// Of masks whose boxes overlap by a higher IoU keep the better one [default: 0.7]
    #[arg(long, value_name = "IOU")]
    box_nms_thresh: Option<f32>,
    /// Look at crops too: 4 in the first layer, 16 more in the second [default: 0]
    #[arg(long, value_name = "N")]
    crop_n_layers: Option<u32>,
    /// The same as --box-nms-thresh between crops [default: 0.7]
    #[arg(long, value_name = "IOU")]
    crop_nms_thresh: Option<f32>,
    /// How much neighbouring crops overlap, in parts of the photo's short side [default: 0.341]
    #[arg(long, value_name = "SHARE")]
    crop_overlap_ratio: Option<f32>,
    /// The grid of each further layer of crops has so many times fewer points a side [default: 1]
    #[arg(long, value_name = "N")]
    crop_n_points_downscale_factor: Option<u32>,
    /// Fill holes and remove islands of fewer pixels [default: 100; of Segment Anything 0]
    #[arg(long, value_name = "PIXELS")]
    min_mask_region_area: Option<usize>,
    /// Ask every point of the grid, also where a mask was found already: many times slower, and finds more parts
    #[arg(long)]
    every_point: bool,
}

impl OptionArgs {
    /// The model that `args` name, with an input of the form of photos of `size`, and what finds everything with it.
    pub fn open(&self, args: &ModelArgs, size: Option<Size>) -> anyhow::Result<(LoadedModel, Everything)> {
        // One decoder a thread serves better than one decoder on several.
        let model = ModelArgs { threads: 1, ..args.clone() }.load_for(size)?;
        let decoders = (0..args.threads).map(|_| model.decoder()).collect::<Result<_, _>>()?;
        let everything = Everything::new(model.encoder()?, decoders, self.options())?;
        Ok((model, everything))
    }

    /// The options that the arguments make.
    fn options(&self) -> EverythingOptions {
        let mut options =
            if self.sam_defaults { EverythingOptions::segment_anything() } else { EverythingOptions::default() };
        let set = |to: &mut f32, from: Option<f32>| *to = from.unwrap_or(*to);
        set(&mut options.least_iou, self.pred_iou_thresh);
        set(&mut options.least_stability, self.stability_score_thresh);
        set(&mut options.stability_offset, self.stability_score_offset);
        set(&mut options.box_overlap, self.box_nms_thresh);
        set(&mut options.crop_box_overlap, self.crop_nms_thresh);
        set(&mut options.crop_overlap, self.crop_overlap_ratio);
        options.points_per_side = self.points_per_side.unwrap_or(options.points_per_side);
        options.crop_layers = self.crop_n_layers.unwrap_or(options.crop_layers);
        options.crop_points_divisor = self.crop_n_points_downscale_factor.unwrap_or(options.crop_points_divisor);
        options.least_area = self.min_mask_region_area.unwrap_or(options.least_area);
        options.skip_explained &= !self.every_point;
        options
    }
}
