//! Predicted objects are matched with true ones before they are compared.

pub(crate) mod cost_terms;
pub(crate) mod hungarian_loss;
pub(crate) mod match_config;
pub(crate) mod match_objects;
pub(crate) mod matched_objects;
pub(crate) mod matched_terms;
pub(crate) mod objects;
pub(crate) mod true_objects;
