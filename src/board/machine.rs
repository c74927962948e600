use std::path::Path;

use serde::Serialize;

use super::cpu::{self, field};
use super::frequency::{Frequency, frequencies};
use super::thermal::{self, Cooling, Firmware, Temperature};

/// Facts about the machine, for users to read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// As in [`std::env::consts::ARCH`].
    pub arch: &'static str,
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's own name, or those of its cores, if the system says.
    pub cpu: Option<String>,
    /// Instruction set extensions that matter to the kernels and that this processor has.
    pub instruction_sets: Vec<&'static str>,
    /// Main memory.
    pub memory_total_mib: Option<u64>,
    /// Main memory that a new program could have.
    pub memory_available_mib: Option<u64>,
    /// Of every sensor.
    pub temperatures: Vec<Temperature>,
    /// Of every group of cores.
    pub frequencies: Vec<Frequency>,
    /// Of every way of cooling.
    pub cooling: Vec<Cooling>,
    /// On a Raspberry Pi.
    pub firmware: Option<Firmware>,
}

impl Machine {
    /// Asks the machine; `root` is `/` but for tests. What cannot be read is left out.
    pub fn read(root: &Path) -> Self {
        let cpuinfo = std::fs::read_to_string(root.join("proc/cpuinfo")).unwrap_or_default();
        let meminfo = std::fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
        Machine {
            arch: std::env::consts::ARCH,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: cpu::name(&cpuinfo),
            instruction_sets: instruction_sets(),
            memory_total_mib: mib(&meminfo, "MemTotal"),
            memory_available_mib: mib(&meminfo, "MemAvailable"),
            temperatures: thermal::temperatures(root),
            frequencies: frequencies(root),
            cooling: thermal::coolings(root),
            firmware: thermal::firmware(root),
        }
    }
}

fn mib(meminfo: &str, key: &str) -> Option<u64> {
    Some(kib(meminfo, key)? / 1024)
}

/// A number of `/proc/meminfo`, in KiB.
pub(super) fn kib(meminfo: &str, key: &str) -> Option<u64> {
    field(meminfo, key)?.strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! present {
    ($detected:ident: $($feature:tt),* $(,)?) => {
        [$(($feature, std::arch::$detected!($feature))),*]
            .into_iter()
            .filter_map(|(name, has)| has.then_some(name))
            .collect()
    };
}

#[cfg(target_arch = "x86_64")]
fn instruction_sets() -> Vec<&'static str> {
    present!(is_x86_feature_detected: "avx2", "fma", "f16c", "avx512f", "avx512vnni", "avxvnni")
}

#[cfg(target_arch = "aarch64")]
fn instruction_sets() -> Vec<&'static str> {
    present!(is_aarch64_feature_detected: "neon", "dotprod", "fp16", "i8mm")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn instruction_sets() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::testing::FakeRoot;

    #[test]
    fn facts_come_from_the_system_files() {
        let root = FakeRoot::new(&[
            ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Acme 9000\nprocessor\t: 1\nmodel name\t: other\n"),
            ("proc/meminfo", "MemTotal:        8388608 kB\nMemAvailable:   nonsense\n"),
            ("sys/class/thermal/thermal_zone0/temp", "48312\n"),
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("sys/class/thermal/cooling_device0/type", "fan\n"),
        ]);
        let machine = Machine::read(root.path());
        assert_eq!(machine.cpu.as_deref(), Some("Acme 9000"));
        assert_eq!((machine.memory_total_mib, machine.memory_available_mib), (Some(8192), None));
        assert_eq!(machine.temperatures, [Temperature { zone: "cpu-thermal".into(), celsius: 48.312 }]);
        assert!(machine.cores >= 1);
    }

    #[test]
    fn a_system_that_tells_nothing_is_no_error() {
        let root = FakeRoot::new(&[]);
        let machine = Machine::read(root.path());
        assert_eq!((machine.cpu, machine.memory_total_mib, machine.temperatures.len()), (None, None, 0));
        assert!(machine.frequencies.is_empty() && machine.cooling.is_empty() && machine.firmware.is_none());
    }
}
