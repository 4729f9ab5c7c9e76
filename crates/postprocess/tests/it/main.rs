//! Properties against naive twins and invariants on small random rasters.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cluster_inputs;
mod components;
mod crf;
mod crf_gate;
mod crf_report;
mod crf_scene;
mod crf_strategies;
mod dbscan;
mod gaussian_mixture;
mod grid_crf;
mod hdbscan;
mod hysteresis;
mod image_clusters;
mod instances;
mod k_means;
mod learned_merge;
mod line_groups;
mod lines;
mod mean_shift;
mod merge;
mod naive;
mod nms;
mod split;
mod watershed;
