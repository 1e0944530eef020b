//! The devices that compute with tensors: the processor, or a graphics processor if the program was built for one.

pub use burn::tensor::Device;

use crate::error::{LmError, Result};

/// A device by name: "cpu", and "vulkan" or "cuda" if the cargo features of those names are enabled.
///
/// # Errors
/// [`LmError::Invalid`] for an unknown name or one that this program was built without.
pub fn device(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::flex()),
        #[cfg(feature = "vulkan")]
        "vulkan" => Ok(Device::vulkan(burn::tensor::DeviceKind::default())),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(0)),
        _ if ["vulkan", "cuda"].contains(&name) => {
            Err(LmError::invalid(format!("this program was built without {name}: build it with --features {name}")))
        }
        other => Err(LmError::invalid(format!("device {other:?} is unknown: use cpu, vulkan or cuda"))),
    }
}

/// The name of the device that tests of models compute on: that of the variable CAVEAT_TEST_DEVICE, or the processor.
#[cfg(test)]
pub(crate) fn name_of_tests() -> String {
    std::env::var("CAVEAT_TEST_DEVICE").unwrap_or_else(|_| "cpu".to_owned())
}
