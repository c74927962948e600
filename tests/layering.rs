//! The layers of the library, as measured from the imports: a module imports only from layers below its own, without
//! exceptions, and stands as low as its imports let it. Inside the modules that users extend, files form no circle either.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules by layer, the lowest first. Modules of one layer do not import each other.
const LAYERS: &[&[&str]] = &[
    &["geometry", "output", "statistics", "sync", "text", "time"],
    &["error", "process", "select"],
    &["address", "download", "engine", "picture", "scene", "v4l2"],
    &["frame", "mask", "quantize"],
    &["lift", "model", "video"],
    &["capture", "segment", "track"],
    &["record"],
    &["session"],
    &["input", "recording"],
    &["board", "sink"],
    &["eval", "pipeline"],
    &["console"],
    &["cli", "fuzz"],
];

/// Modules inside which no files import each other in a circle.
const WITHOUT_CIRCLES: &[&str] = &[
    "session",
    "console",
    "eval",
    "pipeline",
    "input",
    "capture",
    "sink",
    "record",
    "recording",
    "model",
    "video",
    "lift",
    "download",
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&module))
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

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The top-level modules, and those that each imports.
fn modules() -> BTreeMap<String, BTreeSet<String>> {
    let src = source_folder();
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in &files {
        let first = path.strip_prefix(&src).unwrap().components().next().unwrap();
        let module = first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        let code = without_comments(&fs::read_to_string(path).unwrap());
        if module != "lib" && module != "main" {
            modules.entry(module).or_default().extend(imports(&code));
        }
    }
    let names: BTreeSet<String> = modules.keys().cloned().collect();
    for (module, imports) in &mut modules {
        imports.retain(|import| import != module && names.contains(import));
    }
    modules
}

#[test]
fn every_module_imports_from_the_layers_below_its_own() {
    let modules = modules();
    let mut wrong = Vec::new();
    for (module, imports) in &modules {
        let Some(own) = layer(module) else {
            wrong.push(format!("`{module}` has no layer in tests/layering.rs"));
            continue;
        };
        let above = imports.iter().filter(|import| layer(import).is_some_and(|other| other >= own));
        wrong.extend(above.map(|import| format!("`{module}` of layer {own} imports `{import}`")));
        let lowest = imports.iter().filter_map(|import| layer(import)).max().map_or(0, |below| below + 1);
        if own > lowest {
            wrong.push(format!("`{module}` stands on layer {own}, its imports let it stand on {lowest}"));
        }
    }
    let unknown = LAYERS.iter().flat_map(|names| names.iter()).filter(|name| !modules.contains_key(**name));
    wrong.extend(unknown.map(|name| format!("there is no module `{name}`")));
    assert!(wrong.is_empty(), "the layers are not as tests/layering.rs states them:\n{}", wrong.join("\n"));
}

/// The files of `module` that each of its files imports by `use super::…` or `use crate::…`, by their paths without `.rs`.
fn file_imports(module: &str) -> BTreeMap<String, BTreeSet<String>> {
    let src = source_folder();
    let mut files = Vec::new();
    rust_files(&src.join(module), &mut files);
    let name = |path: &Path| path.strip_prefix(&src).unwrap().with_extension("").to_string_lossy().replace('\\', "/");
    let names: BTreeSet<String> = files.iter().map(|path| name(path)).collect();
    let mut found = BTreeMap::new();
    for path in &files {
        let own = name(path);
        let code = without_comments(&fs::read_to_string(path).unwrap());
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let mut imports = BTreeSet::new();
        for line in code.lines().filter_map(|line| line.trim_start().strip_prefix("use ")) {
            let mut folder = own.clone();
            let mut rest = line;
            while let Some(after) = rest.strip_prefix("super::") {
                folder.truncate(folder.rfind('/').unwrap_or(0));
                rest = after;
            }
            let target = match rest.strip_prefix("crate::") {
                Some(path) => path.replace("::", "/"),
                None if rest.len() < line.len() => format!("{folder}/{}", rest.replace("::", "/")),
                None => continue,
            };
            let target = target.split(['{', ';', ' ']).next().unwrap_or_default().trim_end_matches('/').to_owned();
            // The file is the longest part of the path that names one.
            let parts: Vec<&str> = target.split('/').collect();
            let file = (1..=parts.len()).rev().map(|n| parts[..n].join("/")).find(|path| names.contains(path));
            imports.extend(file.filter(|file| *file != own));
        }
        found.insert(own, imports);
    }
    found
}

#[test]
fn files_inside_a_module_import_each_other_in_no_circle() {
    for module in WITHOUT_CIRCLES {
        let mut left = file_imports(module);
        assert!(left.len() > 1, "{module} was not found");
        loop {
            let before = left.len();
            let names: BTreeSet<String> = left.keys().cloned().collect();
            left.retain(|_, imports| imports.iter().any(|import| names.contains(import)));
            if left.len() == before {
                break;
            }
        }
        assert!(left.is_empty(), "a circle inside `{module}`, among {:#?}", left);
    }
}

#[test]
fn every_module_of_the_library_is_listed_in_its_documentation() {
    let lib = fs::read_to_string(source_folder().join("lib.rs")).unwrap();
    let modules: Vec<_> =
        lib.lines().filter_map(|l| l.strip_prefix("pub mod ")).map(|l| l.trim_end_matches(';')).collect();
    assert!(modules.len() >= 15);
    for module in modules {
        let listed = lib.lines().any(|l| l.starts_with("//! |") && l.contains(&format!("`{module}`")));
        assert!(listed || module == "fuzz", "src/lib.rs does not say what `{module}` is for");
    }
}

#[test]
fn tract_is_named_only_in_the_engine() {
    let src = source_folder();
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
    let src = source_folder();
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let holds = |path: &PathBuf, text: &str| without_comments(&fs::read_to_string(path).unwrap()).contains(text);
    assert!(holds(&src.join("lib.rs"), "#![deny(unsafe_code)]"));
    files.retain(|path| holds(path, "allow(unsafe_code)"));
    files.sort();
    assert_eq!(files, [src.join("engine/kernels.rs"), src.join("v4l2.rs")]);
}
