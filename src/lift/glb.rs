//! glTF 2.0's binary form: one mesh, one texture.

use std::path::Path;

use glam::Vec3;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use serde_json::json;

use super::Mesh;
use crate::error::{Error, ImageError, IoError};
use crate::geometry::{Region, Size};
use crate::output::write_whole;

/// Constants of the standard: component types and buffer targets.
const FLOAT: u32 = 5126;
const UNSIGNED_INT: u32 = 5125;
const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
/// Filters, and what is done beyond the texture's edge.
const LINEAR: u32 = 9729;
const LINEAR_MIPMAP_LINEAR: u32 = 9987;
const CLAMP_TO_EDGE: u32 = 33071;

/// A picture, as its file.
#[derive(Clone, Copy, Debug)]
pub struct Texture<'a> {
    /// The whole file.
    pub bytes: &'a [u8],
    /// `image/png` or `image/jpeg`.
    pub mime: &'static str,
}

/// Quality of textures, of 100.
const QUALITY: u8 = 92;

/// A part of a picture as a JPEG file. `rgb` are the bytes of the picture, which is of `size`, row by row without padding.
///
/// # Errors
/// A buffer of another length, a region beyond the picture.
pub fn texture(rgb: &[u8], size: Size, region: Region) -> Result<Vec<u8>, ImageError> {
    let (width, stride) = (region.size.width as usize * 3, size.width as usize * 3);
    if rgb.len() != size.area() * 3 {
        return Err(ImageError::ShortBuffer { format: "rgb24", size, needed: size.area() * 3, given: rgb.len() });
    }
    if !region.fits(size) {
        return Err(ImageError::Region { region, size });
    }
    let rows = rgb.chunks_exact(stride).skip(region.y as usize).take(region.size.height as usize);
    let cut: Vec<u8> = rows.flat_map(|row| &row[region.x as usize * 3..][..width]).copied().collect();
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let encoded = encoder.write_image(&cut, region.size.width, region.size.height, ExtendedColorType::Rgb8);
    encoded.map_err(|error| ImageError::Unencodable { what: "the texture".into(), reason: error.to_string() })?;
    Ok(bytes)
}

/// Writes a mesh with its texture as one GLB file (glTF 2.0), whole or not at all. glTF has y up and z towards the
/// viewer: the camera's y and z are turned round, which is half a turn about x. Units are metres. The texture is shown as it is, without light
/// (`KHR_materials_unlit`), because the light is in the photo already.
///
/// # Errors
/// [`IoError`] for a place that cannot be written.
pub fn write_glb(path: &Path, mesh: &Mesh, texture: Texture) -> Result<(), Error> {
    Ok(write_whole(path, &glb(mesh, texture)).map_err(IoError::when("write", path))?)
}

/// From the camera's frame to glTF's.
fn turned(v: Vec3) -> [f32; 3] {
    [v.x, -v.y, -v.z]
}

/// The bytes of all buffer views, each at a multiple of 4, and where they lie.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    views: Vec<serde_json::Value>,
}

impl Buffer {
    fn add(&mut self, bytes: impl IntoIterator<Item = u8>, target: Option<u32>) {
        let start = self.bytes.len();
        self.bytes.extend(bytes);
        let mut view = json!({"buffer": 0, "byteOffset": start, "byteLength": self.bytes.len() - start});
        if let Some(target) = target {
            view["target"] = target.into();
        }
        self.views.push(view);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

fn glb(mesh: &Mesh, texture: Texture) -> Vec<u8> {
    let positions: Vec<[f32; 3]> = mesh.positions.iter().copied().map(turned).collect();
    let normals = mesh.normals.iter().copied().map(turned);
    let bound = |of: fn(f32, f32) -> f32| {
        let all = positions.iter().copied().reduce(|a, b| std::array::from_fn(|i| of(a[i], b[i])));
        all.unwrap_or_default()
    };
    let mut buffer = Buffer::default();
    buffer.add(positions.iter().flatten().flat_map(|v| v.to_le_bytes()), Some(ARRAY_BUFFER));
    buffer.add(normals.flatten().flat_map(f32::to_le_bytes), Some(ARRAY_BUFFER));
    buffer.add(mesh.uvs.iter().flatten().flat_map(|v| v.to_le_bytes()), Some(ARRAY_BUFFER));
    buffer.add(mesh.triangles.iter().flatten().flat_map(|v| v.to_le_bytes()), Some(ELEMENT_ARRAY_BUFFER));
    buffer.add(texture.bytes.iter().copied(), None);
    let vertices = positions.len();
    let document = json!({
        "asset": {"version": "2.0", "generator": concat!("foveate ", env!("CARGO_PKG_VERSION"))},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "object"}],
        "meshes": [{"primitives": [{
            "attributes": {"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2},
            "indices": 3,
            "material": 0,
        }]}],
        "materials": [{
            "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0.0, "roughnessFactor": 1.0},
            "extensions": {"KHR_materials_unlit": {}},
            "doubleSided": true,
        }],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"magFilter": LINEAR, "minFilter": LINEAR_MIPMAP_LINEAR, "wrapS": CLAMP_TO_EDGE, "wrapT": CLAMP_TO_EDGE}],
        "images": [{"bufferView": 4, "mimeType": texture.mime}],
        "accessors": [
            {"bufferView": 0, "componentType": FLOAT, "count": vertices, "type": "VEC3",
             "min": bound(f32::min), "max": bound(f32::max)},
            {"bufferView": 1, "componentType": FLOAT, "count": vertices, "type": "VEC3"},
            {"bufferView": 2, "componentType": FLOAT, "count": vertices, "type": "VEC2"},
            {"bufferView": 3, "componentType": UNSIGNED_INT, "count": mesh.triangles.len() * 3, "type": "SCALAR"},
        ],
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.bytes.len()}],
    });
    let mut text = document.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let mut out = Vec::with_capacity(28 + text.len() + buffer.bytes.len());
    let length = 12 + 8 + text.len() + 8 + buffer.bytes.len();
    out.extend(b"glTF");
    [2, length as u32, text.len() as u32].iter().for_each(|v| out.extend(v.to_le_bytes()));
    out.extend(b"JSON");
    out.extend(text);
    out.extend((buffer.bytes.len() as u32).to_le_bytes());
    out.extend(b"BIN\0");
    out.extend(buffer.bytes);
    out
}
