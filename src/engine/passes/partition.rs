use std::collections::{BTreeMap, BTreeSet, HashMap};

use tract_onnx::prelude::*;

use super::recognize::{Recognized, recognize};

/// Nodes that become one operator, in an order in which they can be computed.
pub(super) type Region = Vec<(usize, Recognized)>;

/// Shares the recognised nodes out to regions, as few as there can be without one that waits for itself: a node joins a
/// region that none of its inputs waits for from outside, its inputs' own before others, later before earlier. Regions
/// without a convolution are left out.
pub(super) fn partition(model: &TypedModel) -> TractResult<Vec<Region>> {
    let mut regions: Vec<Region> = Vec::new();
    let mut home: HashMap<usize, usize> = HashMap::new();
    // Regions that a node outside waits for directly, and that a region waits for.
    let mut node_waits: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut region_waits: Vec<BTreeSet<usize>> = Vec::new();
    for id in model.eval_order()? {
        let node = model.node(id);
        // What each input waits for, its own region included.
        let waits = |input: &OutletId| match home.get(&input.node) {
            Some(region) => BTreeSet::from([*region]),
            None => node_waits.get(&input.node).cloned().unwrap_or_default(),
        };
        let Some(recognized) = recognize(model, node) else {
            let all = node.inputs.iter().flat_map(waits).collect();
            node_waits.insert(id, all);
            continue;
        };
        let inputs = recognized.inputs();
        // Once for all regions that it might join.
        let reached: Vec<(Option<usize>, BTreeSet<usize>)> = (inputs.iter())
            .map(|input| (home.get(&input.node).copied(), reached(&region_waits, waits(input))))
            .collect();
        let joins =
            |region: usize| reached.iter().all(|(home, waits)| *home == Some(region) || !waits.contains(&region));
        let own = inputs.iter().filter_map(|input| home.get(&input.node)).copied().max();
        let region =
            own.into_iter().chain((0..regions.len()).rev()).find(|region| joins(*region)).unwrap_or_else(|| {
                regions.push(Vec::new());
                region_waits.push(BTreeSet::new());
                regions.len() - 1
            });
        let outside = inputs.iter().flat_map(waits).filter(|other| *other != region);
        region_waits[region].extend(outside);
        regions[region].push((id, recognized));
        home.insert(id, region);
    }
    regions.retain(|region| region.iter().any(|(_, r)| r.is_convolution()));
    Ok(regions)
}

/// `from` and every region that they wait for in turn.
fn reached(region_waits: &[BTreeSet<usize>], from: BTreeSet<usize>) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    let mut open: Vec<usize> = from.into_iter().collect();
    while let Some(region) = open.pop() {
        if all.insert(region) {
            open.extend(&region_waits[region]);
        }
    }
    all
}
