use super::*;
use crate::engine::Precision;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

/// The spec of `tiny`, installed from its own files.
fn installed(models: &Path, replace: bool) -> Result<PathBuf, Error> {
    let staging = Staging::begin(models, "tiny", replace, &Registry::default())?;
    let mut spec = Registry::from_dirs(&[tests()])?.get("tiny")?.spec.clone();
    let files = spec.files.get_mut(&Precision::F32).unwrap();
    files.encoder = staging.copy(Part::Encoder, &tests().join("foveate_encoder.onnx"))?.0;
    files.decoder = staging.copy(Part::Decoder, &tests().join("foveate_decoder.onnx"))?.0;
    let measured = Measured { model: "tiny".into(), machine: "m".into(), foveate: "0".into(), runs: Vec::new() };
    staging.describe(spec, &measured)?;
    staging.commit()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn names_are_names_and_no_paths() {
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "/a",
        "../a",
        ".hidden",
        "Upper",
        "a b",
        "ü",
        "manifest.toml",
        "a.",
        &"a".repeat(65),
    ] {
        assert!(matches!(check_name(name), Err(InstallError::Name { .. })), "{name}");
    }
    for name in ["a", "mobile-sam", "sam2.1_t", "0"] {
        assert!(check_name(name).is_ok(), "{name}");
    }
}

#[test]
fn a_model_is_there_wholly_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("models");
    let staging = Staging::begin(&models, "tiny", false, &Registry::default()).unwrap();
    staging.copy(Part::Encoder, &tests().join("foveate_encoder.onnx")).unwrap();
    assert!(!holds(&models), "what is not finished is not seen");
    drop(staging);
    assert!(!models.exists());
    installed(&models, false).unwrap();
    assert_eq!(names(&models), ["tiny"]);
    assert!(Registry::from_dirs(std::slice::from_ref(&models)).unwrap().get("tiny").unwrap().check_files().is_ok());
}

fn holds(models: &Path) -> bool {
    crate::model::holds_models(models)
}

#[test]
fn a_name_that_is_taken_is_replaced_only_on_demand_and_by_what_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path();
    installed(models, false).unwrap();
    let refused = installed(models, false).unwrap_err().to_string();
    assert!(refused.contains("--replace"), "{refused}");
    fs::write(models.join("tiny").join(Staging::PROOF), "of the old one").unwrap();
    drop(Staging::begin(models, "tiny", true, &Registry::default()).unwrap());
    assert!(models.join("tiny").join(Staging::PROOF).exists(), "the old one stays until the new one is whole");
    installed(models, true).unwrap();
    assert_eq!(names(models), ["tiny"]);
    assert!(!models.join("tiny").join(Staging::PROOF).exists());

    fs::write(models.join("tiny/notes.txt"), "mine").unwrap();
    let refused = installed(models, true).unwrap_err().to_string();
    assert!(refused.contains("notes.txt"), "{refused}");
    fs::create_dir(models.join("photos")).unwrap();
    let refused = Staging::begin(models, "photos", true, &Registry::default()).unwrap_err().to_string();
    assert!(refused.contains("no manifest"), "{refused}");
}

#[test]
fn a_name_of_another_manifest_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::from_dirs(&[tests()]).unwrap();
    let refused = Staging::begin(dir.path(), "tiny", true, &registry).unwrap_err().to_string();
    assert!(refused.contains("choose another name"), "{refused}");
}

#[test]
fn one_program_installs_at_a_time_and_what_a_killed_one_left_is_cleared() {
    let dir = tempfile::tempdir().unwrap();
    for folder in [".other.1.partial", ".kept.replaced", ".sync.partial", ".notes.2.partial", ".mine.replaced"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    fs::write(dir.path().join(".kept.replaced").join(MANIFEST_FILE), "").unwrap();
    // What is somebody else's is left alone, whatever its name ends with.
    fs::write(dir.path().join(".notes.2.partial/notes.txt"), "").unwrap();
    fs::write(dir.path().join(".mine.replaced/mine.txt"), "").unwrap();
    let first = Staging::begin(dir.path(), "tiny", false, &Registry::default()).unwrap();
    assert!(!dir.path().join(".other.1.partial").exists());
    assert!(dir.path().join("kept").exists(), "what was to be replaced is put back");
    if cfg!(unix) {
        assert!(Staging::begin(dir.path(), "another", false, &Registry::default()).is_err());
    }
    drop(first);
    assert_eq!(names(dir.path()), [".mine.replaced", ".notes.2.partial", ".sync.partial", "kept"]);
}

#[test]
fn weights_in_other_files_come_along() {
    let dir = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/models/efficientvit-sam.encoder.onnx");
    let staging = Staging::begin(dir.path(), "a", false, &Registry::default()).unwrap();
    let (file, _) = staging.copy(Part::Encoder, &source).unwrap();
    assert_eq!(file.path, Path::new("encoder/encoder.onnx"));
    assert_eq!(file.external[0].path, Path::new("encoder/efficientvit-sam.encoder.onnx.data"));
    assert!(OnnxModel::open(staging.folder().join(&file.path), Limits::default()).is_ok());
}
