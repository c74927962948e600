//! Which node is the camera that went away, when it comes back under another number.

use crate::v4l2::{Capability, Node};
use std::path::{Path, PathBuf};

/// What distinguishes a camera from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    card: String,
    bus: String,
    /// Its place among the nodes of this card and bus: one device may have several.
    rank: usize,
    /// Whether no other device had the same card.
    unique: bool,
}

/// A capture node of this machine.
pub(super) type Found = (PathBuf, Capability);

/// The numbers of the nodes under `/dev`, lowest first.
pub(super) fn numbers() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/dev") else { return Vec::new() };
    let mut numbers: Vec<u32> =
        entries.filter_map(|e| e.ok()?.file_name().to_str()?.strip_prefix("video")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// The nodes that give images and can be opened, lowest number first.
pub(super) fn capture_nodes() -> Vec<Found> {
    let describe = |number| {
        let path = PathBuf::from(format!("/dev/video{number}"));
        let capability = Node::open(&path).ok()?.capability().clone();
        capability.captures_images().then_some((path, capability))
    };
    numbers().into_iter().filter_map(describe).collect()
}

impl Identity {
    /// Of the camera at `path`, among all `nodes` there are.
    pub(super) fn of(path: &Path, capability: &Capability, nodes: &[Found]) -> Self {
        let Capability { card, bus, .. } = capability.clone();
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let mut same = nodes.iter().filter(|(_, c)| c.card == card && c.bus == bus);
        let rank = same.position(|(node, _)| *node == path).unwrap_or(0);
        let unique = !nodes.iter().any(|(_, c)| c.card == card && c.bus != bus);
        Identity { card, bus, rank, unique }
    }

    pub(super) fn fits(&self, capability: &Capability) -> bool {
        capability.card == self.card && capability.bus == self.bus
    }

    /// The node that is this camera: the one of the same card on the same bus, otherwise the only one of the same card,
    /// plugged in elsewhere. Where there were two of one card, another plug could be either.
    pub(super) fn find<'a>(&self, nodes: &'a [Found]) -> Option<&'a Path> {
        let here: Vec<&Found> = nodes.iter().filter(|(_, c)| self.fits(c)).collect();
        if let Some((path, _)) = here.get(self.rank).or(here.first()) {
            return Some(path);
        }
        let mut elsewhere = nodes.iter().filter(|(_, c)| self.unique && c.card == self.card);
        let (path, capability) = elsewhere.next()?;
        let buses_differ = elsewhere.any(|(_, c)| c.bus != capability.bus);
        let on_bus = nodes.iter().filter(|(_, c)| c.card == self.card && c.bus == capability.bus);
        (!buses_differ).then(|| on_bus.map(|(path, _)| path.as_path()).nth(self.rank).unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(rows: &[(u32, &str, &str)]) -> Vec<Found> {
        let node = |&(n, card, bus): &(u32, &str, &str)| {
            (PathBuf::from(format!("/dev/video{n}")), Capability::named(card, bus))
        };
        rows.iter().map(node).collect()
    }

    /// What is found of the camera that was first in `before` (or the one of that number).
    fn found(before: &[(u32, &str, &str)], number: u32, after: &[(u32, &str, &str)]) -> Option<String> {
        let before = nodes(before);
        let (path, capability) = before.iter().find(|(p, _)| p.ends_with(format!("video{number}"))).unwrap();
        let identity = Identity::of(path, capability, &before);
        identity.find(&nodes(after)).map(|p| p.display().to_string())
    }

    #[test]
    fn table_of_returns() {
        let two = [(0, "Eye", "usb-1"), (2, "Eye", "usb-2")];
        let sensor = [(0, "cfe", "csi"), (1, "cfe", "csi"), (2, "cfe", "csi")];
        let rows = [
            ("another number", found(&two, 0, &[(5, "Eye", "usb-1"), (2, "Eye", "usb-2")]), Some("/dev/video5")),
            ("another of its kind is not it", found(&two, 0, &[(2, "Eye", "usb-2")]), None),
            ("another plug", found(&[(0, "Eye", "usb-1")], 0, &[(1, "Eye", "usb-7")]), Some("/dev/video1")),
            (
                "two now, either could be it",
                found(&[(0, "Eye", "usb-1")], 0, &two.map(|(n, c, _)| (n, c, ["usb-8", "usb-9"][n as usize / 2]))),
                None,
            ),
            ("another camera on its plug", found(&[(0, "Eye", "usb-1")], 0, &[(0, "Ear", "usb-1")]), None),
            (
                "one node of several",
                found(&sensor, 1, &[(4, "cfe", "csi"), (5, "cfe", "csi"), (6, "cfe", "csi")]),
                Some("/dev/video5"),
            ),
            ("nothing there", found(&two, 0, &[]), None),
        ];
        for (name, found, expected) in rows {
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }
}
