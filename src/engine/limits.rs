/// How much a model file may ask for. The defaults leave room for the largest Segment Anything encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file, 512 MiB by default.
    pub max_file_bytes: u64,
    /// Nodes of the graph and its subgraphs, 10,000 by default.
    pub max_nodes: usize,
    /// Any one tensor: weights, inputs, outputs and everything between, 1 GiB by default.
    pub max_tensor_bytes: u64,
    /// All constants of a graph together, and all that one run of it holds at a time, 4 GiB by default.
    pub max_total_bytes: u64,
    /// Steps of preparing a graph: changes of the graph times the nodes that each looks at, 20 million by default, which is
    /// some seconds. A transformer of 24 blocks takes 3 million, one of 48 blocks 12 million.
    pub max_steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_file_bytes: 512 << 20,
            max_nodes: 10_000,
            max_tensor_bytes: 1 << 30,
            max_total_bytes: 4 << 30,
            max_steps: 20_000_000,
        }
    }
}
