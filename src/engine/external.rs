//! Weights that lie in files beside the ONNX file: what PyTorch's exporter writes unless it is told otherwise.
//!
//! Every claim is held against the limits, the other claims and the length of its file before memory is taken for it.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto};

use super::failure::unreadable;
use super::guard;
use super::limits::Limits;
use crate::error::{Error, IoError, ModelError};

/// Deepest nesting of subgraphs that is looked into; deeper ones are refused for that.
const DEEPEST: usize = 32;

/// What an entry of a tensor's `external_data` may be called.
const KEYS: [&str; 4] = ["location", "offset", "length", "checksum"];

/// Where a tensor's bytes lie.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    tensor: String,
    location: PathBuf,
    bytes: Range<u64>,
}

/// The files beside the model at `path` that hold its weights, relative to the model's folder, without repetition. Empty for
/// a model that is one file.
///
/// # Errors
/// [`ModelError`] for a claim that cannot be kept: a place outside the folder, numbers that are none, a length that is not
/// the tensor's, bytes that two tensors share, or more of them than the limit.
pub(super) fn locations(path: &Path, proto: &ModelProto, limits: &Limits) -> Result<Vec<PathBuf>, ModelError> {
    let mut claims = Vec::new();
    for tensor in tensors(proto.graph.as_ref()) {
        claims.extend(claim(path, tensor, limits)?);
    }
    let mut by_file: BTreeMap<&Path, Vec<&Claim>> = BTreeMap::new();
    for claim in &claims {
        by_file.entry(&claim.location).or_default().push(claim);
    }
    let mut all = 0u64;
    for claims in by_file.values_mut() {
        claims.sort_by_key(|claim| (claim.bytes.start, claim.bytes.end));
        // In the order of their beginnings, so that two neighbours share bytes where any two do.
        let full: Vec<&Claim> = claims.iter().copied().filter(|claim| !claim.bytes.is_empty()).collect();
        for pair in full.windows(2) {
            if pair[1].bytes.start < pair[0].bytes.end {
                let (first, second, file) = (&pair[0].tensor, &pair[1].tensor, pair[0].location.display());
                return Err(unreadable(path, format!("`{first}` and `{second}` share bytes of `{file}`")));
            }
        }
        all = all.saturating_add(claims.iter().map(|claim| claim.bytes.end - claim.bytes.start).sum());
    }
    if all > limits.max_file_bytes {
        return Err(ModelError::TooLarge { path: path.into(), bytes: all, limit: limits.max_file_bytes });
    }
    Ok(by_file.into_keys().map(Path::to_path_buf).collect())
}

/// Puts the bytes of `files`, by their [`locations`], into the tensors that lie there.
///
/// # Errors
/// [`ModelError::Unreadable`] if a file ends before a tensor does.
pub(super) fn fill(
    path: &Path,
    proto: &mut ModelProto,
    files: &BTreeMap<PathBuf, Vec<u8>>,
    limits: &Limits,
) -> Result<(), ModelError> {
    let Some(graph) = proto.graph.as_mut() else { return Ok(()) };
    each_tensor(graph, 0, &mut |tensor| {
        let Some(claim) = claim(path, tensor, limits)? else { return Ok(()) };
        let Some((location, file)) = files.get_key_value(&claim.location) else { return Ok(()) };
        let bytes = usize::try_from(claim.bytes.start).ok().zip(usize::try_from(claim.bytes.end).ok());
        let Some(bytes) = bytes.and_then(|(start, end)| file.get(start..end)) else {
            let (Range { start, end }, length) = (claim.bytes, file.len());
            let reason = format!(
                "`{}` lies in bytes {start} to {end} of `{}`, which has {length}",
                tensor.name,
                location.display()
            );
            return Err(unreadable(path, reason));
        };
        tensor.raw_data = bytes.to_vec();
        tensor.external_data.clear();
        tensor.data_location = Some(DataLocation::Default as i32);
        Ok(())
    })
}

/// The contents of the file `location` in `folder`, of at most `most` bytes.
///
/// # Errors
/// [`IoError`] if it cannot be read; [`ModelError`] for what is no file, is a link out of the folder, or is longer.
pub(super) fn read(folder: &Path, location: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let path = folder.join(location);
    let whole = |path: &Path| std::fs::canonicalize(path).map_err(IoError::when("read", path));
    // An empty parent is the working directory.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (inside, real) = (whole(folder)?, whole(&path)?);
    if !real.starts_with(&inside) {
        let reason = "it is a link to a place outside the model's folder: put a copy of the file there";
        return Err(unreadable(&path, reason).into());
    }
    // Looked at before it is opened: opening a pipe waits for a writer.
    let about = std::fs::metadata(&real).map_err(IoError::when("read", &path))?;
    if !about.is_file() {
        return Err(unreadable(&path, "it is no file").into());
    }
    let too_large = |bytes| ModelError::TooLarge { path: path.clone(), bytes, limit: most };
    if about.len() > most {
        return Err(too_large(about.len()).into());
    }
    let file = std::fs::File::open(&real).map_err(IoError::when("read", &path))?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(IoError::when("read", &path))?;
    if bytes.len() as u64 > most {
        return Err(too_large(bytes.len() as u64).into());
    }
    Ok(bytes)
}

/// Whether a tensor's bytes lie elsewhere.
pub(super) fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty()
}

/// Where the bytes of `tensor` lie, if not in the model itself.
fn claim(path: &Path, tensor: &TensorProto, limits: &Limits) -> Result<Option<Claim>, ModelError> {
    if !is_external(tensor) {
        return Ok(None);
    }
    let name = &tensor.name;
    let refuse = |what: String| Err(unreadable(path, format!("the weights of `{name}` lie in another file, {what}")));
    if let Some(entry) = tensor.external_data.iter().find(|entry| !KEYS.contains(&entry.key.as_str())) {
        return refuse(format!("and their `{}` is not known", entry.key));
    }
    let entry =
        |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
    let Some(location) = entry("location").map(Path::new) else {
        return refuse("of which they do not tell the name".into());
    };
    let inside = location.components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || location.as_os_str().is_empty() || location.to_string_lossy().contains(['\\', '\0']) {
        let location = location.display();
        return refuse(format!("`{location}`, which is outside the model's folder: export the model again"));
    }
    let expected = guard::check_claim(path, tensor, name, limits)?;
    let number = |key: &str, absent: u64| match entry(key) {
        Some(text) => text.parse().map_err(|_| unreadable(path, format!("`{name}` has a `{key}` of `{text}`"))),
        None => Ok(absent),
    };
    let (offset, length) = (number("offset", 0)?, number("length", expected)?);
    if length != expected {
        return refuse(format!("of which they claim {length} bytes where their shape has {expected}"));
    }
    let Some(end) = offset.checked_add(length) else {
        return refuse(format!("at an `offset` of {offset}"));
    };
    Ok(Some(Claim { tensor: name.clone(), location: location.to_path_buf(), bytes: offset..end }))
}

/// Every constant of a graph and of the graphs in it.
fn tensors(graph: Option<&GraphProto>) -> Vec<&TensorProto> {
    let mut found = Vec::new();
    for graph in super::names::with_subgraphs(graph) {
        found.extend(&graph.initializer);
        let attributes = graph.node.iter().flat_map(|node| &node.attribute);
        found.extend(attributes.flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors)));
    }
    found
}

/// As [`tensors`], to be changed.
fn each_tensor(
    graph: &mut GraphProto,
    depth: usize,
    change: &mut dyn FnMut(&mut TensorProto) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    if depth > DEEPEST {
        return Ok(());
    }
    graph.initializer.iter_mut().try_for_each(&mut *change)?;
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        attribute.t.iter_mut().chain(&mut attribute.tensors).try_for_each(&mut *change)?;
        for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            each_tensor(graph, depth + 1, change)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
