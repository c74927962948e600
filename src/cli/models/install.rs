//! From two files to an installed model: copied, recognised, proven, described.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::super::model_args::parse_threads;
use super::super::output::lossy;
use super::super::prompt_args::parse_point;
use super::super::quantize::{MaskAgreement, quantize_encoder};
use super::entry::megabytes;
use super::list::billions;
use super::photo::Photo;
use super::proof::{Proof, prove};
use super::target;
use crate::board::Machine;
use crate::engine::Precision;
use crate::error::{Error, InstallError, ModelError};
use crate::geometry::{Fit, LabeledPoint, Size};
use crate::model::{
    FamilyId, FileSpec, Files, Installed, Measured, ModelSpec, NormalizationSpec, Part, Ranking, Recognized, Staging,
    recognize,
};
use crate::sink::overlay::write_overlay;
use crate::sync::StopToken;

/// Where a model goes and how it proves itself.
#[derive(Debug, clap::Args)]
pub(super) struct InstallArgs {
    /// Install into this folder, which --models-dir of the other commands then names; your own models' folder unless given
    #[arg(long, value_name = "DIR", visible_alias = "out")]
    pub models_dir: Option<PathBuf>,
    /// Take the place of an installed model of this name, which is kept until the new one is proven
    #[arg(long)]
    pub replace: bool,
    /// Also make an encoder in 8-bit integers, calibrated on the photos of this folder
    #[arg(long, value_name = "DIR")]
    pub quantize_with: Option<PathBuf>,
    /// Prove it on this photo; on a rendered scene unless given
    #[arg(long, value_name = "PHOTO", help_heading = "Proof")]
    pub photo: Option<PathBuf>,
    /// Click here; in the photo's middle unless given
    #[arg(long, value_name = "X,Y", value_parser = parse_point, allow_hyphen_values = true, requires = "photo", help_heading = "Proof")]
    pub point: Option<LabeledPoint>,
    /// Write the photo with the mask here too; it is proof.png in the model's folder
    #[arg(long, value_name = "OUT.png", help_heading = "Proof")]
    pub overlay: Option<PathBuf>,
    /// Threads to prove and time it with
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_threads, help_heading = "Proof")]
    pub threads: usize,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is installed, and what is said of it.
pub(super) struct Plan {
    pub name: String,
    pub encoder: Source,
    pub decoder: Source,
    pub description: String,
    pub licence: String,
    pub source: String,
    pub family: Option<FamilyId>,
    pub input_size: Option<Size>,
    pub coordinates: Option<Size>,
    pub fit: Option<Fit>,
    pub ranking: Ranking,
    pub normalization: NormalizationSpec,
}

/// A file to install.
#[derive(Default)]
pub(super) struct Source {
    pub path: PathBuf,
    /// Its SHA-256, where it has been verified.
    pub sha256: Option<String>,
    /// Where it can be fetched again.
    pub address: Option<String>,
}

/// The JSON form of what was installed.
#[derive(Serialize)]
pub(super) struct Report {
    pub name: String,
    #[serde(serialize_with = "lossy")]
    pub folder: PathBuf,
    pub family: &'static str,
    pub input_size: [u32; 2],
    /// The file left the size open.
    pub input_is_open: bool,
    pub fit: Fit,
    pub bytes: u64,
    /// What the model proved itself on.
    pub photo: String,
    /// One for each precision.
    pub proofs: Vec<Proof>,
    /// Masks of the 8-bit encoder against the float one's; `null` without --quantize-with.
    pub quantized: Option<MaskAgreement>,
}

/// Refuses to go on once Ctrl-C was pressed.
pub(super) fn unless_stopped(stop: &StopToken) -> Result<(), InstallError> {
    if stop.is_stopped() { Err(InstallError::Stopped) } else { Ok(()) }
}

/// Installs a model. On any error, and after Ctrl-C, nothing of it is left and what was there is there still.
pub(super) fn install(plan: &Plan, args: &InstallArgs, stop: &StopToken) -> anyhow::Result<Report> {
    let (models, registry) = target(args.models_dir.clone())?;
    let staging = Staging::begin(&models, &plan.name, args.replace, &registry)?;
    let (encoder, encoder_model) = copied(&staging, Part::Encoder, &plan.encoder)?;
    let (decoder, decoder_model) = copied(&staging, Part::Decoder, &plan.decoder)?;
    let found = recognize(&encoder_model, &decoder_model, plan.family, plan.input_size)?;
    let stored = encoder_model.stored_precision();
    drop((encoder_model, decoder_model));
    unless_stopped(stop)?;

    let mut spec = described(plan, &found);
    spec.files.insert(stored, Files { encoder, decoder });
    let photo = Photo::new(args.photo.as_deref(), args.point)?;
    let here = |spec: &ModelSpec| Installed::in_folder(spec.clone(), staging.folder());
    // Half floats are proven as `--precision auto` runs them.
    let precision = if stored == Precision::Int8 { Precision::Int8 } else { Precision::F32 };
    let proof = prove(&here(&spec), precision, args.threads, &photo)
        .map_err(|error| of_sources(error, &staging, &spec, plan))?;
    write_overlay(&staging.folder().join(Staging::PROOF), &photo.frame, &proof.best, &proof.prompt)?;
    spec.multiply_adds = Some(proof.multiply_adds);
    let mut proofs = vec![proof];
    unless_stopped(stop)?;

    let mut quantized = None;
    if let Some(calibration) = &args.quantize_with {
        quantized = add_integers(&mut spec, &staging, calibration, args.threads, stop)?;
        proofs.push(prove(&here(&spec), Precision::Int8, args.threads, &photo)?);
    }
    let machine = Machine::read(Path::new("/"));
    let measured = Measured {
        model: plan.name.clone(),
        machine: machine.cpu.unwrap_or_else(|| machine.arch.into()),
        foveate: env!("CARGO_PKG_VERSION").into(),
        runs: proofs.iter().map(|proof| proof.run).collect(),
    };
    let bytes = lengths(&spec);
    staging.describe(spec, &measured)?;
    if let (Some(path), Some(proof)) = (&args.overlay, proofs.first()) {
        write_overlay(path, &photo.frame, &proof.best, &proof.prompt)?;
    }
    unless_stopped(stop)?;
    let folder = staging.commit()?;
    Ok(Report {
        name: plan.name.clone(),
        folder,
        family: found.family.name(),
        input_size: [found.input.width, found.input.height],
        input_is_open: found.input_is_open,
        fit: plan.fit.unwrap_or(found.fit),
        bytes,
        photo: photo.name,
        proofs,
        quantized,
    })
}

/// A copy in the folder that is being made, of what was verified.
fn copied(staging: &Staging, part: Part, source: &Source) -> Result<(FileSpec, crate::engine::OnnxModel), Error> {
    let (mut file, model) = staging.copy(part, &source.path)?;
    if let Some(expected) = source.sha256.as_ref().filter(|expected| **expected != file.sha256) {
        let (path, expected, found) = (source.path.clone(), expected.clone(), file.sha256);
        return Err(ModelError::Checksum { path, expected, found }.into());
    }
    file.address.clone_from(&source.address);
    Ok((file, model))
}

fn described(plan: &Plan, found: &Recognized) -> ModelSpec {
    ModelSpec {
        name: plan.name.clone(),
        family: found.family,
        description: plan.description.clone(),
        licence: plan.licence.clone(),
        source: plan.source.clone(),
        input: [found.input.width, found.input.height],
        sizes: None,
        fit: plan.fit.unwrap_or(found.fit),
        coordinates: plan.coordinates.map(|plane| [plane.width, plane.height]),
        ranking: plan.ranking,
        normalization: plan.normalization,
        multiply_adds: None,
        files: Default::default(),
    }
}

/// Adds the encoder in 8-bit integers; the decoder is the float one.
fn add_integers(
    spec: &mut ModelSpec,
    staging: &Staging,
    calibration: &Path,
    threads: usize,
    stop: &StopToken,
) -> anyhow::Result<Option<MaskAgreement>> {
    const FILE: &str = "encoder-int8.onnx";
    let Some(floats) = spec.files.get(&Precision::F32).cloned() else {
        let found = spec.files.keys().next().map_or("no", |stored| stored.name());
        anyhow::bail!(
            "--quantize-with needs files in f32, and these are in {found}: leave it out, or give the f32 export"
        );
    };
    let installed = Installed::in_folder(spec.clone(), staging.folder());
    let masks = quantize_encoder(&installed, calibration, &staging.folder().join(FILE), threads, stop)?;
    unless_stopped(stop)?;
    spec.files.insert(Precision::Int8, Files { encoder: staging.made(FILE)?, decoder: floats.decoder });
    Ok(masks)
}

/// The error about a copy as one about the file that the user gave.
fn of_sources(error: Error, staging: &Staging, spec: &ModelSpec, plan: &Plan) -> anyhow::Error {
    let Error::Model(mut error) = error else { return error.into() };
    for files in spec.files.values() {
        for (file, source) in [(&files.encoder, &plan.encoder), (&files.decoder, &plan.decoder)] {
            error = error.of_file(&staging.folder().join(&file.path), &source.path);
        }
    }
    let wants_plane = matches!(error, ModelError::Coordinates { .. });
    let result = Err::<(), Error>(error.into());
    let result = match wants_plane {
        true => result.context("give --coordinates WxH, mostly 1024x1024"),
        false => result.map_err(anyhow::Error::from),
    };
    match result {
        Err(error) => error,
        Ok(()) => InstallError::Stopped.into(),
    }
}

/// Bytes of all files, each counted once.
fn lengths(spec: &ModelSpec) -> u64 {
    let mut lengths = std::collections::BTreeMap::new();
    for file in spec.files.values().flat_map(|files| [&files.encoder, &files.decoder]) {
        lengths.insert(&file.path, file.bytes.unwrap_or_default());
        lengths.extend(file.external.iter().map(|part| (&part.path, part.bytes.unwrap_or_default())));
    }
    lengths.values().sum()
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let [width, height] = self.input_size;
        let open = if self.input_is_open { ", which the file leaves open" } else { "" };
        let fit = match self.fit {
            Fit::Letterbox => "letterbox",
            Fit::Stretch => "stretch",
        };
        let mut text = format!(
            "{}: family {}, input {width}x{height}{open}, fit {fit}, {:.2} MB\n",
            self.name,
            self.family,
            megabytes(self.bytes)
        );
        // Writing to a string does not fail.
        let _ = writeln!(text, "proven on {}:", self.photo);
        for proof in &self.proofs {
            let run = &proof.run;
            let threads = if run.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", run.threads) };
            let _ = writeln!(
                text,
                "  {:<4}  encoder {:.1} ms ({} multiply-adds), decoder {:.1} ms ({}), {threads}",
                run.precision.name(),
                run.encoder_ms,
                billions(proof.multiply_adds.encoder),
                run.decoder_ms,
                billions(proof.multiply_adds.decoder)
            );
            for mask in &proof.masks {
                let (rating, stability, area) = (mask.predicted_iou, mask.stability, mask.area);
                let _ = writeln!(
                    text,
                    "        mask of {area} pixels, predicted IoU {rating:.3}, stability {stability:.3}"
                );
            }
            if let Some(iou) = proof.iou {
                let _ = writeln!(text, "        IoU of the first with the truth {iou:.3}");
            }
            for doubt in &proof.doubts {
                let _ = writeln!(text, "        but {doubt}");
            }
        }
        if let Some(MaskAgreement { photos, prompts, median_iou, .. }) = &self.quantized {
            let _ = writeln!(
                text,
                "masks of the 8-bit encoder against the float one's, {prompts} clicks on {photos} photos: IoU {median_iou:.3} in the median"
            );
        }
        let _ = writeln!(
            text,
            "installed in {}; {} shows the mask. Use it with --model {}",
            self.folder.display(),
            Staging::PROOF,
            self.name
        );
        text
    }
}
