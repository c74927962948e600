//! What the board's profile asks of this machine beyond its model: budgets, placement of threads, and the service.

use std::path::Path;

use crate::board::{Board, Policy};
use crate::cli::board_args::pipeline_config;
use crate::pipeline::Placement;

use super::{Finding, Status};

/// Where a unit may lie.
const UNITS: [&str; 3] = [
    "etc/systemd/system/foveate.service",
    "usr/lib/systemd/system/foveate.service",
    "lib/systemd/system/foveate.service",
];

/// Budgets, placement and service; `root` is `/` but for tests.
pub fn findings(board: &Board, root: &Path) -> Vec<Finding> {
    let mut findings = vec![budgets(board)];
    findings.extend(placement(board));
    findings.extend(service(root));
    findings
}

fn budgets(board: &Board) -> Finding {
    let b = &board.budgets;
    if b.ladder.is_empty() {
        return Finding::ok("budgets", "none: this profile gives nothing up, however long a frame takes");
    }
    let limits = [b.latency_ms.map(|ms| format!("{ms} ms to the mask")), b.temperature_c.map(|c| format!("{c} °C"))];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    let mut detail = format!("{}, {} rungs below", limits.join(" and "), b.ladder.len());
    for (n, rung) in b.ladder.iter().enumerate() {
        let parts = [
            rung.pixels.map(|pixels| format!("{pixels} pixels")),
            rung.precision.map(|p| p.name().to_owned()),
            rung.encode_every.map(|every| format!("1 frame of {every} encoded")),
        ];
        detail.push_str(&format!("\nrung {}: {}", n + 1, parts.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    }
    Finding::ok("budgets", detail)
}

/// Tries each stage's placement on a thread of its own.
fn placement(board: &Board) -> Vec<Finding> {
    let config = pipeline_config(board, 1.0);
    let (cores, policies) = (&config.affinity, &config.scheduling);
    let stages = [
        ("capture", &cores.capture, policies.capture),
        ("encode", &cores.encode, policies.encode),
        ("decode", &cores.decode, policies.decode),
        ("sink", &cores.sink, policies.sink),
    ];
    let asked = stages.into_iter().filter(|(_, cores, policy)| !cores.is_empty() || *policy != Policy::Normal);
    asked
        .map(|(stage, cores, policy)| {
            let placement = Placement { cores: cores.clone(), policy, on_failure: policies.on_failure };
            let subject = format!("{stage} thread");
            let place = if cores.is_empty() { "any core".to_owned() } else { format!("cores {cores:?}") };
            match placement.check() {
                Ok(()) => Finding::ok(subject, format!("{place}, {policy}")),
                Err(refusal) => {
                    // What was refused comes before the colon, what to do after it.
                    let (detail, remedy) = refusal.split_once(": ").unwrap_or((&refusal, "change the board profile"));
                    Finding::problem(Status::Warn, subject, detail, remedy)
                }
            }
        })
        .collect()
}

/// `None` where systemd does not run.
fn service(root: &Path) -> Option<Finding> {
    root.join("run/systemd/system").is_dir().then(|| match UNITS.iter().find(|unit| root.join(unit).is_file()) {
        Some(unit) => Finding::ok("service", format!("/{unit}; `systemctl status foveate` shows how it does")),
        None => {
            Finding::ok("service", "not installed; packaging/README.md tells how to start foveate with the machine")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_show_their_rungs() {
        let found = budgets(&Board::bundled("raspberry-pi-5").unwrap());
        assert!(found.detail.contains("76 °C") && found.detail.contains("rung 1: 36864 pixels"), "{found:?}");
        assert!(budgets(&Board::bundled("generic-x86_64").unwrap()).detail.starts_with("none"));
    }

    #[test]
    fn cores_that_are_not_there_are_found_before_a_stream_starts() {
        let text = "name = \"x\"\nmodel = \"m\"\n[affinity]\nencode = [1000]\n[scheduling]\nsink = \"nice:3\"\n";
        let found = placement(&Board::parse(text, "board.toml").unwrap());
        let [encode, sink] = &found[..] else { panic!("{found:?}") };
        assert_eq!((encode.subject.as_str(), encode.status), ("encode thread", Status::Warn));
        assert!(encode.remedy.as_ref().is_some_and(|r| r.contains("`affinity`")), "{encode:?}");
        assert_eq!((sink.status, sink.detail.as_str()), (Status::Ok, "any core, nice:3"));
    }

    #[test]
    fn a_service_is_found_where_systemd_runs() {
        let root = tempfile::tempdir().unwrap();
        assert!(service(root.path()).is_none());
        std::fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
        assert!(service(root.path()).unwrap().detail.contains("packaging/README.md"));
        std::fs::create_dir_all(root.path().join("etc/systemd/system")).unwrap();
        std::fs::write(root.path().join(UNITS[0]), "").unwrap();
        assert!(service(root.path()).unwrap().detail.contains("systemctl status foveate"));
    }
}
