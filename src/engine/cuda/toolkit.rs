//! The headers that tract-cuda compiles its kernels with, looked for where it looks for them.

use std::path::Path;
#[cfg(feature = "cuda")]
use std::path::PathBuf;

use crate::error::GpuError;

/// Where CUDA is installed, by its environment variables, its usual place or its compiler.
#[cfg(feature = "cuda")]
pub(super) fn folder() -> PathBuf {
    let named = ["CUDA_HOME", "CUDA_PATH"].into_iter().find_map(std::env::var_os).map(PathBuf::from);
    let usual = PathBuf::from("/usr/local/cuda");
    let compiler = || {
        let path = std::env::var_os("PATH")?;
        let bin = std::env::split_paths(&path).find(|dir| dir.join("nvcc").is_file())?;
        bin.parent().map(Path::to_path_buf)
    };
    named.or_else(|| usual.exists().then(|| usual.clone())).or_else(compiler).unwrap_or(usual)
}

/// Whether the headers are there in CUDA's folder `root`.
///
/// # Errors
/// [`GpuError::NoHeaders`] naming the first that is not.
pub(super) fn headers(root: &Path) -> Result<(), GpuError> {
    let missing =
        |name: &str, place: &Path| GpuError::NoHeaders { detail: format!("no {name} in {}", place.display()) };
    // Some installations lack the link from the folder of all systems to that of their own.
    let targets = std::fs::read_dir(root.join("targets")).into_iter().flatten().flatten();
    let mut folders = [root.to_path_buf()].into_iter().chain(targets.map(|entry| entry.path()));
    let include = folders.find_map(|dir| Some(dir.join("include")).filter(|dir| dir.join("cuda_fp16.h").is_file()));
    let include = include.ok_or_else(|| missing("cuda_fp16.h", &root.join("include")))?;
    if !include.join("math_constants.h").is_file() {
        return Err(missing("math_constants.h", &include));
    }
    let places = ["cccl", "libcudacxx/include", "."];
    match places.iter().any(|place| include.join(place).join("cuda/std/cstdint").is_file()) {
        true => Ok(()),
        false => Err(missing("cuda/std/cstdint", &include)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_header_that_lacks_is_named() {
        let root = tempfile::tempdir().unwrap();
        let lacks = |name: &str| match headers(root.path()) {
            Err(GpuError::NoHeaders { detail }) => detail.starts_with(&format!("no {name} in ")),
            _ => false,
        };
        let add = |name: &str| {
            let path = root.path().join("targets/aarch64-linux/include").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        assert!(lacks("cuda_fp16.h"));
        add("cuda_fp16.h");
        assert!(lacks("math_constants.h"));
        add("math_constants.h");
        assert!(lacks("cuda/std/cstdint"));
        add("cccl/cuda/std/cstdint");
        assert_eq!(headers(root.path()), Ok(()));
    }
}
