//! Writes pictures of rendered scenes with their id maps, for training and for looking at.
//!
//!     cargo run --release --example dump_scene -- OUT_DIR --seeds 1000..1350 --frames-per-seed 2 --width 480 --height 360
//!
//! `OUT_DIR/images/NAME.jpg` is the picture, `OUT_DIR/masks/NAME.png` its id map (8 bits, 0 for the background). With
//! `--sheet FILE.png` the first pictures are also laid side by side.

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use foveate::geometry::Size;
use foveate::scene::{Rendering, Scene};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, GrayImage, ImageEncoder, RgbImage, imageops};

#[derive(Parser)]
struct Arguments {
    out: PathBuf,
    /// Range of seeds, the last excluded.
    #[arg(long, default_value = "1..11", value_parser = parse_range)]
    seeds: std::ops::Range<u64>,
    #[arg(long, default_value_t = 2)]
    frames_per_seed: u32,
    #[arg(long, default_value_t = 640)]
    width: u32,
    #[arg(long, default_value_t = 480)]
    height: u32,
    /// JPEG quality.
    #[arg(long, default_value_t = 90)]
    quality: u8,
    /// A PNG of the first pictures side by side.
    #[arg(long)]
    sheet: Option<PathBuf>,
    /// Pictures in a row of the sheet, and rows.
    #[arg(long, default_value_t = 4)]
    columns: u32,
    /// Tints the objects on the sheet.
    #[arg(long)]
    tint: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let size = Size::new(arguments.width, arguments.height);
    let (images, masks) = (arguments.out.join("images"), arguments.out.join("masks"));
    for folder in [&images, &masks] {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let columns = arguments.columns.max(1);
    let mut sheet = arguments.sheet.as_ref().map(|_| RgbImage::new(size.width * columns, size.height * columns));
    let mut rendering = Rendering::default();
    let mut count = 0;
    for seed in arguments.seeds {
        let scene = Scene::new(seed, size);
        for frame in 0..arguments.frames_per_seed {
            // Unevenly spaced, so that no motion repeats with the frames.
            let time = (seed % 7) as f64 * 0.61 + frame as f64 * 7.37;
            scene.render(time, &mut rendering);
            let name = format!("scene_{seed:05}_{frame:02}");
            write(&images.join(&name), &masks.join(&name), size, &rendering, arguments.quality)?;
            if let Some(sheet) = sheet.as_mut().filter(|_| count < columns * columns) {
                let picture = if arguments.tint { tinted(&rendering) } else { rendering.rgb.clone() };
                let picture =
                    RgbImage::from_raw(size.width, size.height, picture).context("picture of a wrong size")?;
                let (x, y) = (count % columns * size.width, count / columns * size.height);
                imageops::replace(sheet, &picture, x.into(), y.into());
            }
            count += 1;
        }
    }
    if let (Some(path), Some(sheet)) = (arguments.sheet, sheet) {
        sheet.save(&path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    eprintln!("{count} pictures in {}", arguments.out.display());
    Ok(())
}

fn parse_range(text: &str) -> Result<std::ops::Range<u64>> {
    let (first, end) = text.split_once("..").context("give a range of seeds as FIRST..END")?;
    let range = first.parse()?..end.parse()?;
    ensure!(!range.is_empty(), "the range of seeds is empty: give FIRST..END with FIRST < END");
    Ok(range)
}

fn write(image: &Path, mask: &Path, size: Size, rendering: &Rendering, quality: u8) -> Result<()> {
    let path = image.with_extension("jpg");
    let file = fs::File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    JpegEncoder::new_with_quality(BufWriter::new(file), quality).write_image(
        &rendering.rgb,
        size.width,
        size.height,
        ExtendedColorType::Rgb8,
    )?;
    let path = mask.with_extension("png");
    let ids = GrayImage::from_raw(size.width, size.height, rendering.ids.clone()).context("id map of a wrong size")?;
    ids.save(&path).with_context(|| format!("cannot write {}", path.display()))
}

fn tinted(rendering: &Rendering) -> Vec<u8> {
    const TINTS: [[u8; 3]; 8] = [
        [230, 25, 75],
        [60, 180, 75],
        [255, 225, 25],
        [0, 130, 200],
        [245, 130, 48],
        [145, 30, 180],
        [70, 240, 240],
        [240, 50, 230],
    ];
    let mut out = rendering.rgb.clone();
    for (pixel, &id) in out.chunks_exact_mut(3).zip(&rendering.ids) {
        if id > 0 {
            let tint = TINTS[(id as usize - 1) % TINTS.len()];
            pixel.iter_mut().zip(tint).for_each(|(p, t)| *p = ((*p as u16 + t as u16) / 2) as u8);
        }
    }
    out
}
