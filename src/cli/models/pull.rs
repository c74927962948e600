//! `foveate models pull`: a public model by its name, or the missing files of an installed one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::interrupt::on_interrupt;
use super::super::output::{lossy, print, print_json};
use super::super::outputs::Files;
use super::fetched::{Origins, Wanted};
use super::install::{InstallArgs, Plan, Source, install, unless_stopped};
use super::photo::Photo;
use super::proof::{Proof, prove};
use super::target;
use crate::board::ByteSize;
use crate::download::Pin;
use crate::engine::Precision;
use crate::error::{Error, InstallError, IoError, ModelError, nearest_name};
use crate::model::{CatalogueEntry, CatalogueFile, FileState, Installed, Registry, catalogue, check_name};
use crate::output::claim_folder;
use crate::sync::StopToken;

/// The folder, inside that of the models, with what is on its way. It is hidden, so that no model is looked for in it.
const DOWNLOADS: &str = ".downloads";

/// Fetch a public model and install it, or fetch the missing files of an installed one.
///
/// Files are pinned by their hashes: what is not the file that was published is refused, wherever it came from. A download that was cut
/// goes on where it ended, by itself or when the command is given again. Then the model is installed as `foveate models add` does it: it
/// proves itself on a photo, and is there whole or not at all. `foveate models list` shows what can be pulled.
///
/// A model of a manifest whose files are missing gets them from the `address` that the manifest gives.
///
/// Proxies are those of HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PullArgs {
    /// A name that `foveate models list` shows
    name: String,
    /// Take the files from here instead of the network: a file, or a folder that has them under their published names. May be repeated
    #[arg(long, value_name = "FILE|DIR")]
    from: Vec<PathBuf>,
    /// Fetch the files from this folder of a mirror, which has them under their published names
    #[arg(long, value_name = "URL", conflicts_with = "from")]
    address: Option<String>,
    /// Refuse files that are longer, such as 100M
    #[arg(long, value_name = "SIZE", default_value = "512M")]
    max_size: ByteSize,
    /// Agree to a licence that forbids something, of which you are told without this
    #[arg(long, visible_alias = "accept-license")]
    accept_licence: bool,
    #[command(flatten)]
    install: InstallArgs,
}

const EXAMPLES: &str = "\
Examples:
  MobileSAM, 40 MB; it proves itself on a rendered scene:
    foveate models pull mobile-sam
    foveate segment photo.jpg --point 420,250 --model mobile-sam
  With an encoder in 8-bit integers, calibrated on your photos:
    foveate models pull mobile-sam --quantize-with photos
  On a machine without a network, from files that were fetched elsewhere:
    foveate models pull mobile-sam --from /media/stick
  For research only, as its licence says:
    foveate models pull edge-sam-3x --accept-licence";

/// Runs the command.
pub(super) fn run(args: PullArgs) -> anyhow::Result<()> {
    check_name(&args.name)?;
    let (models, registry) = target(args.install.models_dir.clone())?;
    let mut files = Files::default();
    files.reads("--photo", &args.install.photo).reads("--from", &args.from);
    files.reads_trees("--quantize-with", &args.install.quantize_with);
    files.writes("--overlay", &args.install.overlay).writes_stdout().check()?;
    let known = catalogue()?;
    let entry = known.iter().find(|entry| entry.name == args.name);
    let stop = on_interrupt()?;
    match (registry.get(&args.name), entry) {
        (Ok(installed), entry) => {
            let faulty = faulty(installed)?;
            let Some(folder) = installed.location.folder().filter(|_| !faulty.is_empty()) else {
                return match entry {
                    Some(entry) if args.install.replace => pull(entry, &args, &models, &stop),
                    _ => Err(whole(installed).into()),
                };
            };
            restore(installed, folder, &faulty, &args, &stop)
        }
        (Err(_), Some(entry)) => pull(entry, &args, &models, &stop),
        (Err(_), None) => {
            let names = known.iter().map(|entry| entry.name.as_str());
            let names = names.chain(registry.list().iter().map(|installed| installed.spec.name.as_str()));
            Err(ModelError::Unknown { nearest: nearest_name(&args.name, names), name: args.name }.into())
        }
    }
}

fn whole(installed: &Installed) -> InstallError {
    InstallError::Exists {
        name: installed.spec.name.clone(),
        place: installed.location.to_string(),
        remedy: "all of its files are there; --replace fetches one of the catalogue again",
    }
}

/// Installs a model of the catalogue.
fn pull(entry: &CatalogueEntry, args: &PullArgs, models: &Path, stop: &StopToken) -> anyhow::Result<()> {
    if let Some(terms) = entry.terms.as_ref().filter(|_| !args.accept_licence) {
        return Err(InstallError::Terms { name: entry.name.clone(), terms: terms.clone() }.into());
    }
    let origins = origins(args, stop);
    let downloads = models.join(DOWNLOADS).join(&entry.name);
    let obtained = |file: &CatalogueFile| -> Result<Source, Error> {
        let name = file_name(&file.address);
        let wanted = Wanted { file: name, address: Some(file.address.clone()), pin: file.pin.clone() };
        let found = origins.obtain(&wanted, &downloads)?;
        Ok(Source { path: found.path, sha256: Some(found.sha256), address: Some(file.address.clone()) })
    };
    let made_models = !models.exists();
    let files = obtained(&entry.encoder).and_then(|encoder| Ok((encoder, obtained(&entry.decoder)?)));
    let (encoder, decoder) = files.inspect_err(|_| tidy(&downloads, models, made_models))?;
    let plan = Plan {
        name: entry.name.clone(),
        encoder,
        decoder,
        description: entry.description.clone(),
        licence: entry.licence.clone(),
        source: entry.source.clone(),
        family: Some(entry.family),
        input_size: None,
        coordinates: None,
        fit: None,
        ranking: entry.ranking,
        normalization: entry.normalization,
    };
    let report = install(&plan, &args.install, stop)?;
    // What was fetched is in the model's own folder now.
    let _ = fs::remove_dir_all(&downloads);
    tidy(&downloads, models, false);
    if args.install.json { print_json(&report) } else { print(&report.text()) }
}

fn origins<'a>(args: &'a PullArgs, stop: &'a StopToken) -> Origins<'a> {
    Origins { from: &args.from, mirror: args.address.as_deref(), limit: args.max_size.0, stop }
}

/// Removes the folders of downloads that are empty. What is in them is gone on with.
fn tidy(downloads: &Path, models: &Path, made_models: bool) {
    for own in fs::read_dir(downloads).into_iter().flatten().flatten() {
        let _ = fs::remove_dir(own.path());
    }
    let _ = fs::remove_dir(downloads);
    let _ = fs::remove_dir(models.join(DOWNLOADS));
    if made_models {
        let _ = fs::remove_dir(models);
    }
}

/// The last part of an address, empty where that is no file's name.
fn file_name(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_name = Path::new(name).file_name().is_some_and(|last| *last == *name);
    if is_name { name.to_owned() } else { String::new() }
}

/// A file of a manifest that is not there, or is not what the manifest says.
struct Faulty {
    /// Relative to the manifest.
    path: PathBuf,
    wanted: Wanted,
    /// It is there, and is another.
    altered: bool,
}

fn faulty(installed: &Installed) -> Result<Vec<Faulty>, Error> {
    let mut found: BTreeMap<PathBuf, Faulty> = BTreeMap::new();
    for file in installed.spec.files.values().flat_map(|files| [&files.encoder, &files.decoder]) {
        let external = file.external.iter().map(|part| (&part.path, &part.sha256, part.bytes, &part.address));
        for (path, sha256, bytes, address) in
            std::iter::once((&file.path, &file.sha256, file.bytes, &file.address)).chain(external)
        {
            let state = installed.location.state(path, sha256)?;
            if state == FileState::Intact {
                continue;
            }
            // Two files of one model may have one name in two folders; both are told apart by the address.
            let published = address.as_deref().map(file_name).filter(|name| !name.is_empty());
            let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let wanted = Wanted {
                file: published.unwrap_or(own),
                address: address.clone(),
                pin: Pin { sha256: Some(sha256.clone()), bytes, git_blob: None },
            };
            found.insert(path.clone(), Faulty { path: path.clone(), wanted, altered: state != FileState::Missing });
        }
    }
    Ok(found.into_values().collect())
}

#[derive(Serialize)]
struct Restored {
    name: String,
    #[serde(serialize_with = "lossy")]
    folder: PathBuf,
    /// What was missing or altered.
    files: Vec<String>,
    proof: Proof,
}

/// Fetches what is missing of an installed model. It proves itself in another folder first, so that its own gets what is right.
fn restore(
    installed: &Installed,
    folder: &Path,
    faulty: &[Faulty],
    args: &PullArgs,
    stop: &StopToken,
) -> anyhow::Result<()> {
    if let Some(altered) = faulty.iter().find(|file| file.altered && !args.install.replace) {
        let path = folder.join(&altered.path);
        let reason = "it is not the file that the manifest pins, and nobody but you knows what it is: --replace fetches the right one in its place";
        anyhow::bail!("{}: {reason}", path.display());
    }
    // One program at a time, or each would take away what the other has fetched.
    let _claim = claim_folder(folder).map_err(IoError::when("write", folder))?;
    let name = &installed.spec.name;
    let downloads = folder.join(DOWNLOADS).join(name);
    let origins = origins(args, stop);
    // Each in a folder of its own, because two may have one name.
    let mut fetched = Vec::new();
    for (number, file) in faulty.iter().enumerate() {
        let obtained = origins.obtain(&file.wanted, &downloads.join(number.to_string()));
        fetched.push((file, obtained.inspect_err(|_| tidy(&downloads, folder, false))?.path));
    }
    unless_stopped(stop)?;
    let whole = downloads.join("whole");
    let proof = proven(installed, folder, &whole, &fetched, args);
    // Copies, of which nothing is lost.
    let _ = fs::remove_dir_all(&whole);
    let proof = proof?;
    unless_stopped(stop)?;
    for (file, fetched) in &fetched {
        let place = folder.join(&file.path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(IoError::when("create", parent)).map_err(Error::from)?;
        }
        fs::rename(fetched, &place).map_err(IoError::when("write", &place)).map_err(Error::from)?;
    }
    Registry::from_dirs(&[folder.to_path_buf()])?.get(name)?.check_files()?;
    let _ = fs::remove_dir_all(&downloads);
    tidy(&downloads, folder, false);
    let files = faulty.iter().map(|file| file.path.display().to_string()).collect();
    let restored = Restored { name: name.clone(), folder: folder.into(), files, proof };
    if args.install.json {
        return print_json(&restored);
    }
    let run = &restored.proof.run;
    print(&format!(
        "{name}: {} fetched into {}; proven in {}: encoder {:.1} ms, decoder {:.1} ms\n",
        restored.files.join(", "),
        folder.display(),
        run.precision.name(),
        run.encoder_ms,
        run.decoder_ms
    ))
}

/// Has the model prove itself in the folder `whole`, of its own files and those that were `fetched`.
fn proven(
    installed: &Installed,
    folder: &Path,
    whole: &Path,
    fetched: &[(&Faulty, PathBuf)],
    args: &PullArgs,
) -> Result<Proof, Error> {
    let spec = &installed.spec;
    for file in spec.files.values().flat_map(|files| [&files.encoder, &files.decoder]) {
        for (path, _) in file.parts() {
            let source = fetched.iter().find(|(faulty, _)| faulty.path == path).map(|(_, fetched)| fetched.clone());
            let (source, copy) = (source.unwrap_or_else(|| folder.join(path)), whole.join(path));
            if let Some(parent) = copy.parent() {
                fs::create_dir_all(parent).map_err(IoError::when("create", parent))?;
            }
            fs::copy(&source, &copy).map_err(IoError::when("write", &copy))?;
        }
    }
    let precision = if spec.files_for(Precision::F32).is_some() { Precision::F32 } else { Precision::Int8 };
    let photo = Photo::new(args.install.photo.as_deref(), args.install.point)?;
    prove(&Installed::in_folder(spec.clone(), whole), precision, args.install.threads, &photo)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::download::digests;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: PullArgs,
    }

    #[test]
    fn the_examples_in_the_help_are_valid() {
        let lines: Vec<&str> = EXAMPLES.lines().filter_map(|l| l.trim().strip_prefix("foveate models ")).collect();
        assert_eq!(lines.len(), 4);
        for line in lines {
            assert!(Command::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }

    /// An entry whose files are those of `tiny-sam`, pinned as git does.
    fn entry() -> (CatalogueEntry, PathBuf) {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
        let registry = Registry::from_dirs(std::slice::from_ref(&models)).unwrap();
        let spec = registry.get("tiny-sam").unwrap().spec.clone();
        let file = |name: &str| CatalogueFile {
            address: format!("http://127.0.0.1:1/{name}"),
            pin: Pin { git_blob: Some(digests(&models.join(name)).unwrap().git_blob), ..Pin::default() },
        };
        let entry = CatalogueEntry {
            name: "public".into(),
            family: spec.family,
            description: spec.description,
            licence: spec.licence,
            terms: None,
            source: spec.source,
            ranking: spec.ranking,
            normalization: spec.normalization,
            encoder: file("sam_encoder.onnx"),
            decoder: file("sam_decoder.onnx"),
        };
        (entry, models)
    }

    fn parsed(line: &str, models: &Path) -> PullArgs {
        let line = line.split(' ').map(String::from);
        Command::try_parse_from(line.chain(["--models-dir".into(), models.display().to_string()])).unwrap().args
    }

    #[test]
    fn a_public_model_is_installed_from_files_with_their_sha256_and_address() {
        let (entry, source) = entry();
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("models");
        let args = parsed(&format!("pull public --from {}", source.display()), &models);
        pull(&entry, &args, &models, &StopToken::new()).unwrap();
        let registry = Registry::from_dirs(std::slice::from_ref(&models)).unwrap();
        let installed = registry.get("public").unwrap();
        installed.check_files().unwrap();
        let file = &installed.spec.files[&Precision::F32].encoder;
        assert_eq!(file.sha256, digests(&source.join("sam_encoder.onnx")).unwrap().sha256);
        assert_eq!(file.address.as_ref(), Some(&entry.encoder.address));
        let left = fs::read_dir(&models).unwrap().count();
        assert_eq!(left, 1, "downloads are cleared away");
    }

    #[test]
    fn what_is_not_the_published_file_leaves_nothing() {
        let (mut entry, source) = entry();
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("models");
        entry.decoder.pin.git_blob = Some("0".repeat(40));
        let args = parsed(&format!("pull public --from {}", source.display()), &models);
        let refused = pull(&entry, &args, &models, &StopToken::new()).unwrap_err().to_string();
        assert!(refused.contains("git blob id") && refused.contains("sam_decoder.onnx"), "{refused}");
        assert!(
            fs::read_dir(&models).unwrap().all(|e| e.unwrap().file_name() == DOWNLOADS),
            "only what is verified is kept"
        );
        let alone = source.join("sam_encoder.onnx");
        let args = parsed(&format!("pull public --from {}", alone.display()), &models);
        let refused = pull(&entry, &args, &models, &StopToken::new()).unwrap_err().to_string();
        assert!(refused.contains("none of") && refused.contains("sam_decoder.onnx"), "{refused}");
        entry.terms = Some("research only".into());
        let refused = pull(&entry, &args, &models, &StopToken::new()).unwrap_err().to_string();
        assert!(refused.contains("research only") && refused.contains("--accept-licence"), "{refused}");
    }

    #[test]
    fn files_are_known_by_the_last_part_of_their_address() {
        assert_eq!(file_name("https://host/a/b.onnx?download=true"), "b.onnx");
        for none in ["https://host/a/", "https://host/a/..", "https://host/?a=/b"] {
            assert_eq!(file_name(none), "", "{none}");
        }
    }
}
