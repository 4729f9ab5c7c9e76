//! Where tensors live.

use anyhow::{Context, Result};
use candle_core::Device;

/// Names a device on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceName {
    /// The processor.
    Cpu,
    /// The first NVIDIA GPU; needs `--features cuda`.
    Cuda,
    /// The first Apple GPU; needs `--features metal`.
    Metal,
}

impl DeviceName {
    /// Opens the device.
    ///
    /// # Errors
    /// The device is missing, or this program was built without its feature.
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda => Device::new_cuda(0).context("cannot use CUDA (build with `--features cuda` on a machine with an NVIDIA GPU, or use --device cpu)"),
            Self::Metal => Device::new_metal(0).context("cannot use Metal (build with `--features metal` on a Mac, or use --device cpu)"),
        }
    }
}
