//! What tract-cuda says of the driver and of CUDA's libraries, as an error that can be matched on. It has words alone.

use crate::engine::failure::line;
use crate::error::GpuError;

/// The kind of what `ensure_cuda_runtime_dependencies` failed with.
pub(super) fn missing(said: &str) -> GpuError {
    let between = |before: &str, after: &str| Some(said.split_once(before)?.1.split_once(after)?.0.to_owned());
    let detail = line(&said.split_whitespace().collect::<Vec<_>>().join(" "));
    if said.starts_with("CUDA driver library not found") {
        GpuError::NoDriver
    } else if said.starts_with("CUDA driver too old") {
        let versions = between("Found driver API ", ".\n").zip(between("requires driver API >= ", ")"));
        let told = versions.map(|(found, needed)| format!("it knows CUDA {found}, {needed} is needed"));
        GpuError::OldDriver { detail: told.unwrap_or(detail) }
    } else if said.contains("initialization failed") {
        GpuError::NoDevice { detail: between("(", ", via").unwrap_or(detail) }
    } else if let Some(name) = between("sub-library \"", "\"") {
        // Its own probe of the driver: the file is there, but under another name or unusable.
        if name.starts_with("cuda ") { GpuError::NoDriver } else { GpuError::NoLibrary { name } }
    } else {
        GpuError::Failed { detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_by_kind() {
        let library = |name: &str| GpuError::NoLibrary { name: name.into() };
        let rows = [
            (
                "CUDA driver library not found. Tried: [\"libcuda.so.1\", \"libcuda.so\"]. Is an NVIDIA driver installed \
                 (and, in containers, did you run with GPU passthrough)?",
                GpuError::NoDriver,
            ),
            (
                "CUDA driver too old.\nDriver library: libcuda.so.1\nBuilt with cudarc feature cuda-12060 (requires driver \
                 API >= 12.6).\nFound driver API 11.4.\nFix: upgrade the NVIDIA driver, or rebuild.",
                GpuError::OldDriver { detail: "it knows CUDA 11.4, 12.6 is needed".into() },
            ),
            (
                "CUDA driver initialization failed (cuInit returned 100, via libcuda.so.1). Possible causes: none.",
                GpuError::NoDevice { detail: "cuInit returned 100".into() },
            ),
            ("the GPU: CUDA runtime sub-library \"cudnn\" could not be dlopen'd. cudarc searches", library("cudnn")),
            (
                "the GPU: CUDA runtime sub-library \"cudart (runtime)\" could not be dlopen'd.",
                library("cudart (runtime)"),
            ),
            ("the GPU: CUDA runtime sub-library \"cuda (driver)\" could not be dlopen'd.", GpuError::NoDriver),
            ("something\nelse", GpuError::Failed { detail: "something else".into() }),
        ];
        for (said, expected) in rows {
            assert_eq!(missing(said), expected, "{said}");
        }
    }
}
