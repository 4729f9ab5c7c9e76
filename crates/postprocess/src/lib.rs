//! Segmentation post-processing: from score maps to instances.
//!
//! A network that draws edges or classes leaves one score per pixel. The
//! functions of this crate turn such maps into regions and masks that can be
//! traced. All of them work on plain [`ndarray`] rasters (row, column), need no
//! tensors, and give the same bytes on every run.
//!
//! | function | from | to |
//! |---|---|---|
//! | [`components`] | binary mask | connected components and their areas |
//! | [`watershed`] | 8-bit edge map | regions separated by one-pixel lines |
//! | [`merge_regions`] | regions and edge logits | fewer regions, weak borders removed |
//! | [`region_borders`] | regions and edge logits | the region adjacency graph with strengths |
//! | [`merge_learned`] | regions, edge map and further maps | the same by a trained rule |
//! | [`close_lines`] | regions with lines | full partition without lines |
//! | [`split_regions`] | regions, some in several pieces | one label per connected piece |
//! | [`hysteresis`] | score map | mask of weak pixels that touch strong ones |
//! | [`nms`], [`batched_nms`] | boxes and scores | the best boxes that do not overlap |
//! | [`hard_nms`] | boxes at any angle, quadrilaterals, masks | the best that do not overlap |
//! | [`soft_nms`], [`matrix_nms`] | the same | lower scores where better ones overlap |
//! | [`paste_masks`] | masks that overlap, and scores | label map, the best on top |
//! | [`unite_masks`] | soft masks | fewer, those that overlap much united |
//! | [`assign_to_centroids`] | embeddings | instances by the nearest centroid |
//! | [`find_centres`], [`assign_to_centres`] | map of centres, vectors to them | instances |
//! | [`grow_labels`] | labels with holes | labels of the nearest pixels |
//! | [`group_lines`] | mask of lines, perhaps with groups or similarities | one path per line |
//! | [`otsu_threshold`] | 8-bit picture | threshold between two grey classes |
//! | [`dbscan`], [`hdbscan`], [`mean_shift`] | points | dense clusters, however many there are |
//! | [`k_means`], [`mini_batch_k_means`], [`gaussian_mixture`] | points | a given number of clusters |
//! | [`choose_components`] | points | a mixture and the number of its components |
//! | [`cluster_pixels`] | embeddings of pixels | instances |
//! | [`cluster_image`], [`ImageClusters`] | picture | masks of its colours, merged where alike |
//! | [`crf::DenseCrf`] | picture and class scores | scores that follow the picture's edges |
//!
//! The usual chain for closed shapes is `watershed`, `merge_regions`,
//! `close_lines`, `split_regions`: flood with low demands, so that no border is missed, then
//! judge every border by its mean strength, which a gap of one pixel or a word
//! that crosses it hardly moves.
//!
//! ```
//! use mapvec_postprocess::{
//!     MergeConfig, WatershedConfig, close_lines, edge_logit, merge_regions, watershed,
//! };
//! use ndarray::Array2;
//!
//! // Two rooms and, in the right one, a faint line.
//! let mut edge = Array2::from_elem((20, 40), 2_u8);
//! edge.column_mut(15).fill(240);
//! edge.column_mut(28).fill(90);
//! let regions = watershed(edge.view(), &WatershedConfig::default())?;
//! assert_eq!(regions.iter().max(), Some(&3));
//!
//! let logits = edge.mapv(edge_logit);
//! let merged = merge_regions(regions.view(), logits.view(), &MergeConfig::default())?;
//! assert_eq!(merged.iter().max(), Some(&2));
//! assert!(close_lines(merged.view()).iter().all(|&id| id > 0));
//! # Ok::<(), mapvec_postprocess::Error>(())
//! ```

mod bit_mask;
mod cluster;
mod components;
mod connectivity;
pub mod crf;
mod error;
mod hysteresis;
mod instances;
mod line_groups;
mod lines;
mod merge;
mod minima;
mod nms;
mod otsu;
mod relabel;
mod split;
mod watershed;

pub use bit_mask::BitMask;
pub use cluster::{
    ClusterSelection, ComponentChoice, CovarianceKind, Dbscan, DbscanConfig, GaussianMixture,
    GaussianMixtureConfig, Hdbscan, HdbscanConfig, ImageClusters, KMeans, KMeansConfig, MeanShift,
    MeanShiftConfig, MiniBatchConfig, PixelClusters, SmoothedClustersConfig, choose_components,
    cluster_image, cluster_pixels, color_points, dbscan, gaussian_mixture, gaussian_mixture_from,
    hdbscan, k_means, k_means_from, mean_shift, mini_batch_k_means, nearest_centers,
};
pub use components::{Components, components};
pub use connectivity::Connectivity;
pub use error::{Error, Result};
pub use hysteresis::hysteresis;
pub use instances::{
    Centre, CentreConfig, GrowConfig, GrowDistance, PasteConfig, PastedMasks, UnitedMasks,
    assign_to_centres, assign_to_centroids, find_centres, grow_labels, paste_masks, seed_centroids,
    unite_masks,
};
pub use line_groups::{
    LineBridgeConfig, LineCrossingConfig, LineEvidence, LineGroup, LineGroupConfig, LineGroups,
    PixelSimilarity, embedding_similarity, group_lines,
};
pub use lines::close_lines;
pub use merge::{
    BorderMaps, BorderModel, BorderSample, LearnedMergeConfig, MAX_BORDER_CHANNELS, MergeConfig,
    RegionBorder, border_feature_count, border_samples, edge_logit, merge_learned, merge_regions,
    region_borders,
};
pub use nms::{
    Detections, GaussianOverlap, MatrixDecay, MatrixNmsConfig, Rescored, Shapes, SoftDecay,
    SoftNmsConfig, batched_nms, hard_nms, matrix_nms, nms, soft_nms,
};
pub use otsu::otsu_threshold;
pub use split::split_regions;
pub use watershed::{WatershedConfig, watershed};
