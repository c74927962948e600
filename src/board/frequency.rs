use std::path::{Path, PathBuf};

use serde::Serialize;

use super::thermal::{children, read};

/// How fast a group of cores runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frequency {
    /// The cores, as the kernel lists them: `0 1 2 3`.
    pub cores: String,
    /// What they run at.
    pub current_mhz: u32,
    /// What the system lets them reach at present.
    pub limit_mhz: u32,
    /// What they can reach.
    pub highest_mhz: u32,
    /// The kernel's rule for choosing, such as `ondemand`.
    pub governor: String,
}

/// Every group of cores whose frequency the kernel sets, in order; empty on machines that do not say.
pub(super) fn frequencies(root: &Path) -> Vec<Frequency> {
    let group = |path: PathBuf| {
        let mhz = |file: &str| Some(read(&path.join(file))?.parse::<u32>().ok()? / 1000);
        Some(Frequency {
            cores: read(&path.join("affected_cpus"))?,
            current_mhz: mhz("scaling_cur_freq")?,
            limit_mhz: mhz("scaling_max_freq")?,
            highest_mhz: mhz("cpuinfo_max_freq")?,
            governor: read(&path.join("scaling_governor")).unwrap_or_default(),
        })
    };
    let first_core = |f: &Frequency| f.cores.split(' ').next().and_then(|c| c.parse::<u32>().ok());
    let dir = root.join("sys/devices/system/cpu/cpufreq");
    let mut groups: Vec<_> = children(&dir, |name| name.starts_with("policy")).filter_map(group).collect();
    groups.sort_by_key(first_core);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::testing::FakeRoot;

    #[test]
    fn groups_of_cores_are_read_in_order() {
        let root = FakeRoot::new(&[]);
        for (policy, cores, current, limit, highest) in [
            ("policy4", "4 5 6 7", 408_000, 1_800_000, 2_400_000),
            ("policy0", "0 1 2 3", 1_800_000, 1_800_000, 1_800_000),
        ] {
            let file = |name: &str| format!("sys/devices/system/cpu/cpufreq/{policy}/{name}");
            root.write(&file("affected_cpus"), cores);
            root.write(&file("scaling_cur_freq"), format!("{current}\n"));
            root.write(&file("scaling_max_freq"), format!("{limit}\n"));
            root.write(&file("cpuinfo_max_freq"), format!("{highest}\n"));
            root.write(&file("scaling_governor"), "schedutil\n");
        }
        let found = frequencies(root.path());
        let figures: Vec<_> =
            found.iter().map(|f| (f.cores.as_str(), f.current_mhz, f.limit_mhz, f.highest_mhz)).collect();
        assert_eq!(figures, [("0 1 2 3", 1800, 1800, 1800), ("4 5 6 7", 408, 1800, 2400)]);
        assert_eq!(found[0].governor, "schedutil");
        assert!(frequencies(FakeRoot::new(&[]).path()).is_empty());
    }
}
