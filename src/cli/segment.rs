//! `foveate segment`: a photo and a prompt to masks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::ExtendedColorType;
use serde::Serialize;

use crate::board::ByteSize;
use crate::error::{Error, LiftError};
use crate::frame::{self, Frame};
use crate::geometry::{BoundingBox, Letterbox};
use crate::lift::Lifted;
use crate::mask::file::{read_prompt_mask, write_image, write_mask};
use crate::mask::{Rle, cut_out, matte};
use crate::model::Prompt;
use crate::picture::DEFAULT_DECODE_BYTES;
use crate::segment::{Prediction, Predictor};
use crate::sink::overlay::write_overlay;
use crate::statistics::Samples;

use super::depth_args::{DepthArgs, LiftFields, parse_lift};
use super::model_args::ModelArgs;
use super::output::{lossy, print, print_json};
use super::outputs::Files;
use super::prompt_args::PromptArgs;

/// Segment one object in a photo.
///
/// Say where the object is with points, a box, a rough mask, or any mix of them; everything given speaks about the same
/// object. Coordinates are pixels of the photo, x right, y down, from the top-left corner.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct SegmentArgs {
    /// A PNG, JPEG, WebP, BMP, TIFF or GIF (its first frame)
    photo: PathBuf,
    #[command(flatten)]
    prompt: PromptArgs,
    /// Give every mask the model proposes, best first: one click on a wheel may mean the wheel or the car
    #[arg(long)]
    multimask: bool,
    /// Take no second look: without this, the part of the photo around the best mask is encoded once more at the model's
    /// full input and the prompt answered there, which sharpens whatever does not fill the photo. Not done with --multimask
    #[arg(long)]
    no_zoom: bool,
    /// Write the photo with the best mask and the prompt drawn over it
    #[arg(long, value_name = "OUT.png", help_heading = "Output")]
    overlay: Option<PathBuf>,
    /// Write the object alone, with the best mask's soft edge and the object's own colours in it, transparent around it
    #[arg(long, value_name = "OUT.png", value_parser = parse_cutout, help_heading = "Output")]
    cutout: Option<PathBuf>,
    /// Write the best mask as a grey PNG of the photo's size, 255 inside
    #[arg(long, value_name = "PNG", help_heading = "Output")]
    out_mask: Option<PathBuf>,
    /// Write the best mask's object in metres: its points with colours and normals (.ply), or its surface with the photo on it (.glb)
    #[arg(long, value_name = "OUT.ply|OUT.glb", value_parser = parse_lift, requires = "depth", help_heading = "Output")]
    lift: Option<PathBuf>,
    /// Print one JSON object with the masks as COCO RLE
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Memory that decoding the photo may take, such as 512M or 4G [default: 2G]
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<ByteSize>,
    #[command(flatten)]
    depth: DepthArgs,
    #[command(flatten)]
    model: ModelArgs,
}

const EXAMPLES: &str = "\
Examples:
  One click, and an image of what was found:
    foveate segment photo.jpg --point 420,250 --overlay found.png
  The model found too much: keep the click, and click the surplus with a 0:
    foveate segment photo.jpg --point 420,250 --point 500,90,0 --overlay found.png
  A box, which says more than a click:
    foveate segment photo.jpg --box 310,140,560,400 --out-mask mask.png
  Correct an earlier mask with one more click:
    foveate segment photo.jpg --mask mask.png --point 420,250 --point 330,380 --out-mask better.png
  The object alone, to put on another picture:
    foveate segment photo.jpg --box 310,140,560,400 --cutout object.png
  Where it is and how wide, in metres, with a depth image of the same view:
    foveate segment photo.jpg --point 420,250 --depth depth.png --intrinsics 525,525,320,240 --lift object.glb
  Every reading of an ambiguous click, for a program:
    foveate segment photo.jpg --point 420,250 --multimask --json";

/// The JSON form of the answer.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(serialize_with = "lossy")]
    image: &'a Path,
    /// Width and height of the photo.
    size: [u32; 2],
    model: &'a str,
    precision: &'a str,
    encoder_ms: Option<f64>,
    decoder_ms: Option<f64>,
    /// The part of the photo that was looked at again, `null` if none.
    zoomed: Option<BoundingBox>,
    masks: Vec<AnswerMask>,
}

#[derive(Serialize)]
struct AnswerMask {
    /// 1 is the best.
    rank: usize,
    predicted_iou: f32,
    stability: f32,
    /// `[x0, y0, x1, y1]`, `null` for an empty mask.
    #[serde(rename = "box")]
    bbox: Option<BoundingBox>,
    area: usize,
    rle: Rle,
    #[serde(flatten)]
    lift: LiftFields,
}

/// What depth made of a mask; `None` without depth.
type MaybeLifted = Option<Result<Lifted, Error>>;

/// Runs the command.
pub fn run(args: SegmentArgs) -> anyhow::Result<()> {
    files(&args).check()?;
    let mut photo = Frame::default();
    frame::read_photo(&args.photo, args.max_memory.map_or(DEFAULT_DECODE_BYTES, |size| size.0), &mut photo)?;
    let photo = Arc::new(photo);
    let camera = args.depth.camera();
    let depth = camera.map(|(path, camera)| Ok::<_, Error>((camera, camera.read(path, photo.size)?))).transpose()?;
    let prior = args.prompt.mask.as_deref().map(|m| read_prompt_mask(m, args.prompt.mask_label)).transpose()?;
    let model = args.model.load()?;
    let mut predictor = Predictor::new(model.encoder()?, model.decoder()?);

    let (mut encoding, mut decoding) = (Samples::default(), Samples::default());
    encoding.time(|| predictor.set_frame(&photo))?;
    let prompt = Prompt {
        points: args.prompt.points.clone(),
        bbox: args.prompt.bbox,
        mask: prior.map(|mask| predictor.mask_prompt(&mask)).transpose()?,
    };
    let mut masks = decoding.time(|| predictor.predict(&prompt, args.multimask))?;
    let mut zoomed = None;
    if let (false, false, Some(best)) = (args.multimask, args.no_zoom, masks.first_mut())
        && let Some(closer) = predictor.zoom_in(&photo, &prompt, best)?
    {
        zoomed = Some(closer.region.as_box());
        *best = closer;
    }

    if let (Some(path), Some(best)) = (&args.out_mask, masks.first()) {
        write_mask(path, &best.mask)?;
    }
    if let (Some(path), Some(best)) = (&args.overlay, masks.first()) {
        write_overlay(path, &photo, best, &prompt)?;
    }
    if let (Some(path), Some(best), Some(whole)) = (&args.cutout, masks.first(), predictor.embedding()) {
        write_cutout(path, &photo, best, &whole.letterbox.of_part(best.region))?;
    }
    let mut rgb = Vec::new();
    if depth.is_some() {
        frame::to_rgb(&photo, &mut rgb)?;
    }
    let lift = |found: &Prediction| depth.as_ref().map(|(camera, depth)| camera.lift(&found.mask, depth, Some(&rgb)));
    let lifted: Vec<MaybeLifted> = masks.iter().map(lift).collect();
    if let (Some(path), Some((camera, _))) = (&args.lift, &depth) {
        let Some(Some(Ok(best))) = lifted.first() else {
            let refused = lifted.into_iter().next().flatten().and_then(Result::err);
            return Err(refused.unwrap_or(LiftError::EmptyMask.into()).into());
        };
        camera.write(path, best, &photo)?;
    }
    let answer = Answer {
        image: &args.photo,
        size: [photo.size.width, photo.size.height],
        model: &model.spec().name,
        precision: model.precision().name(),
        encoder_ms: encoding.median_ms(),
        decoder_ms: decoding.median_ms(),
        zoomed,
        masks: masks.iter().zip(&lifted).enumerate().map(answer_mask).collect(),
    };
    if args.json { print_json(&answer) } else { print(&summary(&answer)) }
}

/// A file that keeps transparency.
fn parse_cutout(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    is_png.then_some(path).ok_or_else(|| "only a PNG keeps what is transparent: name it .png".into())
}

/// Writes the object that `found` shows on `photo`; its logits lie there as `letterbox` says.
fn write_cutout(path: &Path, photo: &Frame, found: &Prediction, letterbox: &Letterbox) -> Result<(), Error> {
    let (mut rgb, mut opacity, mut pixels) = (Vec::new(), Vec::new(), Vec::new());
    matte(&found.mask, Some((&found.logits, letterbox)), &mut opacity);
    frame::to_rgb(photo, &mut rgb)?;
    cut_out(&rgb, &opacity, photo.size, &mut pixels);
    write_image(path, &pixels, photo.size, ExtendedColorType::Rgba8)
}

/// What is read and written.
fn files(args: &SegmentArgs) -> Files {
    let mut files = Files::default();
    files.reads("the photo", [&args.photo]).reads("--mask", &args.prompt.mask);
    files.reads("--depth", &args.depth.depth).writes("--lift", &args.lift);
    files.reads_models(args.model.models_dir.as_deref());
    files.writes("--overlay", &args.overlay).writes("--out-mask", &args.out_mask);
    files.writes("--cutout", &args.cutout).writes_stdout();
    files
}

fn answer_mask((index, (prediction, lifted)): (usize, (&Prediction, &MaybeLifted))) -> AnswerMask {
    AnswerMask {
        rank: index + 1,
        predicted_iou: prediction.predicted_iou,
        stability: prediction.stability,
        bbox: prediction.bbox,
        area: prediction.area,
        rle: Rle::from_mask(&prediction.mask),
        lift: lifted.as_ref().map(|lifted| LiftFields::of(lifted.as_ref())).unwrap_or_default(),
    }
}

fn summary(answer: &Answer) -> String {
    let ms = |value: Option<f64>| value.unwrap_or_default();
    let [width, height] = answer.size;
    let mut text = format!(
        "{} ({width}x{height}) by {} ({}): encoder {:.1} ms, decoder {:.1} ms\n  rank  predicted IoU  stability      area  box\n",
        answer.image.display(),
        answer.model,
        answer.precision,
        ms(answer.encoder_ms),
        ms(answer.decoder_ms),
    );
    for mask in &answer.masks {
        let bbox = mask.bbox.map_or("none, the mask is empty".to_owned(), |b| {
            format!("{:.0},{:.0},{:.0},{:.0}", b.x0, b.y0, b.x1, b.y1)
        });
        let AnswerMask { rank, predicted_iou, stability, area, .. } = mask;
        text.push_str(&format!("  {rank:>4}  {predicted_iou:>13.3}  {stability:>9.3}  {area:>8}  {bbox}\n"));
        text.push_str(&mask.lift.text());
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: SegmentArgs,
    }

    #[test]
    fn the_examples_in_the_help_are_valid() {
        let lines: Vec<&str> = EXAMPLES.lines().filter_map(|l| l.trim().strip_prefix("foveate ")).collect();
        assert!(lines.len() >= 4);
        for line in lines {
            let parsed = Command::try_parse_from(line.split(' '));
            assert_eq!(parsed.map(|c| c.args.photo).ok(), Some("photo.jpg".into()), "{line}");
        }
    }

    #[test]
    fn an_answer_has_a_row_and_an_rle_for_each_mask() {
        let mask = crate::mask::Mask::from_fn(crate::geometry::Size::new(3, 2), |x, _| x == 1);
        let found =
            Prediction { predicted_iou: 0.5, bbox: mask.bounding_box(), area: 2, mask, ..Prediction::default() };
        let empty = Prediction { mask: crate::mask::Mask::new(found.mask.size()), ..Prediction::default() };
        let answer = Answer {
            image: Path::new("p.png"),
            size: [3, 2],
            model: "m",
            precision: "f32",
            encoder_ms: Some(1.0),
            decoder_ms: None,
            zoomed: None,
            masks: [found, empty].iter().zip([&None; 2]).enumerate().map(answer_mask).collect(),
        };
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(json["masks"][0]["rle"]["size"], serde_json::json!([2, 3]));
        assert_eq!(json["masks"][0]["box"], serde_json::json!([1.0, 0.0, 2.0, 2.0]));
        assert_eq!((&json["masks"][0]["rank"], &json["masks"][1]["rank"]), (&1.into(), &2.into()));
        assert!(json["masks"][1]["box"].is_null());
        let text = summary(&answer);
        assert!(text.contains("1,0,2,2") && text.contains("empty"), "{text}");
    }
}
