//! Every seed and every past finding, and small changes of the seeds, through what the fuzz targets call.

use std::fs;
use std::path::{Path, PathBuf};

use super::{TARGETS, Target};

/// Changes of each seed that are tried, unless the environment says how many. `make fuzz` tries millions, and knows which of them lead
/// anywhere new.
const CHANGES: u64 = 400;

/// `FOVEATE_FUZZ_CHANGES`, a number, and `FOVEATE_FUZZ_TARGETS`, the beginnings of the names of those that are
/// tried, with commas between.
fn asked_for() -> (u64, String) {
    let changes = std::env::var("FOVEATE_FUZZ_CHANGES").ok().and_then(|text| text.parse().ok());
    (changes.unwrap_or(CHANGES), std::env::var("FOVEATE_FUZZ_TARGETS").unwrap_or_default())
}

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target)
}

/// The files of a folder, in the order of their names; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs a target; a failure names what it was given.
fn run(&(name, target): &Target, given: &str, data: &[u8]) {
    let outcome = std::panic::catch_unwind(|| target(data));
    assert!(outcome.is_ok(), "`{name}` fails on {given}: {:?}", String::from_utf8_lossy(&data[..data.len().min(400)]));
}

#[test]
fn every_target_has_its_file_and_a_seed() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
    let mut sources = files(&folder("fuzz_targets", ""));
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "`{name}` is missing in fuzz/Cargo.toml");
        assert!(!files(&folder("seeds", name)).is_empty(), "`{name}` has no seed");
        let own = folder("fuzz_targets", &format!("{name}.rs"));
        let before = sources.len();
        sources.retain(|source| *source != own);
        assert_eq!(sources.len() + 1, before, "no {}", own.display());
    }
    // A build without the console has one target less.
    sources.retain(|source| cfg!(feature = "console") || !source.ends_with("console_message.rs"));
    assert!(sources.is_empty(), "not in the table of targets: {sources:?}");
}

#[test]
fn what_was_found_stays_mended() {
    for target in TARGETS {
        for path in files(&folder("regressions", target.0)) {
            run(target, &path.display().to_string(), &fs::read(&path).unwrap());
        }
    }
}

#[test]
fn seeds_and_small_changes_of_them() {
    let (changes, begins) = asked_for();
    for target in TARGETS.iter().filter(|target| begins.split(',').any(|begin| target.0.starts_with(begin))) {
        for path in files(&folder("seeds", target.0)) {
            let seed = fs::read(&path).unwrap();
            run(target, &path.display().to_string(), &seed);
            for number in 0..changes {
                let given = format!("change {number} of {}", path.display());
                run(target, &given, &changed(&seed, number));
            }
        }
    }
}

/// `seed` cut short, or with some bytes replaced, removed or repeated. The same number makes the same change.
fn changed(seed: &[u8], number: u64) -> Vec<u8> {
    // SplitMix64.
    let mut state = number;
    let mut random = |below: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.max(1) as u64) as usize
    };
    let mut data = seed.to_vec();
    for _ in 0..=random(3) {
        let at = random(data.len());
        let end = data.len().min(at + 1 + random(8));
        match random(5) {
            0 => data.truncate(at),
            1 => drop(data.drain(at..end)),
            2 => data.extend_from_within(at..end),
            3 if at < data.len() => data[at] = [0, 0x7f, 0x80, 0xff, b'-', b'9', b'"', b'\n'][random(8)],
            _ if at < data.len() => data[at] ^= 1 << random(8),
            _ => {}
        }
    }
    data
}
