use serde::{Deserialize, Serialize};

/// What computes a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The processor, with the engine's own kernels.
    #[default]
    Cpu,
    /// The first NVIDIA GPU, in builds with the feature `cuda`; see [`gpu`](super::gpu).
    Cuda,
}

impl Device {
    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
        }
    }
}

impl std::str::FromStr for Device {
    type Err = crate::error::ConfigError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        [Device::Cpu, Device::Cuda].into_iter().find(|device| device.name() == s).ok_or_else(|| {
            crate::error::ConfigError::Address { what: "device", address: s.into(), known: "cpu, cuda".into() }
        })
    }
}
