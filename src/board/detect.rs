use std::path::Path;

use super::Board;
use crate::error::ConfigError;

/// The board profile that fits this machine, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    pub board: Board,
    /// What gave it away, such as `device tree: radxa,rock-5b`.
    pub evidence: String,
    /// The device tree's `compatible` entries, the most specific first; empty where there is no device tree.
    pub compatible: Vec<String>,
}

/// Recognises the machine by `proc/device-tree/compatible` under `root` (`/` but for tests), then the `Model` line of
/// `proc/cpuinfo`, then the processor architecture.
///
/// # Errors
/// Only if a bundled board file is wrong.
pub fn detect(root: &Path) -> Result<Detection, ConfigError> {
    detect_on(root, std::env::consts::ARCH)
}

fn detect_on(root: &Path, arch: &str) -> Result<Detection, ConfigError> {
    let compatible = compatible(root);
    let model = cpuinfo_model(root);
    let boards = Board::names().map(Board::bundled).collect::<Result<Vec<_>, _>>()?;
    let fits = |board: &&Board| board.matches.arch.as_deref().is_none_or(|a| a == arch);

    // The device tree lists the most specific entry first, so its order decides before that of the boards.
    for entry in &compatible {
        if let Some(board) = boards.iter().filter(fits).find(|b| b.matches.compatible.contains(entry)) {
            let evidence = format!("device tree: {entry}");
            return Ok(Detection { board: board.clone(), evidence, compatible });
        }
    }
    if let Some(model) = model {
        let named = |b: &&Board| b.matches.cpuinfo.iter().any(|part| model.contains(part.as_str()));
        if let Some(board) = boards.iter().filter(fits).find(named) {
            return Ok(Detection { board: board.clone(), evidence: format!("cpuinfo: {model}"), compatible });
        }
    }
    let generic = |b: &&Board| b.matches.compatible.is_empty() && b.matches.cpuinfo.is_empty();
    match boards.iter().filter(fits).find(generic) {
        Some(board) => Ok(Detection { board: board.clone(), evidence: format!("architecture: {arch}"), compatible }),
        None => {
            let evidence = format!("no board for architecture {arch}: the generic settings serve");
            Ok(Detection { board: Board::bundled("generic-x86_64")?, evidence, compatible })
        }
    }
}

/// The strings of the device tree's root node, which are separated by NUL bytes.
fn compatible(root: &Path) -> Vec<String> {
    let bytes = std::fs::read(root.join("proc/device-tree/compatible")).unwrap_or_default();
    bytes.split(|b| *b == 0).filter(|s| !s.is_empty()).map(|s| String::from_utf8_lossy(s).into_owned()).collect()
}

fn cpuinfo_model(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join("proc/cpuinfo")).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "Model").then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(compatible: Option<&[u8]>, cpuinfo: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("proc/device-tree")).unwrap();
        if let Some(compatible) = compatible {
            std::fs::write(root.path().join("proc/device-tree/compatible"), compatible).unwrap();
        }
        std::fs::write(root.path().join("proc/cpuinfo"), cpuinfo).unwrap();
        root
    }

    /// Name, `compatible`, `cpuinfo`, architecture and the board expected.
    type Row = (&'static str, Option<&'static [u8]>, &'static str, &'static str, &'static str);

    #[test]
    fn table_of_machines() {
        let pi4 = "processor\t: 0\nModel\t\t: Raspberry Pi 4 Model B Rev 1.5\n";
        let rows: [Row; 9] = [
            ("Pi 5", Some(b"raspberrypi,5-model-b\0brcm,bcm2712\0"), "", "aarch64", "raspberry-pi-5"),
            ("Pi 4", Some(b"raspberrypi,4-model-b\0brcm,bcm2711\0"), "", "aarch64", "raspberry-pi-4"),
            ("ROCK 5B", Some(b"radxa,rock-5b\0rockchip,rk3588\0"), "", "aarch64", "rock-5b"),
            (
                "Orin Nano",
                Some(b"nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0"),
                "",
                "aarch64",
                "jetson-orin-nano",
            ),
            ("Pi without device tree", None, pi4, "aarch64", "raspberry-pi-4"),
            ("unknown ARM board", Some(b"acme,board\0\0\xff\xfe"), "Model : Acme", "aarch64", "generic-aarch64"),
            ("PC", None, "model name : Some CPU", "x86_64", "generic-x86_64"),
            ("a Pi's tree under another architecture", Some(b"raspberrypi,5-model-b"), "", "x86_64", "generic-x86_64"),
            ("another architecture", None, "", "riscv64", "generic-x86_64"),
        ];
        for (name, compatible, cpuinfo, arch, expected) in rows {
            let root = machine(compatible, cpuinfo);
            let found = detect_on(root.path(), arch).unwrap();
            assert_eq!(found.board.name, expected, "{name}: {}", found.evidence);
        }
    }

    #[test]
    fn an_empty_root_is_a_generic_machine() {
        let root = tempfile::tempdir().unwrap();
        assert!(detect(root.path()).unwrap().board.name.starts_with("generic-"));
    }
}
