use std::path::Path;

use super::Board;
use super::cpu::field;
use crate::error::ConfigError;

/// The board profile that fits this machine, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// The profile.
    pub board: Board,
    /// What gave it away, such as `device tree: radxa,rock-5b`.
    pub evidence: String,
    /// The device tree's `compatible` entries, the most specific first; empty where there is no device tree.
    pub compatible: Vec<String>,
    /// The machine's name for users, such as `Raspberry Pi 5 Model B Rev 1.0`, if it says.
    pub model: Option<String>,
}

impl Detection {
    /// Whether the device tree is that of an emulated machine without a board (QEMU's `virt`).
    pub fn is_virtual(&self) -> bool {
        self.compatible.iter().any(|entry| entry == "linux,dummy-virt")
    }
}

/// Recognises the machine by `proc/device-tree/compatible` under `root` (`/` but for tests), then by its name in
/// `proc/device-tree/model` or the `Model` line of `proc/cpuinfo`, then by the processor architecture.
///
/// # Errors
/// Only if a bundled board file is wrong.
pub fn detect(root: &Path) -> Result<Detection, ConfigError> {
    detect_on(root, std::env::consts::ARCH)
}

fn detect_on(root: &Path, arch: &str) -> Result<Detection, ConfigError> {
    let (compatible, model) = (compatible(root), model(root));
    let boards = Board::names().map(Board::bundled).collect::<Result<Vec<_>, _>>()?;
    let fits = |board: &&Board| board.matches.arch.as_deref().is_none_or(|a| a == arch);
    let found = |board: &Board, evidence: String| {
        let (compatible, model) = (compatible.clone(), model.clone());
        Ok(Detection { board: board.clone(), evidence, compatible, model })
    };

    // The device tree lists the most specific entry first, so its order decides before that of the boards.
    for entry in &compatible {
        if let Some(board) = boards.iter().filter(fits).find(|b| b.matches.compatible.contains(entry)) {
            return found(board, format!("device tree: {entry}"));
        }
    }
    if let Some(model) = &model {
        let named = |b: &&Board| b.matches.cpuinfo.iter().any(|part| model.contains(part.as_str()));
        if let Some(board) = boards.iter().filter(fits).find(named) {
            return found(board, format!("model: {model}"));
        }
    }
    let generic = |b: &&Board| b.matches.compatible.is_empty() && b.matches.cpuinfo.is_empty();
    match boards.iter().filter(fits).find(generic) {
        Some(board) => found(board, format!("architecture: {arch}")),
        None => {
            let evidence = format!("no board for architecture {arch}: the generic settings serve");
            found(&Board::bundled("generic-x86_64")?, evidence)
        }
    }
}

/// The strings of the device tree's root node, which are separated by NUL bytes.
fn compatible(root: &Path) -> Vec<String> {
    let bytes = std::fs::read(root.join("proc/device-tree/compatible")).unwrap_or_default();
    bytes.split(|b| *b == 0).filter(|s| !s.is_empty()).map(|s| String::from_utf8_lossy(s).into_owned()).collect()
}

/// The device tree's name of the machine, which ends in a NUL byte, or that of `cpuinfo`.
fn model(root: &Path) -> Option<String> {
    let tree = std::fs::read(root.join("proc/device-tree/model")).ok();
    let tree = tree.map(|bytes| String::from_utf8_lossy(&bytes).trim_end_matches('\0').trim().to_owned());
    let cpuinfo = || field(&std::fs::read_to_string(root.join("proc/cpuinfo")).ok()?, "Model");
    tree.filter(|name| !name.is_empty()).or_else(cpuinfo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::testing::FakeRoot;

    fn machine(compatible: Option<&[u8]>, cpuinfo: &str) -> FakeRoot {
        let root = FakeRoot::new(&[("proc/cpuinfo", cpuinfo)]);
        if let Some(compatible) = compatible {
            root.write("proc/device-tree/compatible", compatible);
        }
        root
    }

    /// Name, `compatible`, `cpuinfo`, architecture and the board expected.
    type Row = (&'static str, Option<&'static [u8]>, &'static str, &'static str, &'static str);

    #[test]
    fn table_of_machines() {
        let pi4 = "processor\t: 0\nModel\t\t: Raspberry Pi 4 Model B Rev 1.5\n";
        let rows: [Row; 10] = [
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
            ("QEMU virt", Some(b"linux,dummy-virt\0"), "", "aarch64", "generic-aarch64"),
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

    /// A device tree with the first entry of a board's `match.compatible` is that board, for every board that has one; so
    /// is a name with the first part of `match.cpuinfo`, where there is no such entry.
    #[test]
    fn every_bundled_board_is_found_by_its_own_marks() {
        for board in Board::names().map(|name| Board::bundled(name).unwrap()) {
            let arch = board.matches.arch.as_deref().unwrap();
            for entry in &board.matches.compatible {
                let root = machine(Some(format!("{entry}\0acme,chip\0").as_bytes()), "");
                assert_eq!(detect_on(root.path(), arch).unwrap().board.name, board.name, "{entry}");
            }
            for part in &board.matches.cpuinfo {
                let root = machine(Some(b"acme,unknown\0"), "");
                root.write("proc/device-tree/model", format!("{part} Rev 1.0\0"));
                let found = detect_on(root.path(), arch).unwrap();
                assert_eq!((found.board.name, found.model), (board.name.clone(), Some(format!("{part} Rev 1.0"))));
            }
        }
    }

    #[test]
    fn an_emulated_machine_is_no_unknown_board() {
        let found = |compatible: &[u8]| detect_on(machine(Some(compatible), "").path(), "aarch64").unwrap();
        assert!(found(b"linux,dummy-virt\0").is_virtual());
        assert!(!found(b"acme,board\0").is_virtual());
    }

    #[test]
    fn an_empty_root_is_a_generic_machine() {
        let root = FakeRoot::new(&[]);
        assert!(detect(root.path()).unwrap().board.name.starts_with("generic-"));
    }
}
