//! The house's floors: a module imports only from floors below its own (see `src/lib.rs`).

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by floor. Modules of one floor do not import each other, except where `SIDEWAYS` allows it.
const FLOORS: &[&[&str]] = &[
    &["error", "time", "geometry", "statistics"],
    &["frame", "mask", "sync", "address"],
    &["engine", "quantize"],
    &["model", "segment", "track", "select"],
    &["record", "scene"],
    &["capture", "input", "sink"],
    &["board", "pipeline", "console"],
    &["eval"],
    &["cli"],
    &["fuzz"],
];

/// Arrows along a floor. On the ground floor errors speak of sizes; quantisation runs and rewrites the engine's graphs; on
/// floor 3 a model lies under its users; the console shows what the pipeline and the board do.
const SIDEWAYS: &[(&str, &str)] = &[
    ("error", "geometry"),
    ("quantize", "engine"),
    ("segment", "model"),
    ("track", "model"),
    ("pipeline", "board"),
    ("console", "board"),
    ("console", "pipeline"),
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|names| names.contains(&module))
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Every module named behind `crate::`, in `use` lists with braces as well.
fn imports(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        if source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &source[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or("").split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push(name);
        }
    }
    found
}

/// Code alone: comment lines may name any module.
fn without_comments(source: &str) -> String {
    source.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_arrow_runs_up() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    for path in &files {
        let relative = path.strip_prefix(&src).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(own) = floor(&module) else {
            wrong.push(format!("{}: module `{module}` has no floor", relative.display()));
            continue;
        };
        for target in imports(&without_comments(&fs::read_to_string(path).unwrap())) {
            let Some(other) = floor(&target) else { continue };
            let sideways = other == own && SIDEWAYS.contains(&(module.as_str(), target.as_str()));
            if target != module && other >= own && !sideways {
                wrong.push(format!("{}: `{module}` imports `{target}`", relative.display()));
            }
        }
    }
    assert!(files.len() > 20, "the sources were not found");
    assert!(wrong.is_empty(), "arrows that run up:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_library_has_a_floor() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules: Vec<_> =
        lib.lines().filter_map(|l| l.strip_prefix("pub mod ")).map(|l| l.trim_end_matches(';')).collect();
    assert!(modules.len() >= 15);
    for module in modules {
        assert!(floor(module).is_some(), "`{module}` has no floor in tests/layering.rs");
    }
}

#[test]
fn tract_is_named_only_in_the_engine() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    for path in files {
        let relative = path.strip_prefix(&src).unwrap();
        if !relative.starts_with("engine") && relative != Path::new("engine.rs") {
            let code = without_comments(&fs::read_to_string(&path).unwrap());
            let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            assert!(!words.any(|word| word.starts_with("tract_")), "{} names tract", relative.display());
        }
    }
}

#[test]
fn unsafe_code_is_allowed_in_the_kernels_and_the_ioctls_alone() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let holds = |path: &PathBuf, text: &str| without_comments(&fs::read_to_string(path).unwrap()).contains(text);
    assert!(holds(&src.join("lib.rs"), "#![deny(unsafe_code)]"));
    files.retain(|path| holds(path, "allow(unsafe_code)"));
    files.sort();
    assert_eq!(files, [src.join("capture/v4l/ioctl.rs"), src.join("engine/kernels.rs")]);
}
