use std::fmt;

/// Why nothing can be computed on the GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GpuError {
    /// This program is built without the feature `cuda`.
    NotBuilt,
    /// There is no driver, or none that can be opened.
    NoDriver,
    /// The driver knows too old a CUDA.
    OldDriver {
        /// What it knows and what is needed.
        detail: String,
    },
    /// The driver finds no GPU that this program may use.
    NoDevice {
        /// What it said.
        detail: String,
    },
    /// A library of CUDA is not installed, or not where the system looks for libraries.
    NoLibrary {
        /// Its short name: `cudart (runtime)`, `nvrtc`, `cublas`, `cudnn`.
        name: String,
    },
    /// A header that kernels are compiled with is not installed.
    NoHeaders {
        /// Which, and where it was looked for.
        detail: String,
    },
    /// The precision is none that is computed there.
    Precision,
    /// All is there, and it failed nevertheless.
    Failed {
        /// What was said.
        detail: String,
    },
}

impl GpuError {
    /// What is missing, or failed.
    pub fn missing(&self) -> String {
        match self {
            GpuError::NotBuilt => "not in this build".into(),
            GpuError::NoDriver => "no NVIDIA driver (libcuda.so.1)".into(),
            GpuError::OldDriver { detail } => format!("the NVIDIA driver is too old ({detail})"),
            GpuError::NoDevice { detail } => format!("the NVIDIA driver finds no GPU ({detail})"),
            GpuError::NoLibrary { name } => format!("the library {name} of CUDA is missing"),
            GpuError::NoHeaders { detail } => format!("headers of CUDA are missing ({detail})"),
            GpuError::Precision => "int8 is computed on the processor only".into(),
            GpuError::Failed { detail } => format!("it failed ({detail})"),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            GpuError::NotBuilt => "build foveate with `cargo build --release --features cuda`".into(),
            GpuError::NoDriver => {
                "install NVIDIA's driver (on a Jetson, JetPack 6.1 or later brings it), and in a container pass the GPU on".into()
            }
            GpuError::OldDriver { .. } => "update the driver (on a Jetson, to JetPack 6.1 or later)".into(),
            GpuError::NoDevice { .. } => {
                "check that `nvidia-smi` shows the GPU and that your user may open /dev/nvidia*, and in a container pass the GPU on".into()
            }
            GpuError::NoLibrary { name } => {
                let what = if name == "cudnn" { "cuDNN 9 for CUDA 12" } else { "CUDA 12.6 or a later 12" };
                format!(
                    "install {what} (on a Jetson, sudo apt install nvidia-jetpack), and name its folder of libraries in \
                     LD_LIBRARY_PATH if it is an unusual one"
                )
            }
            GpuError::NoHeaders { .. } => {
                "sudo apt install cuda-cudart-dev-12-6 cuda-cccl-12-6, and name the folder of CUDA in CUDA_HOME if it is not /usr/local/cuda".into()
            }
            GpuError::Precision => "use --precision f16 or f32 with --device cuda".into(),
            GpuError::Failed { .. } => "use --device cpu, and report what was said".into(),
        }
    }
}

impl fmt::Display for GpuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GPU: {}: {}", self.missing(), self.remedy())
    }
}

impl std::error::Error for GpuError {}
