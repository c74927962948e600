//! How fast the processor runs and how hot it is, against what it could and the board allows.

use crate::board::{Board, Frequency, Machine};

use super::{Finding, Status};

/// Boards begin to slow down here; a profile may know better.
const HOT: f64 = 80.0;

const COOL: &str =
    "the processor slows down when hot: add a heat sink or a fan, or give `budgets.ladder` a milder start";

/// Frequencies, temperatures and throttling.
pub fn findings(machine: &Machine, board: &Board) -> Vec<Finding> {
    let mut findings: Vec<Finding> = machine.frequencies.iter().map(|f| frequency(f, machine.arch)).collect();
    let limit = board.budgets.temperature_c.unwrap_or(HOT);
    for t in &machine.temperatures {
        let (subject, detail) = (format!("temperature {}", t.zone), format!("{:.0} °C", t.celsius));
        findings.push(if t.celsius < limit {
            Finding::ok(subject, detail)
        } else {
            Finding::problem(Status::Warn, subject, format!("{detail}, the limit is {limit:.0} °C"), COOL)
        });
    }
    findings.extend(throttling(machine));
    findings
}

fn frequency(f: &Frequency, arch: &str) -> Finding {
    let subject = format!("frequency of cores {}", f.cores);
    let mut detail = format!("{} of {} MHz", f.current_mhz, f.highest_mhz);
    if !f.governor.is_empty() {
        detail.push_str(&format!(" ({})", f.governor));
    }
    // On ARM this governor keeps the lowest frequency; on x86 it is the name of an adaptive one.
    if f.governor == "powersave" && arch == "aarch64" {
        let remedy = "echo schedutil | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor";
        return Finding::problem(Status::Warn, subject, detail, remedy);
    }
    if u64::from(f.limit_mhz) * 100 < u64::from(f.highest_mhz) * 99 {
        let detail = format!("{detail}, held to {} MHz", f.limit_mhz);
        let remedy =
            "the system limits these cores (scaling_max_freq): cool the board, or look for a power-saving setting";
        return Finding::problem(Status::Warn, subject, detail, remedy);
    }
    Finding::ok(subject, detail)
}

fn throttling(machine: &Machine) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(firmware) = machine.firmware {
        let (now, before) = (firmware.now(), firmware.since_power_on());
        let power = now.iter().chain(&before).any(|cause| *cause == "under-voltage");
        let remedy = if power { "use the board's own power supply and a short cable" } else { COOL };
        let subject = "firmware limits";
        findings.push(match (now.is_empty(), before.is_empty()) {
            (true, true) => Finding::ok(subject, "none since power-on"),
            (true, false) => {
                let detail = format!("none now, since power-on: {}", before.join(", "));
                Finding::problem(Status::Warn, subject, detail, remedy)
            }
            (false, _) => Finding::problem(Status::Warn, subject, format!("now: {}", now.join(", ")), remedy),
        });
    }
    for device in machine.cooling.iter().filter(|c| c.throttles()) {
        let detail =
            format!("{} at {} of {}: the processor runs slower than it could", device.kind, device.state, device.max);
        findings.push(Finding::problem(Status::Warn, "throttling", detail, COOL));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Machine {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Machine { arch: "aarch64", ..Machine::read(root.path()) }
    }

    fn policy(current: &'static str, limit: &'static str, governor: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![
            ("sys/devices/system/cpu/cpufreq/policy0/affected_cpus", "0 1 2 3"),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", current),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq", limit),
            ("sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq", "2400000"),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", governor),
        ]
    }

    #[test]
    fn every_limit_is_a_warning_with_a_remedy() {
        let board = Board::bundled("raspberry-pi-5").unwrap();
        let zone = |temp| {
            vec![("sys/class/thermal/thermal_zone0/temp", temp), ("sys/class/thermal/thermal_zone0/type", "cpu")]
        };
        let firmware = |flags| vec![("sys/devices/platform/soc/soc:firmware/get_throttled", flags)];
        let fan = |kind, state| {
            vec![
                ("sys/class/thermal/cooling_device0/type", kind),
                ("sys/class/thermal/cooling_device0/cur_state", state),
                ("sys/class/thermal/cooling_device0/max_state", "4"),
            ]
        };
        let rows = [
            ("idle", policy("1500000", "2400000", "ondemand"), None),
            ("held back", policy("1500000", "1500000", "ondemand"), Some("held to 1500 MHz")),
            ("power saving", policy("1500000", "2400000", "powersave"), Some("(powersave)")),
            ("cool", zone("50000"), None),
            ("hot", zone("77500"), Some("78 °C, the limit is 76 °C")),
            ("fine", firmware("0"), None),
            ("weak supply before", firmware("50000"), Some("since power-on: under-voltage, throttled")),
            ("hot now", firmware("8"), Some("now: soft temperature limit")),
            ("fan", fan("pwm-fan", "3"), None),
            ("slowed", fan("cpufreq-cpu0", "3"), Some("cpufreq-cpu0 at 3 of 4")),
        ];
        for (name, files, expected) in rows {
            let found = findings(&machine(&files), &board);
            let problem = found.iter().find(|f| f.status != Status::Ok);
            assert_eq!(problem.is_some(), expected.is_some(), "{name}: {found:?}");
            if let (Some(problem), Some(expected)) = (problem, expected) {
                assert!(problem.detail.contains(expected) && problem.remedy.is_some(), "{name}: {problem:?}");
            }
        }
    }

    #[test]
    fn a_weak_supply_is_not_blamed_on_heat() {
        let found = findings(
            &machine(&[("sys/devices/platform/soc/soc:firmware/get_throttled", "1")]),
            &Board::bundled("generic-aarch64").unwrap(),
        );
        assert!(found[0].remedy.as_ref().unwrap().contains("power supply"));
    }
}
