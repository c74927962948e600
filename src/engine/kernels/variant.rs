//! Which instruction set the kernels run on.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use super::arch;
use super::task::Task;

/// The environment variable that forces a variant, for comparisons.
const OVERRIDE: &str = "FOVEATE_KERNELS";

/// An instruction set that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Variant {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Variant {
    /// Every variant that this build has, the fastest last.
    const ALL: &[Variant] = &[
        Variant::Portable,
        #[cfg(target_arch = "x86_64")]
        Variant::Avx2,
        #[cfg(target_arch = "x86_64")]
        Variant::Avx512,
        #[cfg(target_arch = "aarch64")]
        Variant::Neon,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Variant::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Variant::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Variant::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Variant::Neon => "neon",
        }
    }

    /// Channels in a block.
    pub const fn lanes(self) -> usize {
        match self {
            Variant::Portable => 4,
            #[cfg(target_arch = "x86_64")]
            Variant::Avx2 => 8,
            #[cfg(target_arch = "x86_64")]
            Variant::Avx512 => 16,
            #[cfg(target_arch = "aarch64")]
            Variant::Neon => 4,
        }
    }

    /// Whether this processor has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            Variant::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Variant::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Variant::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"),
            #[cfg(target_arch = "aarch64")]
            Variant::Neon => std::arch::is_aarch64_feature_detected!("neon"),
        }
    }

    /// The variants that this processor can run, the fastest last.
    pub fn available() -> impl Iterator<Item = Variant> {
        Self::ALL.iter().copied().filter(|v| v.is_available())
    }

    /// The fastest variant here, or the one that `FOVEATE_KERNELS` names if this processor can run it.
    pub fn best() -> Variant {
        static BEST: OnceLock<Variant> = OnceLock::new();
        *BEST.get_or_init(|| {
            let fastest = Self::available().last().unwrap_or(Variant::Portable);
            let Ok(wanted) = std::env::var(OVERRIDE) else { return fastest };
            match wanted.parse::<Variant>() {
                Ok(variant) if variant.is_available() => variant,
                _ => {
                    let known: Vec<&str> = Self::available().map(Variant::name).collect();
                    tracing::warn!("{OVERRIDE}={wanted} is ignored: this processor runs {}", known.join(", "));
                    fastest
                }
            }
        })
    }

    /// Does `task`.
    ///
    /// # Safety
    /// As [`super::task::run_task`], with [`Self::lanes`] for the lanes; the variant is available.
    pub(super) unsafe fn run(self, task: &Task<'_>) {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Variant::Portable => arch::portable::run(task),
                #[cfg(target_arch = "x86_64")]
                Variant::Avx2 => arch::avx2::run(task),
                #[cfg(target_arch = "x86_64")]
                Variant::Avx512 => arch::avx512::run(task),
                #[cfg(target_arch = "aarch64")]
                Variant::Neon => arch::neon::run(task),
            }
        }
    }
}

impl FromStr for Variant {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|v| v.name() == name).ok_or(())
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
