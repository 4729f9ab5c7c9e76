//! A geometry with properties, as the vector writers take it.

use geo_types::Geometry;
use serde_json::{Map, Value};

/// One feature of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// The geometry; pixels unless the writer's caller says otherwise.
    pub geometry: Geometry<f64>,
    /// Named values, for example `"class": "shape"`.
    pub properties: Map<String, Value>,
}
