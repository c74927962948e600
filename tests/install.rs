//! `foveate models add`, `pull` and `list`: a model is installed whole and proven, or not at all.

#[path = "common/program.rs"]
mod program;
#[path = "common/web.rs"]
mod web;

use std::path::{Path, PathBuf};

use program::{Ran, Sandbox};
use serde_json::Value;
use web::{Web, answer, whole};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn file(name: &str) -> String {
    tests().join("models").join(name).display().to_string()
}

fn json(ran: &Ran) -> Value {
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    serde_json::from_str(&ran.stdout()).unwrap_or_else(|error| panic!("{error}{}", ran.describe()))
}

fn add(sandbox: &Sandbox, name: &str, encoder: &str, decoder: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["models", "add", name, "--encoder", encoder, "--decoder", decoder];
    arguments.extend(more);
    sandbox.foveate(&arguments)
}

/// Names in the user's folder of models, hidden ones too.
fn installed(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(sandbox.path().join("data/foveate/models")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_model_is_added_listed_and_used() {
    let sandbox = Sandbox::new();
    image::RgbImage::from_fn(96, 64, |x, _| image::Rgb([if x < 48 { 220 } else { 30 }; 3]))
        .save(sandbox.path().join("photo.png"))
        .unwrap();
    let more = ["--photo", "photo.png", "--point", "20,30", "--overlay", "mask.png", "--licence", "MIT", "--json"];
    let added = json(&add(&sandbox, "mine", &file("sam_encoder.onnx"), &file("sam_decoder.onnx"), &more));
    assert_eq!((&added["family"], &added["input_size"]), (&"sam".into(), &serde_json::json!([64, 64])));
    assert!(added["proofs"][0]["masks"][0]["area"].as_u64().is_some_and(|area| area > 0), "{added}");
    assert!(sandbox.path().join("mask.png").is_file());
    let folder = sandbox.path().join("data/foveate/models/mine");
    for file in ["manifest.toml", "measured.toml", "encoder.onnx", "decoder.onnx", "proof.png"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let list = json(&sandbox.foveate(&["models", "list", "--json"]));
    let models = list["models"].as_array().unwrap();
    let (bundled, mine) = (&models[0], models.iter().find(|model| model["name"] == "mine").unwrap());
    assert!(bundled["multiply_adds"]["encoder"].as_u64().unwrap() > 100_000_000, "{bundled}");
    assert_eq!((&mine["licence"], &mine["files"][0]["sha256_ok"]), (&"MIT".into(), &true.into()));
    assert!(mine["bytes"].as_u64().unwrap() > 1000 && mine["multiply_adds"]["decoder"].as_u64().unwrap() > 0, "{mine}");
    assert!(mine["measured"]["run"][0]["encoder_ms"].is_number(), "{mine}");
    let available: Vec<&Value> = list["available"].as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    assert!(available.contains(&&"mobile-sam".into()), "{list}");
    let text = sandbox.foveate(&["models", "list"]).stdout();
    assert!(text.contains("foveate models pull NAME") && text.contains("edge-sam-3x"), "{text}");

    let found = sandbox.foveate(&["segment", "photo.png", "--point", "20,30", "--model", "mine", "--json"]);
    assert!(json(&found)["masks"][0]["area"].as_u64().is_some_and(|area| area > 0));
}

#[test]
fn a_name_is_taken_once_and_replaced_on_demand() {
    let sandbox = Sandbox::new();
    let (encoder, decoder) = (file("foveate_encoder.onnx"), file("foveate_decoder.onnx"));
    assert_eq!(add(&sandbox, "mine", &encoder, &decoder, &["--input-size", "64x64"]).code(), 0);
    let again = add(&sandbox, "mine", &encoder, &decoder, &[]);
    assert_eq!(again.code(), 2);
    assert!(again.stderr().contains("--replace"), "{}", again.describe());
    // What does not prove itself leaves the old one as it is.
    let manifest = sandbox.path().join("data/foveate/models/mine/manifest.toml");
    let before = std::fs::read(&manifest).unwrap();
    let broken = add(&sandbox, "mine", &encoder, &decoder, &["--replace", "--std", "1e-38,1e-38,1e-38"]);
    assert_eq!(broken.code(), 4, "{}", broken.describe());
    assert_eq!((std::fs::read(&manifest).unwrap(), installed(&sandbox)), (before, vec!["mine".to_owned()]));
    let other = add(&sandbox, "mine", &file("sam_encoder.onnx"), &file("sam_decoder.onnx"), &["--replace"]);
    assert_eq!(other.code(), 0, "{}", other.describe());
    assert!(std::fs::read_to_string(&manifest).unwrap().contains("family = \"sam\""));
    assert_eq!(installed(&sandbox), ["mine"]);
    let hidden = add(&sandbox, "foveate", &encoder, &decoder, &["--replace"]);
    assert!(hidden.code() == 2 && hidden.stderr().contains("hide"), "{}", hidden.describe());
}

#[test]
fn weights_in_other_files_and_a_folder_of_ones_own() {
    let sandbox = Sandbox::new();
    let reference =
        |part: &str| tests().join(format!("reference/models/efficientvit-sam.{part}.onnx")).display().to_string();
    let ran = add(&sandbox, "evit", &reference("encoder"), &reference("decoder"), &["--models-dir", "own", "--json"]);
    assert_eq!(json(&ran)["family"], "sam");
    assert!(sandbox.path().join("own/evit/encoder/efficientvit-sam.encoder.onnx.data").is_file());
    let verified = sandbox.foveate(&["models", "verify", "evit", "--models-dir", "own"]);
    assert_eq!(verified.code(), 0, "{}", verified.describe());
}

#[test]
fn what_is_no_model_is_refused_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let encoder = std::fs::read(file("foveate_encoder.onnx")).unwrap();
    sandbox.file("cut.onnx", &encoder[..encoder.len() / 2]);
    sandbox.file("empty.onnx", b"");
    sandbox.file("text.onnx", b"<html>");
    let (encoder, decoder) = (file("foveate_encoder.onnx"), file("foveate_decoder.onnx"));
    let bad = |name: &str| file(&format!("bad/{name}.onnx"));
    /// What it is, the two files, further arguments, the exit code, and words that the message must have.
    type Row<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], i32, &'a str);
    let rows: &[Row] = &[
        ("swapped", &decoder, &encoder, &[], 4, "exchange the two"),
        ("of two families", &encoder, &file("sam_decoder.onnx"), &[], 4, "family `transformers`: its encoder takes"),
        ("no decoder", &encoder, &encoder, &[], 4, "nothing of it is here"),
        ("another family", &encoder, &decoder, &["--family", "sam"], 4, "point_coords"),
        (
            "another size",
            &file("sam_encoder.onnx"),
            &file("sam_decoder.onnx"),
            &["--input-size", "32"],
            2,
            "fixed at 64x64",
        ),
        ("not there", "none.onnx", &decoder, &[], 1, "none.onnx"),
        ("a folder", ".", &decoder, &[], 4, "no file"),
        ("cut", "cut.onnx", &decoder, &[], 4, "cut.onnx"),
        ("empty", "empty.onnx", &decoder, &[], 4, "empty"),
        ("text", "text.onnx", &decoder, &[], 4, "text.onnx"),
        ("gigabytes in a kilobyte", &bad("huge_weights"), &decoder, &[], 4, "over the limit"),
        ("a decoder of gigabytes", &encoder, &bad("huge_fill"), &[], 4, "no family"),
        ("an input of gigabytes", &bad("huge_input"), &decoder, &[], 4, "over the limit"),
        ("weights outside", &bad("external_weights"), &decoder, &[], 4, "outside the model's folder"),
        ("constants that lie", &bad("short_weights"), &decoder, &[], 4, "claims 16 elements"),
        ("absurd size", &encoder, &decoder, &["--input-size", "16384x16384"], 4, "limit"),
        ("no numbers", &encoder, &decoder, &["--std", "1e-38,1e-38,1e-38"], 4, "not finite"),
    ];
    for (name, encoder, decoder, more, code, says) in rows {
        let ran = add(&sandbox, "mine", encoder, decoder, more);
        assert_eq!(ran.code(), *code, "{name}{}", ran.describe());
        assert!(ran.stderr().contains(says) && !ran.stderr().contains("panicked"), "{name}{}", ran.describe());
        assert!(
            !ran.stderr().contains(".partial"),
            "{name}: the user's files are named, not their copies{}",
            ran.describe()
        );
        assert_eq!(installed(&sandbox), [""; 0], "{name}");
    }
    for name in ["..", "a/b", "", ".mine", "Mine"] {
        let ran = add(&sandbox, name, &encoder, &decoder, &[]);
        assert!(ran.code() == 2 && ran.stderr().contains("no name for a model"), "{}", ran.describe());
    }
}

/// A folder of models with `tiny-sam`, of which the files are at `address` alone.
fn absent(sandbox: &Sandbox, address: &str) -> String {
    let manifest = std::fs::read_to_string(file("manifest.toml")).unwrap();
    let start = manifest.find("[[model]]\nname = \"tiny-sam\"").unwrap();
    let end = manifest.find("[[model]]\nname = \"tiny-sam-sized\"").unwrap();
    let mut own = manifest[start..end].to_owned();
    for file in ["sam_encoder.onnx", "sam_decoder.onnx"] {
        own = own.replace(&format!("path = \"{file}\""), &format!("path = \"{file}\", address = \"{address}/{file}\""));
    }
    sandbox.file("models/manifest.toml", own);
    sandbox.path().join("models").display().to_string()
}

/// The files of `tiny-sam`.
fn published(_: usize, head: &str) -> Vec<u8> {
    let name = head.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    match std::fs::read(file(name)) {
        Ok(bytes) => whole(&bytes),
        Err(_) => answer("404 Not Found", &["Content-Length: 0".into()], b""),
    }
}

fn pull(sandbox: &Sandbox, folder: &str, more: &[&str], variables: &[(&str, &str)]) -> std::process::Output {
    let mut arguments = vec!["models", "pull", "tiny-sam", "--models-dir", folder];
    arguments.extend(more);
    let mut command = sandbox.command(&arguments);
    for variable in
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"]
    {
        command.env_remove(variable);
    }
    command.envs(variables.iter().copied()).output().unwrap()
}

fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn missing_files_are_pulled_and_proven() {
    let sandbox = Sandbox::new();
    let web = Web::serve(published);
    let folder = absent(&sandbox, &web.address);
    let ran = pull(&sandbox, &folder, &[], &[]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(names(&folder), ["manifest.toml", "sam_decoder.onnx", "sam_encoder.onnx"]);
    assert_eq!(web.heads().len(), 2);
    let again = pull(&sandbox, &folder, &[], &[]);
    assert_eq!(again.status.code(), Some(2));
    // An altered file is the user's until they say otherwise.
    sandbox.file("models/sam_decoder.onnx", "mine");
    let refused = pull(&sandbox, &folder, &[], &[]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--replace"));
    assert_eq!(std::fs::read(sandbox.path().join("models/sam_decoder.onnx")).unwrap(), b"mine");
    let replaced = pull(&sandbox, &folder, &["--replace"], &[]);
    assert!(replaced.status.success(), "{}", String::from_utf8_lossy(&replaced.stderr));
}

#[test]
fn another_file_is_refused_wherever_it_comes_from() {
    let sandbox = Sandbox::new();
    let web = Web::serve(|_, _| whole(b"another"));
    let folder = absent(&sandbox, &web.address);
    sandbox.file("stick/sam_encoder.onnx", "another");
    sandbox.file("stick/sam_decoder.onnx", "another");
    for more in [&[][..], &["--from", "stick"], &["--address", &web.address]] {
        let ran = pull(&sandbox, &folder, more, &[]);
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.code() == Some(4) && told.contains("not the file that is wanted"), "{more:?}: {told}");
        assert_eq!(names(&folder), ["manifest.toml"], "{more:?}");
    }
    let ran = pull(&sandbox, &folder, &["--max-size", "3"], &[]);
    assert!(String::from_utf8_lossy(&ran.stderr).contains("--max-size") && ran.status.code() == Some(4));
    let offline = tests().join("models").display().to_string();
    let ran = pull(&sandbox, &folder, &["--from", &offline], &[]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(names(&folder), ["manifest.toml", "sam_decoder.onnx", "sam_encoder.onnx"]);
}

#[test]
fn the_proxy_of_the_environment_is_asked_and_not_for_what_it_excepts() {
    let sandbox = Sandbox::new();
    let web = Web::serve(published);
    let folder = absent(&sandbox, "http://models.invalid");
    let ran = pull(&sandbox, &folder, &[], &[("HTTP_PROXY", &web.address)]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let heads = web.heads();
    assert!(heads[0].starts_with("CONNECT models.invalid:80 "), "{heads:?}");

    let folder = absent(&sandbox, &web.address);
    std::fs::remove_file(Path::new(&folder).join("sam_encoder.onnx")).unwrap();
    let nowhere = ("HTTP_PROXY", "http://127.0.0.1:9");
    let ran = pull(&sandbox, &folder, &[], &[nowhere, ("NO_PROXY", "localhost, 127.0.0.1")]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    std::fs::remove_file(Path::new(&folder).join("sam_encoder.onnx")).unwrap();
    let ran = pull(&sandbox, &folder, &[], &[("HTTP_PROXY", "socks5://127.0.0.1:9")]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("HTTP_PROXY"));
}

#[test]
fn a_licence_that_forbids_something_is_agreed_to_first() {
    let sandbox = Sandbox::new();
    let ran = sandbox.foveate(&["models", "pull", "edge-sam-3x"]);
    assert_eq!(ran.code(), 2, "{}", ran.describe());
    assert!(ran.stderr().contains("non-commercial") && ran.stderr().contains("--accept-licence"), "{}", ran.describe());
    let ran = sandbox.foveate(&["models", "pull", "mobile-sem"]);
    assert!(ran.stderr().contains("did you mean `mobile-sam`"), "{}", ran.describe());
    sandbox.file("stick/vit_t_encoder.onnx", "another");
    let ran = sandbox.foveate(&["models", "pull", "mobile-sam", "--from", "stick"]);
    assert!(ran.code() == 4 && ran.stderr().contains("git blob id"), "{}", ran.describe());
    assert_eq!(installed(&sandbox), [""; 0]);
}
