//! Frames as a recording stores them: JPEG as it came, RGB and grey as PNG, everything else as it lies in memory.

use std::borrow::Cow;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ImageEncoder as _;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use serde::{Deserialize, Serialize};

use super::Topic;
use crate::error::{IoError, Result};
use crate::frame::{Colorimetry, Frame, PixelFormat};
use crate::geometry::Size;
use crate::picture;
use crate::time::Timestamp;

/// How frames without a compression of their own are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageForm {
    /// RGB and grey as PNG.
    #[default]
    Png,
    /// Everything as its pixels: larger, and less work.
    Raw,
}

/// How an image was stored, so that the frame is the same again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredImage {
    /// The channel of the message with the image.
    pub topic: String,
    /// How pixels lay in the frame.
    pub format: PixelFormat,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Bytes from row to row of the first plane; 0 for JPEG.
    pub stride: usize,
    /// What YUV codes mean.
    pub colorimetry: Colorimetry,
}

/// Most memory that one image of a recording may take.
const MAX_BYTES: u64 = 1 << 30;

/// Writes the message of a frame's image into `out`, and says how it is stored.
///
/// # Errors
/// A frame whose buffer is too short.
pub fn encode(
    frame: &Frame,
    form: ImageForm,
    unix_ns: u64,
    frame_id: &str,
    out: &mut String,
) -> Result<(Topic, StoredImage)> {
    out.clear();
    let Size { width, height } = frame.size;
    let frame_id = serde_json::Value::from(frame_id);
    let time = format!("{{\"sec\":{},\"nsec\":{}}}", unix_ns / 1_000_000_000, unix_ns % 1_000_000_000);
    let mut stride = frame.stride;
    let begin = format!("{{\"timestamp\":{time},\"frame_id\":{frame_id}");
    let compressed = |out: &mut String, format: &str, bytes: &[u8]| {
        out.push_str(&format!("{begin},\"format\":\"{format}\",\"data\":\""));
        STANDARD.encode_string(bytes, out);
        out.push_str("\"}");
    };
    let topic = match frame.format {
        PixelFormat::Mjpeg => {
            compressed(out, "jpeg", &frame.data);
            Topic::Image
        }
        PixelFormat::Rgb24 | PixelFormat::Grey if form == ImageForm::Png => {
            frame.check()?;
            stride = frame.format.min_stride(width);
            compressed(out, "png", &png(frame, stride)?);
            Topic::Image
        }
        _ => {
            frame.check()?;
            let bytes = frame.data.get(..frame.format.buffer_len(frame.size, stride)).unwrap_or_default();
            let encoding = encoding(frame.format);
            out.push_str(&format!(
                "{begin},\"width\":{width},\"height\":{height},\"encoding\":\"{encoding}\",\"step\":{stride},\"data\":\""
            ));
            STANDARD.encode_string(bytes, out);
            out.push_str("\"}");
            Topic::RawImage
        }
    };
    let stored = StoredImage {
        topic: topic.name().to_owned(),
        format: frame.format,
        size: [width, height],
        stride,
        colorimetry: frame.colorimetry,
    };
    Ok((topic, stored))
}

/// Rows of `stride` bytes as PNG.
fn png(frame: &Frame, stride: usize) -> Result<Vec<u8>> {
    let Size { width, height } = frame.size;
    let rows: Cow<[u8]> = match frame.stride == stride {
        true => Cow::Borrowed(frame.data.get(..stride * height as usize).unwrap_or_default()),
        false => {
            frame.data.chunks(frame.stride).take(height as usize).flat_map(|row| &row[..stride]).copied().collect()
        }
    };
    let color = match frame.format {
        PixelFormat::Grey => image::ExtendedColorType::L8,
        _ => image::ExtendedColorType::Rgb8,
    };
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Up);
    let encoded = encoder.write_image(&rows, width, height, color).map_err(io::Error::other);
    encoded.map_err(IoError::when("encode", "a frame of a recording"))?;
    Ok(png)
}

/// What Foxglove calls the format; formats that it does not know keep our name.
const fn encoding(format: PixelFormat) -> &'static str {
    match format {
        PixelFormat::Rgb24 => "rgb8",
        PixelFormat::Bgr24 => "bgr8",
        PixelFormat::Grey => "mono8",
        other => other.name(),
    }
}

#[derive(Deserialize)]
struct ImageMessage<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

/// The frame that a message of an image holds, which was stored as `stored` says.
///
/// # Errors
/// What is no such message, or not of that format and size.
pub fn decode(message: &[u8], stored: &StoredImage, sequence: u64, captured_at: Timestamp) -> Result<Frame, String> {
    let parsed: ImageMessage = serde_json::from_slice(message).map_err(|error| error.to_string())?;
    let mut bytes = STANDARD.decode(parsed.data.as_bytes()).map_err(|error| error.to_string())?;
    let [width, height] = stored.size;
    let size = Size::new(width, height);
    let is_png = stored.topic == Topic::Image.name() && stored.format != PixelFormat::Mjpeg;
    if is_png {
        let mut rgb = Vec::new();
        let found = picture::decode_rgb(&bytes, "a frame of a recording", MAX_BYTES, &mut rgb)
            .map_err(|error| error.to_string())?;
        if found != size {
            return Err(format!("an image of {}x{} pixels, not {width}x{height}", found.width, found.height));
        }
        bytes = match stored.format {
            PixelFormat::Grey => rgb.iter().step_by(3).copied().collect(),
            _ => rgb,
        };
    }
    let frame = Frame {
        sequence,
        captured_at,
        size,
        format: stored.format,
        colorimetry: stored.colorimetry,
        stride: stored.stride,
        data: bytes.into(),
        copied_bytes: 0,
    };
    frame.check().map_err(|error| error.to_string())?;
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a frame is, it comes back with the same pixels.
        #[test]
        fn every_format_comes_back(
            width in 1u32..40, height in 1u32..30, padding in 0usize..3, at in 0usize..PixelFormat::ALL.len(),
            raw in any::<bool>(), seed in any::<u64>(),
        ) {
            let (format, size) = (PixelFormat::ALL[at], Size::new(width, height));
            // Planes of half the width need an even stride.
            let stride = if format == PixelFormat::Mjpeg { 0 } else { format.min_stride(width) + 2 * padding };
            let length = format.buffer_len(size, stride).max(16) + 5;
            let data: Vec<u8> = (0..length as u64).map(|n| (n.wrapping_mul(seed | 1) >> 7) as u8).collect();
            let frame = Frame { sequence: 7, size, format, stride, data: data.into(), ..Frame::default() };
            let mut out = String::new();
            let form = if raw { ImageForm::Raw } else { ImageForm::Png };
            let (topic, stored) = encode(&frame, form, 1_500_000_000, "camera", &mut out).unwrap();
            prop_assert_eq!(stored.topic.as_str(), topic.name());
            let json: serde_json::Value = serde_json::from_str(&out).unwrap();
            for field in topic.schema()["required"].as_array().unwrap() {
                prop_assert!(json.get(field.as_str().unwrap()).is_some(), "{}", field);
            }
            let back = decode(out.as_bytes(), &stored, 7, Timestamp::ZERO).unwrap();
            prop_assert_eq!((back.size, back.format, back.sequence), (size, format, 7));
            if format == PixelFormat::Mjpeg {
                prop_assert!(*back.data == *frame.data);
            }
            for (plane, here) in format.planes(size, frame.stride).iter().zip(format.planes(size, back.stride)) {
                for row in 0..plane.rows {
                    let there = &frame.data[plane.start + row * plane.stride..][..plane.row_bytes];
                    prop_assert_eq!(there, &back.data[here.start + row * here.stride..][..plane.row_bytes]);
                }
            }
        }
    }
}
