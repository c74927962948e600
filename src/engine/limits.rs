/// How much a model file may ask for. The defaults leave room for the largest Segment Anything encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file, 512 MiB by default.
    pub max_file_bytes: u64,
    /// Nodes of the graph and its subgraphs, 20,000 by default.
    pub max_nodes: usize,
    /// Any one tensor: weights, inputs, outputs and everything between, 1 GiB by default.
    pub max_tensor_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_file_bytes: 512 << 20, max_nodes: 20_000, max_tensor_bytes: 1 << 30 }
    }
}
