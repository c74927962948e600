//! Where the time of a graph goes.

use std::collections::HashMap;

use serde::Serialize;

use crate::engine::NodeTime;

/// Nodes that the table shows.
const SHOWN: usize = 20;

/// The milliseconds of a run by kernel and by node, the longest first: means over the runs.
#[derive(Debug, Serialize)]
pub(super) struct Profile {
    kernels: Vec<Share>,
    nodes: Vec<Share>,
}

#[derive(Debug, Serialize)]
struct Share {
    name: String,
    /// Of a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<String>,
    ms: f64,
    /// How many times a run does it.
    count: usize,
}

impl Profile {
    /// Of the nodes of some runs.
    pub fn of(rounds: &[Vec<NodeTime>]) -> Profile {
        let by = |key: fn(&NodeTime) -> (String, Option<String>)| {
            let mut sums: HashMap<(String, Option<String>), (f64, usize)> = HashMap::new();
            for node in rounds.iter().flatten() {
                let (ms, count) = sums.entry(key(node)).or_default();
                *ms += node.time.as_secs_f64() * 1e3;
                *count += 1;
            }
            let runs = rounds.len().max(1);
            let share =
                |((name, kernel), (ms, count))| Share { name, kernel, ms: ms / runs as f64, count: count / runs };
            let mut shares: Vec<Share> = sums.into_iter().map(share).collect();
            shares.sort_by(|a, b| b.ms.total_cmp(&a.ms).then_with(|| a.name.cmp(&b.name)));
            shares
        };
        Profile {
            kernels: by(|node| (node.kernel.clone(), None)),
            nodes: by(|node| (node.node.clone(), Some(node.kernel.clone()))),
        }
    }

    pub fn table(&self) -> String {
        let whole: f64 = self.kernels.iter().map(|share| share.ms).sum();
        let mut text = format!("  where the {whole:.2} ms of a timed run go:\n");
        for Share { name, ms, count, .. } in &self.kernels {
            text.push_str(&format!("  {ms:>10.3} ms {:>5.1} %  {count:>4} x {name}\n", 100.0 * ms / whole));
        }
        text.push_str("  the nodes that take longest:\n");
        for Share { name, kernel, ms, .. } in self.nodes.iter().take(SHOWN) {
            let kernel = kernel.as_deref().unwrap_or_default();
            text.push_str(&format!("  {ms:>10.3} ms {:>5.1} %  {name} ({kernel})\n", 100.0 * ms / whole));
        }
        text
    }
}
