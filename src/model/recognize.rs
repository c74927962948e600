//! Which family two files are of, and what else an entry of a manifest says of them, as far as their tensors tell.

use std::fmt::Write;

use super::family::{FamilyId, Need};
use super::part::Part;
use crate::engine::{OnnxModel, TensorInfo};
use crate::error::{InstallError, TensorRole};
use crate::geometry::{Fit, Size};

/// What the tensors of an encoder and a decoder tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recognized {
    /// The family whose names they have, or the one that was asked for.
    pub family: FamilyId,
    /// The encoder's input in pixels.
    pub input: Size,
    /// The file leaves that size open, and it is the usual one of the family or the one that was asked for.
    pub input_is_open: bool,
    /// How frames fill it.
    pub fit: Fit,
}

/// Recognises two files, of the family `asked` for or of any, with an input of `size` if that is asked for. Whether everything fits
/// shows when they are loaded.
///
/// # Errors
/// [`InstallError::Swapped`]; [`InstallError::NotRecognized`] with what each family lacks; [`InstallError::FixedInput`].
pub fn recognize(
    encoder: &OnnxModel,
    decoder: &OnnxModel,
    asked: Option<FamilyId>,
    size: Option<Size>,
) -> Result<Recognized, InstallError> {
    let family = match asked {
        Some(family) => family,
        None => family_of(encoder, decoder)?,
    };
    let told = image(encoder).and_then(|image| match image.shape[..] {
        [.., Some(height), Some(width)] => Some([width, height]),
        _ => None,
    });
    if let (Some(found), Some(asked)) = (told, size)
        && found != [asked.width as usize, asked.height as usize]
    {
        let asked = [asked.width, asked.height];
        return Err(InstallError::FixedInput { path: encoder.path().into(), found, asked });
    }
    let fixed = told.and_then(|[width, height]| {
        Some(Size::new(u32::try_from(width).ok().filter(|w| *w > 0)?, u32::try_from(height).ok().filter(|h| *h > 0)?))
    });
    Ok(Recognized {
        family,
        input: fixed.or(size).unwrap_or_else(|| family.family().usual_input(decoder)),
        input_is_open: fixed.is_none(),
        fit: family.family().fit(encoder),
    })
}

/// The encoder's image: its only input.
fn image(encoder: &OnnxModel) -> Option<&TensorInfo> {
    match encoder.inputs() {
        [image] if image.shape.len() == 4 => Some(image),
        _ => None,
    }
}

fn family_of(encoder: &OnnxModel, decoder: &OnnxModel) -> Result<FamilyId, InstallError> {
    let first = |of: &dyn Fn(FamilyId) -> bool| FamilyId::all().find(|family| of(*family));
    let as_encoder = |file| first(&|family| family.recognizes(Part::Encoder, file));
    let as_decoder = |file| first(&|family| family.recognizes(Part::Decoder, file));
    if let Some(family) = first(&|f| f.recognizes(Part::Encoder, encoder) && f.recognizes(Part::Decoder, decoder)) {
        return Ok(family);
    }
    if let (Some(family), Some(_)) = (as_decoder(encoder), as_encoder(decoder)) {
        let (encoder, decoder) = (encoder.path().into(), decoder.path().into());
        return Err(InstallError::Swapped { encoder, decoder, family: family.name() });
    }
    // Names of what encoders make differ from export to export; loading holds their shapes against the decoder.
    match as_decoder(decoder) {
        Some(family)
            if as_encoder(encoder).is_none()
                && as_decoder(encoder).is_none()
                && image(encoder).is_some()
                && family
                    .family()
                    .needs(Part::Encoder)
                    .iter()
                    .all(|n| n.role == TensorRole::Output || has(encoder, n)) =>
        {
            Ok(family)
        }
        _ => Err(InstallError::NotRecognized { report: report(encoder, decoder) }),
    }
}

/// What the files have, and what each family would need.
fn report(encoder: &OnnxModel, decoder: &OnnxModel) -> String {
    let parts = [(Part::Encoder, "encoder", encoder), (Part::Decoder, "decoder", decoder)];
    let mut text = String::new();
    // Writing to a string does not fail.
    for (part, name, file) in parts {
        let alike = FamilyId::all().find(|family| family.recognizes(part, file));
        let alike = alike.map(|family| format!(" (like one of family `{family}`)")).unwrap_or_default();
        let (takes, makes) = (listed(file.inputs()), listed(file.outputs()));
        let _ = writeln!(text, "  the {name} {} takes {takes} and makes {makes}{alike}", file.path().display());
    }
    for family in FamilyId::all() {
        for (part, name, file) in parts {
            let needs = family.family().needs(part);
            let missing: Vec<&str> = needs.iter().filter(|need| !has(file, need)).map(|n| n.what.as_str()).collect();
            if missing.is_empty() {
                let _ = writeln!(text, "  family `{family}`: its {name} is all there");
                continue;
            }
            let all = |role| needs.iter().filter(move |n| n.role == role).map(|n| n.what.as_str()).collect::<Vec<_>>();
            let (takes, makes) = (all(TensorRole::Input).join(", "), all(TensorRole::Output).join(", "));
            let missing = match missing.len() == needs.len() {
                true => "nothing of it is here".to_owned(),
                false => format!("missing here: {}", missing.join(", ")),
            };
            let _ = writeln!(text, "  family `{family}`: its {name} takes {takes} and makes {makes}; {missing}");
        }
    }
    text
}

fn has(file: &OnnxModel, need: &Need) -> bool {
    let tensors = match need.role {
        TensorRole::Input => file.inputs(),
        TensorRole::Output => file.outputs(),
    };
    tensors.iter().any(|tensor| (need.is)(&tensor.name))
}

/// Most tensors that are listed.
const LISTED: usize = 8;

fn listed(tensors: &[TensorInfo]) -> String {
    let mut texts: Vec<String> =
        tensors.iter().take(LISTED).map(|info| format!("`{}` {}", info.name, info.shape_text())).collect();
    if tensors.len() > LISTED {
        texts.push(format!("and {} more", tensors.len() - LISTED));
    }
    if texts.is_empty() { "nothing".into() } else { texts.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn open(file: &str) -> OnnxModel {
        OnnxModel::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file), Default::default()).unwrap()
    }

    #[test]
    fn exports_are_known_by_their_tensors() {
        let reference = |name: &str| {
            let part = |part: &str| open(&format!("reference/models/{name}.{part}.onnx"));
            recognize(&part("encoder"), &part("decoder"), None, None).unwrap()
        };
        let rows = [
            ("segment-anything", "sam", Fit::Letterbox, 128),
            ("edge-sam-unrated", "sam", Fit::Letterbox, 128),
            ("efficientvit-sam", "sam", Fit::Letterbox, 64),
            ("sam2-samexporter", "sam", Fit::Stretch, 128),
            ("transformers-sam-boxes", "transformers", Fit::Letterbox, 128),
            ("transformers-sam2", "transformers", Fit::Stretch, 128),
        ];
        for (name, family, fit, side) in rows {
            let found = reference(name);
            assert_eq!((found.family.name(), found.fit, found.input_is_open), (family, fit, false), "{name}");
            assert_eq!(found.input, Size::new(side, side), "{name}");
        }
        let open_size = recognize(
            &open("models/foveate_encoder.onnx"),
            &open("models/foveate_decoder.onnx"),
            None,
            Some(Size::new(96, 64)),
        );
        let found = open_size.unwrap();
        assert_eq!((found.family.name(), found.input, found.input_is_open), ("foveate", Size::new(96, 64), true));
    }

    #[test]
    fn a_refusal_tells_what_is_there_and_what_is_missing() {
        let (encoder, decoder) = (open("models/foveate_encoder.onnx"), open("models/foveate_decoder.onnx"));
        assert!(matches!(recognize(&decoder, &encoder, None, None), Err(InstallError::Swapped { .. })));
        let refused = recognize(&encoder, &open("models/sam_decoder.onnx"), None, None).unwrap_err().to_string();
        for told in ["`point_coords` [1, ?, 2]", "missing here: `embedding`", "(like one of family `sam`)", "--family"]
        {
            assert!(refused.contains(told), "{told}: {refused}");
        }
    }
}
