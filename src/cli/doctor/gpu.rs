//! Whether the encoder can run on an NVIDIA GPU here, and what is missing for it.

use crate::error::GpuError;

use super::{Finding, Status};

/// `found` is what [`crate::engine::gpu`] says.
pub fn finding(found: Result<(), GpuError>) -> Finding {
    match found {
        Ok(()) => {
            let detail = "NVIDIA driver, CUDA, cuDNN and headers are there: --device cuda runs the encoder on the GPU, auto where it is faster";
            Finding::ok("gpu", detail)
        }
        // The processor is what foveate is made for: a build without is not one that lacks something.
        Err(error @ GpuError::NotBuilt) => {
            Finding::ok("gpu", format!("{}; for an NVIDIA GPU {}", error.missing(), error.remedy()))
        }
        Err(error) => Finding::problem(Status::Warn, "gpu", error.missing(), error.remedy()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_that_is_missing_has_its_remedy() {
        assert_eq!(finding(Ok(())).status, Status::Ok);
        let without = finding(Err(GpuError::NotBuilt));
        assert_eq!(without.status, Status::Ok);
        assert!(without.detail.contains("--features cuda"), "{without:?}");
        let detail = || "no cuda_fp16.h in /usr/local/cuda/include".to_owned();
        for (error, what, remedy) in [
            (GpuError::NoDriver, "driver", "JetPack"),
            (GpuError::OldDriver { detail: detail() }, "too old", "update"),
            (GpuError::NoDevice { detail: detail() }, "no GPU", "nvidia-smi"),
            (GpuError::NoLibrary { name: "cudnn".into() }, "cudnn", "cuDNN 9"),
            (GpuError::NoLibrary { name: "nvrtc".into() }, "nvrtc", "CUDA 12.6"),
            (GpuError::NoHeaders { detail: detail() }, "cuda_fp16.h", "CUDA_HOME"),
        ] {
            let found = finding(Err(error));
            assert_eq!(found.status, Status::Warn);
            assert!(found.detail.contains(what), "{found:?}");
            assert!(found.remedy.as_ref().is_some_and(|text| text.contains(remedy)), "{found:?}");
        }
    }
}
