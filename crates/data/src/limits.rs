//! How large a picture may be.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The largest picture that is decoded.
///
/// A few bytes of a file can announce a picture that fills the memory, so the header is
/// checked against these limits before any pixel is allocated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageLimits {
    /// Largest width, px. Default 65 535.
    pub max_width: u32,
    /// Largest height, px. Default 65 535.
    pub max_height: u32,
    /// Largest width times height, px. Default 400 million (1.2 GB as RGB).
    pub max_pixels: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self { max_width: 65_535, max_height: 65_535, max_pixels: 400_000_000 }
    }
}

impl ImageLimits {
    /// Checks that a picture could pass at all.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field that is 0.
    pub fn validate(&self) -> Result<()> {
        let fields = [
            ("max_width", u64::from(self.max_width)),
            ("max_height", u64::from(self.max_height)),
            ("max_pixels", self.max_pixels),
        ];
        for (field, value) in fields {
            if value == 0 {
                return Err(Error::Config {
                    field,
                    value: value.to_string(),
                    expected: "at least 1",
                });
            }
        }
        Ok(())
    }

    /// Checks a header; `name` of the picture goes into the error.
    pub(crate) fn check(&self, width: u32, height: u32, name: &str) -> Result<()> {
        if width == 0 || height == 0 {
            return Err(Error::EmptyImage { name: name.to_owned(), width, height });
        }
        let checks = [
            ("max_width", u64::from(width), u64::from(self.max_width)),
            ("max_height", u64::from(height), u64::from(self.max_height)),
            ("max_pixels", u64::from(width) * u64::from(height), self.max_pixels),
        ];
        for (limit, value, allowed) in checks {
            if value > allowed {
                let name = name.to_owned();
                return Err(Error::ImageTooLarge { name, width, height, limit, allowed });
            }
        }
        Ok(())
    }
}
