//! The screened Laplacian of a comparison graph as a sparse product that stays within a cache.

use rayon::prelude::*;

use crate::comparison_graph::ComparisonGraph;
use crate::components::Components;

/// Rows per parallel task; fixed, so that sums do not depend on the number of threads.
pub(in crate::margins) const CHUNK: usize = 1 << 14;

/// Rows and columns of a tile of the matrix: the parts of x and y that a tile touches fit the cache of one core together.
const TILE_ROWS: usize = CHUNK;
const TILE_COLUMNS: usize = 1 << 13;

/// BᵀWB + μI, as the graph's adjacency in tiles and the two terms of the diagonal.
///
/// A sparse product waits for random access to x. Entries are grouped by tile, so that it stays within a cache; a tile
/// holds (row, column) within itself, 4 bytes an entry.
pub(crate) struct ScreenedLaplacian<'g> {
    pub(super) graph: &'g ComparisonGraph,
    /// One per edge; `None` if all are 1.
    pub(super) edge_couplings: Option<&'g [f64]>,
    /// First entry of every tile, row of tiles by row of tiles.
    tiles: Vec<usize>,
    tiles_across: usize,
    entries: Vec<(u16, u16)>,
    pub(super) couplings: Couplings,
    /// Degree plus screening, for preconditioning.
    pub(super) diagonal: Vec<f64>,
    pub(super) screening: f64,
    pub(super) components: Components,
}

/// Couplings in the order in which a product needs them.
pub(super) enum Couplings {
    /// All 1.
    Equal,
    /// Nearly all 1: (i, j, W − 1) for the others, in both directions, sorted.
    NearlyEqual(Vec<(u32, u32, f64)>),
    /// One per entry of the tiles.
    Each(Vec<f64>),
}

/// Up to this share of couplings other than 1 is kept as a list of its own.
const FEW: f64 = 1.0 / 16.0;

impl<'g> ScreenedLaplacian<'g> {
    /// Assembles the matrix for couplings W (one per edge, positive; `None` for all 1) and screening μ ≥ 0.
    ///
    /// Memory 8 bytes per edge (24 with unequal couplings) and 20 per item. Cost O(n + m).
    pub(crate) fn new(graph: &'g ComparisonGraph, edge_couplings: Option<&'g [f64]>, screening: f64) -> Self {
        let n = graph.n_items();
        let tiles_across = n.div_ceil(TILE_COLUMNS);
        let tile_of = |i: usize, j: usize| i / TILE_ROWS * tiles_across + j / TILE_COLUMNS;
        let edges = graph.edges();
        let coupling = |at: usize| edge_couplings.map_or(1.0, |c| c[at]);
        let others = edge_couplings.map_or(0, |c| c.par_iter().with_min_len(CHUNK).filter(|&&w| w != 1.0).count());
        let each = others as f64 > FEW * edges.len() as f64;

        let degrees = || {
            let mut diagonal = vec![screening; n];
            for (at, e) in edges.iter().enumerate() {
                let (i, j) = e.items();
                diagonal[i] += coupling(at);
                diagonal[j] += coupling(at);
            }
            (diagonal, Components::new(graph))
        };
        let adjacency = || {
            let mut tiles = vec![0usize; n.div_ceil(TILE_ROWS) * tiles_across + 1];
            for e in edges {
                let (i, j) = e.items();
                tiles[tile_of(i, j) + 1] += 1;
                tiles[tile_of(j, i) + 1] += 1;
            }
            for t in 1..tiles.len() {
                tiles[t] += tiles[t - 1];
            }
            let mut next = tiles.clone();
            let mut entries = vec![(0u16, 0u16); 2 * edges.len()];
            let mut values = vec![0.0; if each { entries.len() } else { 0 }];
            let mut few = Vec::with_capacity(if each { 0 } else { 2 * others });
            for (at, e) in edges.iter().enumerate() {
                let w = coupling(at);
                for (i, j) in [(e.first, e.second), (e.second, e.first)] {
                    let (row, column) = (i as usize, j as usize);
                    let slot = &mut next[tile_of(row, column)];
                    // Within a tile both numbers are below 2¹⁴.
                    entries[*slot] = ((row % TILE_ROWS) as u16, (column % TILE_COLUMNS) as u16);
                    if each {
                        values[*slot] = w;
                    } else if w != 1.0 {
                        few.push((i, j, w - 1.0));
                    }
                    *slot += 1;
                }
            }
            few.sort_unstable_by_key(|&(i, j, _)| (i, j));
            let couplings = match (each, few.is_empty()) {
                (true, _) => Couplings::Each(values),
                (false, true) => Couplings::Equal,
                (false, false) => Couplings::NearlyEqual(few),
            };
            (tiles, entries, couplings)
        };
        // Handing little work to another thread takes longer than doing it.
        let ((mut diagonal, components), (tiles, entries, couplings)) =
            if edges.len() < CHUNK { (degrees(), adjacency()) } else { rayon::join(degrees, adjacency) };
        // An item in no comparison has an empty row where μ = 0; its rank is 0 whatever its diagonal.
        diagonal.iter_mut().filter(|d| **d == 0.0).for_each(|d| *d = 1.0);
        Self { graph, edge_couplings, tiles, tiles_across, entries, couplings, diagonal, screening, components }
    }

    pub(super) fn n(&self) -> usize {
        self.diagonal.len()
    }

    /// y = Ax; returns xᵀy. Formed from differences: a small μ would be lost if it were added to the degree first.
    pub(super) fn times(&self, x: &[f64], y: &mut [f64]) -> f64 {
        let dots: Vec<f64> = y
            .par_chunks_mut(TILE_ROWS)
            .zip(x.par_chunks(TILE_ROWS))
            .enumerate()
            .map(|(row, (y, here))| {
                for (y, here) in y.iter_mut().zip(here) {
                    *y = self.screening * here;
                }
                for (column, there) in x.chunks(TILE_COLUMNS).enumerate() {
                    let tile = row * self.tiles_across + column;
                    let range = self.tiles[tile]..self.tiles[tile + 1];
                    match &self.couplings {
                        Couplings::Equal | Couplings::NearlyEqual(_) => {
                            for &(i, j) in &self.entries[range] {
                                y[i as usize] += here[i as usize] - there[j as usize];
                            }
                        }
                        Couplings::Each(w) => {
                            for (&(i, j), w) in self.entries[range.clone()].iter().zip(&w[range]) {
                                y[i as usize] += w * (here[i as usize] - there[j as usize]);
                            }
                        }
                    }
                }
                if let Couplings::NearlyEqual(few) = &self.couplings {
                    let start = few.partition_point(|&(i, ..)| (i as usize) < row * TILE_ROWS);
                    for &(i, j, excess) in
                        few[start..].iter().take_while(|&&(i, ..)| (i as usize) < (row + 1) * TILE_ROWS)
                    {
                        let i = i as usize % TILE_ROWS;
                        y[i] += excess * (here[i] - x[j as usize]);
                    }
                }
                y.iter().zip(here).map(|(y, x)| y * x).sum()
            })
            .collect();
        dots.iter().sum()
    }

    /// Subtracts each component's mean: the minimum-norm solution; with screening the mean is 0 up to rounding.
    pub(super) fn center(&self, x: &mut [f64]) {
        self.components.center(x);
    }

    pub(super) fn max_row_sum(&self) -> f64 {
        self.diagonal.iter().fold(0.0_f64, |a, d| a.max(2.0 * d - self.screening))
    }
}
