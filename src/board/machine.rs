use std::path::Path;

use serde::Serialize;

/// Facts about the machine, for people to read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// As in [`std::env::consts::ARCH`].
    pub arch: &'static str,
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's or board's own name, if the system tells.
    pub cpu: Option<String>,
    /// Instruction set extensions that matter to the kernels and that this processor has.
    pub instruction_sets: Vec<&'static str>,
    pub memory_total_mib: Option<u64>,
    pub memory_available_mib: Option<u64>,
    pub temperatures: Vec<Temperature>,
}

/// A temperature sensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Temperature {
    pub zone: String,
    pub celsius: f64,
}

impl Machine {
    /// Asks the machine; `root` is `/` but for tests. What cannot be read is left out.
    pub fn read(root: &Path) -> Self {
        let cpuinfo = std::fs::read_to_string(root.join("proc/cpuinfo")).unwrap_or_default();
        let meminfo = std::fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
        Machine {
            arch: std::env::consts::ARCH,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: field(&cpuinfo, "model name").or_else(|| field(&cpuinfo, "Model")),
            instruction_sets: instruction_sets(),
            memory_total_mib: mib(&meminfo, "MemTotal"),
            memory_available_mib: mib(&meminfo, "MemAvailable"),
            temperatures: temperatures(root),
        }
    }
}

/// The first value of `key` in a file of `key : value` lines.
fn field(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == key).then(|| value.trim().to_owned())
    })
}

fn mib(meminfo: &str, key: &str) -> Option<u64> {
    let kib: u64 = field(meminfo, key)?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

fn temperatures(root: &Path) -> Vec<Temperature> {
    let Ok(entries) = std::fs::read_dir(root.join("sys/class/thermal")) else { return Vec::new() };
    let mut zones: Vec<Temperature> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let millidegrees: f64 = std::fs::read_to_string(path.join("temp")).ok()?.trim().parse().ok()?;
            let zone = std::fs::read_to_string(path.join("type")).ok()?.trim().to_owned();
            Some(Temperature { zone, celsius: millidegrees / 1000.0 })
        })
        .collect();
    zones.sort_by(|a, b| a.zone.cmp(&b.zone));
    zones
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

    #[test]
    fn facts_come_from_the_system_files() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Acme 9000\nprocessor\t: 1\nmodel name\t: other\n");
        write("proc/meminfo", "MemTotal:        8388608 kB\nMemAvailable:   nonsense\n");
        write("sys/class/thermal/thermal_zone0/temp", "48312\n");
        write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
        write("sys/class/thermal/cooling_device0/type", "fan\n");
        let machine = Machine::read(root.path());
        assert_eq!(machine.cpu.as_deref(), Some("Acme 9000"));
        assert_eq!((machine.memory_total_mib, machine.memory_available_mib), (Some(8192), None));
        assert_eq!(machine.temperatures, [Temperature { zone: "cpu-thermal".into(), celsius: 48.312 }]);
        assert!(machine.cores >= 1);
    }

    #[test]
    fn a_system_that_tells_nothing_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine::read(root.path());
        assert_eq!((machine.cpu, machine.memory_total_mib, machine.temperatures.len()), (None, None, 0));
    }
}
