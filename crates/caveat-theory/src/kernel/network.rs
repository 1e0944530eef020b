//! The kernels of infinitely wide networks on one-hot pairs, NNGP and NTK at any depth, and the conjunctivity α they give.
//!
//! Items are one-hot and the two positions are concatenated, so the input kernel is κ_id = 1, κ_s = ½ and
//! κ_flip = κ_x = κ_0 = 0; every later kernel is a function of the one before, entry by entry, so the last three stay
//! equal. One layer of the leaky ReLU φ(x) = max(x, 0) + a·min(x, 0), rescaled to κ_id = 1, maps
//!
//! ```text
//! κ ↦ κ + ρ(sin θ − θ cos θ)/π        cos θ = κ,  ρ = (1−a)²/(1+a²) ∈ [0, 2]
//! Σ̇(κ) = 1 − ρθ/π                     the kernel of the derivative
//! Θ_j = (Σ_j + (j−1)·Θ_{j−1}·Σ̇(Σ_{j−1}))/j,   Θ_1 = Σ_1 = κ
//! ```
//!
//! (Cho & Saul 2009, Advances in Neural Information Processing Systems 22, arc-cosine kernels of order 1 and 0; Jacot,
//! Gabriel & Hongler 2018, arXiv 1806.07572, Theorem 1, here normalized to Θ_id = 1; conjunctivity: Lippl et al. 2024,
//! doi 10.1073/pnas.2314511121, and Cheng & Lippl 2026, arXiv 2605.22972.)
//!
//! Depth sends κ to 1, where κ keeps no digits of what tells pairs apart. The recursions therefore run on the complements
//! δ = 1 − κ_0 and on the excess ε = 2(1 − κ_s) − (1 − κ_0), of which α = ε/δ, with compensated sums.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::exchangeable::ExchangeableKernel;
use crate::error::{Result, TheoryError};
use crate::named::Named;
use crate::named_enum;
use crate::numeric::compensated::CompensatedSum;

/// A leaky rectifier φ(x) = max(x, 0) + slope·min(x, 0).
///
/// Reads and writes itself as `relu`, `linear`, `abs` or `leaky:<slope>`.
///
/// ```
/// use caveat_theory::Activation;
/// let leaky: Activation = "leaky:-0.5".parse()?;
/// assert_eq!(leaky.slope(), -0.5);
/// assert!((leaky.nonlinearity() - 1.8).abs() < 1e-15); // ρ = 1.5²/1.25
/// assert_eq!("leaky:0".parse::<Activation>()?.to_string(), "relu");
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Activation {
    slope: f64,
}

impl Activation {
    /// max(x, 0): slope 0, ρ = 1.
    pub const RELU: Self = Self { slope: 0.0 };
    /// x: slope 1, ρ = 0.
    pub const LINEAR: Self = Self { slope: 1.0 };
    /// |x|: slope −1, ρ = 2.
    pub const ABS: Self = Self { slope: -1.0 };

    /// The leaky rectifier with `slope` on negative inputs.
    ///
    /// # Errors
    /// A slope that is not finite.
    pub fn leaky(slope: f64) -> Result<Self> {
        if slope.is_finite() {
            // −0 and 0 are one activation.
            Ok(Self { slope: slope + 0.0 })
        } else {
            Err(TheoryError::OutOfRange { name: "activation slope", value: slope, range: "a finite number" })
        }
    }

    /// Slope on negative inputs.
    pub fn slope(&self) -> f64 {
        self.slope
    }

    /// ρ = (1−a)²/(1+a²) ∈ [0, 2], all that the kernels depend on: 0 linear, 1 ReLU, 2 absolute value.
    pub fn nonlinearity(&self) -> f64 {
        // The hypotenuse keeps slopes beyond 1e154 from overflowing.
        ((1.0 - self.slope) / self.slope.hypot(1.0)).powi(2)
    }

    /// φ(x)·√(2/(1+a²)), which has second moment 1 for a standard normal x.
    pub(crate) fn normalized(&self, x: f64) -> f64 {
        let hypotenuse = self.slope.hypot(1.0);
        std::f64::consts::SQRT_2 * if x > 0.0 { x / hypotenuse } else { x * (self.slope / hypotenuse) }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RELU => f.write_str("relu"),
            Self::LINEAR => f.write_str("linear"),
            Self::ABS => f.write_str("abs"),
            Self { slope } => write!(f, "leaky:{slope}"),
        }
    }
}

impl FromStr for Activation {
    type Err = TheoryError;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |problem| TheoryError::BadInput { what: "activation", problem };
        match (text, text.strip_prefix("leaky:")) {
            ("relu", _) => Ok(Self::RELU),
            ("linear", _) => Ok(Self::LINEAR),
            ("abs", _) => Ok(Self::ABS),
            (_, Some(slope)) => Self::leaky(slope.parse().map_err(|_| {
                bad(format!("\"{slope}\" in \"{text}\" is not a number: leaky:<slope> wants one, as in leaky:0.1"))
            })?),
            (_, None) => Err(bad(format!(
                "\"{text}\" is unknown: it must be relu, linear, abs or leaky:<slope>, as in leaky:0.1"
            ))),
        }
    }
}

impl TryFrom<String> for Activation {
    type Error = TheoryError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Activation> for String {
    fn from(activation: Activation) -> Self {
        activation.to_string()
    }
}

named_enum! {
    /// Which kernel of an infinitely wide network: that of its last hidden layer, or that of training all of it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum NetworkKernelKind, ALL {
        /// Neural network Gaussian process: only the readout is trained.
        Nngp = "nngp",
        /// Neural tangent kernel: every weight is trained, infinitesimally.
        Ntk = "ntk",
    }
    refuse |name| -> TheoryError {
        let problem = format!("\"{name}\" is unknown: it must be {}", Self::list_names());
        TheoryError::BadInput { what: "kernel of a network", problem }
    }
}

/// An infinitely wide, bias-free, fully connected network on concatenated one-hot items.
///
/// ```
/// use caveat_theory::{Activation, NetworkKernel, NetworkKernelKind};
/// let network = NetworkKernel { activation: Activation::RELU, depth: 1, kind: NetworkKernelKind::Nngp };
/// assert!((network.conjunctivity() - 0.147155).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NetworkKernel {
    /// Activation of every hidden layer.
    pub activation: Activation,
    /// Number of hidden layers d; 0 is a linear readout of the input, α = 0.
    ///
    /// The NNGP kernel is Σ_{d+1}, the NTK is Θ_{d+1}: both count from the input kernel Σ_1 = Θ_1 = κ.
    pub depth: usize,
    /// NNGP or NTK.
    pub kind: NetworkKernelKind,
}

impl NetworkKernel {
    /// The kernel, normalized to κ_id = 1. Cost O(depth), about 0.1 s per million layers.
    ///
    /// Its entries are within an ulp, but of a deep NNGP they differ by less than they can hold (1 − κ_0 ≈ 44/(ρ·depth)²);
    /// the α that it reports is that of [`conjunctivity`](Self::conjunctivity), which keeps its digits.
    ///
    /// # Errors
    /// A network so deep (beyond 10⁸ layers) that κ_0 rounds to 1.
    pub fn kernel(&self) -> Result<ExchangeableKernel> {
        let Complements { disjoint, excess } = self.complements();
        let (shared, disjoint) = (1.0 - (disjoint + excess) / 2.0, 1.0 - disjoint);
        let kernel = ExchangeableKernel::from_orbits([1.0, disjoint, shared, shared, disjoint, disjoint])?;
        Ok(kernel.with_conjunctivity(self.conjunctivity()))
    }

    /// The conjunctivity α ∈ [0, 1] to nearly full relative accuracy at any depth and slope. Cost O(depth).
    ///
    /// It grows with depth, to 1, unless the network is linear. One hidden layer gives
    /// ρ(1 + π/3 − √3)/(π − ρ) for the NNGP kernel and ρ(1 + 2π/3 − √3)/(2π − ρ) for the NTK.
    pub fn conjunctivity(&self) -> f64 {
        self.complements().conjunctivity()
    }

    fn complements(&self) -> Complements {
        let mut recursion = Recursion::new(self.activation, self.kind);
        (0..self.depth).for_each(|_| recursion.add_layer());
        recursion.complements()
    }
}

/// The conjunctivity of networks with 0, 1, …, `max_depth` hidden layers, `max_depth` + 1 values. Cost O(max_depth).
pub fn conjunctivity_by_depth(activation: Activation, kind: NetworkKernelKind, max_depth: usize) -> Vec<f64> {
    let mut recursion = Recursion::new(activation, kind);
    let mut next = || {
        let conjunctivity = recursion.complements().conjunctivity();
        recursion.add_layer();
        conjunctivity
    };
    (0..=max_depth).map(|_| next()).collect()
}

/// What a normalized kernel lacks to 1.
#[derive(Debug, Clone, Copy)]
struct Complements {
    /// 1 − κ_0 > 0.
    disjoint: f64,
    /// 2(1 − κ_s) − (1 − κ_0) ≥ 0.
    excess: f64,
}

impl Complements {
    fn conjunctivity(&self) -> f64 {
        self.excess / self.disjoint
    }
}

/// The two complements of one kernel, as compensated sums of their changes from layer to layer: plain ones would collect a rounding
/// error per layer, √depth to depth ulps in all.
#[derive(Debug, Clone, Copy)]
struct RunningComplements {
    disjoint: CompensatedSum,
    excess: CompensatedSum,
}

impl RunningComplements {
    fn values(&self) -> Complements {
        Complements { disjoint: self.disjoint.value(), excess: self.excess.value() }
    }

    fn add(&mut self, disjoint: f64, excess: f64) {
        self.disjoint.add(disjoint);
        self.excess.add(excess);
    }
}

/// Σ_j, and Θ_j where asked for, with j counted up layer by layer.
#[derive(Debug, Clone, Copy)]
struct Recursion {
    /// ρ/π.
    nonlinearity: f64,
    layer: f64,
    nngp: RunningComplements,
    ntk: Option<RunningComplements>,
}

impl Recursion {
    fn new(activation: Activation, kind: NetworkKernelKind) -> Self {
        // κ_s = ½ and κ_0 = 0.
        let input = RunningComplements { disjoint: CompensatedSum::from(1.0), excess: CompensatedSum::from(0.0) };
        let ntk = (kind == NetworkKernelKind::Ntk).then_some(input);
        Self { nonlinearity: activation.nonlinearity() / PI, layer: 1.0, nngp: input, ntk }
    }

    fn add_layer(&mut self) {
        let Complements { disjoint, excess } = self.nngp.values();
        let angle_0 = angle(disjoint);
        let angle_s = angle((disjoint + excess) / 2.0);
        let (h_0, h_s) = (sine_excess(angle_0), sine_excess(angle_s));
        self.nngp.add(-self.nonlinearity * h_0, -self.nonlinearity * (2.0 * h_s - h_0));
        self.layer += 1.0;
        if let Some(ntk) = &mut self.ntk {
            // With η = 1 − Θ and s = 1 − Σ̇ = ρθ/π: jη_j = (1 − Σ_j) + (j−1)(η_{j−1} + sΘ_{j−1}), of which the change in η
            // is the part that vanishes at the fixed point. Rounding in it is forgotten like (k/j)⁴.
            let next = self.nngp.values();
            let now = ntk.values();
            let (s_0, s_s) = (self.nonlinearity * angle_0, self.nonlinearity * angle_s);
            let (theta_0, theta_s) = (1.0 - now.disjoint, 1.0 - (now.disjoint + now.excess) / 2.0);
            let j = self.layer;
            ntk.add(
                (next.disjoint - now.disjoint + (j - 1.0) * s_0 * theta_0) / j,
                (next.excess - now.excess + (j - 1.0) * (2.0 * s_s * theta_s - s_0 * theta_0)) / j,
            );
        }
    }

    fn complements(&self) -> Complements {
        self.ntk.as_ref().unwrap_or(&self.nngp).values()
    }
}

/// θ ∈ [0, π] with 1 − cos θ = `complement` ∈ [0, 2], accurate near 0 where arccos(1 − δ) is not.
fn angle(complement: f64) -> f64 {
    2.0 * (complement / 2.0).sqrt().asin()
}

/// sin θ − θ cos θ = Σ_{k≥1} (−1)^{k+1} 2k θ^{2k+1}/(2k+1)! for θ ∈ [0, π], without cancellation near 0.
fn sine_excess(theta: f64) -> f64 {
    if theta > 1.0 {
        return theta.sin() - theta * theta.cos();
    }
    // Each term is −θ²/((2k)(2k+3)) times the one before: below θ = 1 ten of them reach 1e-18 of the first.
    let square = theta * theta;
    let mut term = theta * square / 3.0;
    let mut sum = term;
    for k in 1..10 {
        let k = f64::from(k);
        term *= -square / (2.0 * k * (2.0 * k + 3.0));
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use NetworkKernelKind::{Nngp, Ntk};
    use proptest::prelude::*;

    fn alpha(activation: Activation, depth: usize, kind: NetworkKernelKind) -> f64 {
        NetworkKernel { activation, depth, kind }.conjunctivity()
    }

    /// Correlation κ ↦ κ + ρ(sin θ − θ cos θ)/π of the outputs for inputs of correlation κ = cos θ: J_1(θ)/π of Cho & Saul
    /// 2009 for ρ = 1.
    fn output_correlation(activation: Activation, correlation: f64) -> f64 {
        correlation + activation.nonlinearity() * sine_excess(correlation.acos()) / PI
    }

    /// Correlation 1 − ρθ/π of the derivatives φ′, the derivative of the other: J_0(θ)/π for ρ = 1.
    fn derivative_correlation(activation: Activation, correlation: f64) -> f64 {
        1.0 - activation.nonlinearity() * correlation.acos() / PI
    }

    /// E[f(u) f(v)] for standard normals of correlation κ, f positively homogeneous of degree `degree` ≤ 1.
    ///
    /// In polar coordinates u = r cos t and v = r cos(t − θ): the radius contributes E[r²] = 2 for degree 1 and 1 for degree
    /// 0, the angle is integrated between the kinks of f by Gauss–Legendre rules.
    fn bivariate_mean(f: impl Fn(f64) -> f64, degree: i32, correlation: f64) -> f64 {
        const NODES: [f64; 5] =
            [0.0, 0.538_469_310_105_683_1, -0.538_469_310_105_683_1, 0.906_179_845_938_664, -0.906_179_845_938_664];
        const WEIGHTS: [f64; 5] = [
            0.568_888_888_888_888_9,
            0.478_628_670_499_366_5,
            0.478_628_670_499_366_5,
            0.236_926_885_056_189_1,
            0.236_926_885_056_189_1,
        ];
        let theta = correlation.acos();
        let mut kinks = [-PI / 2.0, theta - PI / 2.0, PI / 2.0, theta + PI / 2.0, 3.0 * PI / 2.0];
        kinks.sort_by(f64::total_cmp);
        let pieces = 40;
        let mut sum = 0.0;
        for window in kinks.windows(2) {
            let half = (window[1] - window[0]) / f64::from(2 * pieces);
            for piece in 0..pieces {
                let center = window[0] + half * f64::from(2 * piece + 1);
                for (node, weight) in NODES.iter().zip(WEIGHTS) {
                    let t = center + half * node;
                    sum += weight * half * f(t.cos()) * f((t - theta).cos());
                }
            }
        }
        sum / (2.0 * PI) * if degree == 1 { 2.0 } else { 1.0 }
    }

    proptest! {
        #[test]
        fn layer_maps_are_gaussian_expectations(slope in -3.0..3.0f64, kappa in -0.999..0.999f64) {
            let activation = Activation::leaky(slope).unwrap();
            // Both are sums of about 10³ quadrature terms of order 1 on pieces where the rule is exact to rounding.
            let direct = bivariate_mean(|x| activation.normalized(x), 1, kappa);
            prop_assert!((direct - output_correlation(activation, kappa)).abs() < 1e3 * f64::EPSILON);
            let moment = (1.0 + slope * slope) / 2.0;
            let direct = bivariate_mean(|x| if x > 0.0 { 1.0 } else { slope }, 0, kappa) / moment;
            prop_assert!((direct - derivative_correlation(activation, kappa)).abs() < 1e3 * f64::EPSILON);
        }

        #[test]
        fn derivative_kernel_is_the_derivative_of_the_layer_map(slope in -3.0..3.0f64, kappa in -0.9..0.9f64) {
            let activation = Activation::leaky(slope).unwrap();
            // Central differences: h²/6·|κ'''| ≤ h²·10 from truncation, eps/h from rounding.
            let h = 1e-5;
            let difference = (output_correlation(activation, kappa + h) - output_correlation(activation, kappa - h)) / (2.0 * h);
            prop_assert!((difference - derivative_correlation(activation, kappa)).abs() < 10.0 * h * h + 8.0 * f64::EPSILON / h);
        }

        #[test]
        fn complement_recursion_is_the_plain_one_where_that_keeps_its_digits(slope in -2.0..2.0f64, depth in 0usize..12) {
            let activation = Activation::leaky(slope).unwrap();
            let mut sigma = [0.5, 0.0];
            let mut theta = sigma;
            for layer in 0..depth {
                let j = layer as f64 + 2.0;
                for orbit in 0..2 {
                    let dot = derivative_correlation(activation, sigma[orbit]);
                    sigma[orbit] = output_correlation(activation, sigma[orbit]);
                    theta[orbit] = (sigma[orbit] + (j - 1.0) * theta[orbit] * dot) / j;
                }
            }
            for (kind, [shared, disjoint]) in [(Nngp, sigma), (Ntk, theta)] {
                let kernel = NetworkKernel { activation, depth, kind }.kernel().unwrap();
                let tolerance = 8.0 * f64::EPSILON * (depth + 1) as f64;
                prop_assert!((kernel.same_first - shared).abs() < tolerance);
                prop_assert!((kernel.disjoint - disjoint).abs() < tolerance);
                // α = difference of complements over the smaller complement, which amplifies their rounding.
                let direct = (1.0 + disjoint - 2.0 * shared) / (1.0 - disjoint);
                prop_assert!((alpha(activation, depth, kind) - direct).abs() < 4.0 * tolerance / (1.0 - disjoint));
                prop_assert!((alpha(activation, depth, kind) - kernel.conjunctivity()).abs() < tolerance / (1.0 - disjoint));
                kernel.check_definite(9).unwrap();
            }
        }

        #[test]
        fn an_activation_reads_back_what_it_writes(slope in -1e3..1e3f64) {
            let activation = Activation::leaky(slope).unwrap();
            prop_assert_eq!(activation.to_string().parse::<Activation>().unwrap(), activation);
        }
    }

    /// κ_s = ½ has θ = π/3, κ_0 = 0 has θ = π/2, so with h(θ) = sin θ − θ cos θ one layer gives
    ///
    /// Σ: κ_s = ½ + ρ(√3/2 − π/6)/π, κ_0 = ρ/π, and 1 + κ_0 − 2κ_s = ρ(1 + π/3 − √3)/π over 1 − κ_0 = (π − ρ)/π.
    /// Θ_2: (Σ_2 + κ·Σ̇(κ))/2 with κ_sΣ̇ = ½(1 − ρ/3) and κ_0Σ̇ = 0, so 1 + κ_0 − 2κ_s gains ρ/3 and 1 − κ_0 gains 1.
    #[test]
    fn one_hidden_layer_has_the_closed_form_for_every_slope() {
        for slope in [0.0, -1.0, 0.3, -7.0, 1.0 - 1e-6, 1e200, -1e-300] {
            let activation = Activation::leaky(slope).unwrap();
            let rho = activation.nonlinearity();
            let nngp = rho * (1.0 + PI / 3.0 - 3f64.sqrt()) / (PI - rho);
            let ntk = rho * (1.0 + 2.0 * PI / 3.0 - 3f64.sqrt()) / (2.0 * PI - rho);
            // Relative accuracy even for a network that is linear to one part in 10⁶.
            assert!((alpha(activation, 1, Nngp) / nngp - 1.0).abs() < 16.0 * f64::EPSILON, "slope {slope}");
            assert!((alpha(activation, 1, Ntk) / ntk - 1.0).abs() < 16.0 * f64::EPSILON, "slope {slope}");
        }
        assert!((alpha(Activation::RELU, 1, Nngp) - 0.147_155_0).abs() < 1e-6);
        assert!((alpha(Activation::RELU, 1, Ntk) - 0.257_864).abs() < 1e-6);
    }

    #[test]
    fn linear_networks_and_inputs_stay_additive() {
        for kind in [Nngp, Ntk] {
            assert!(conjunctivity_by_depth(Activation::LINEAR, kind, 50).iter().all(|&a| a == 0.0));
            assert_eq!(alpha(Activation::RELU, 0, kind), 0.0);
            let input = NetworkKernel { activation: Activation::ABS, depth: 0, kind }.kernel().unwrap();
            assert_eq!(input.orbits(), [1.0, 0.0, 0.5, 0.5, 0.0, 0.0]);
        }
    }

    #[test]
    fn conjunctivity_grows_with_depth_and_stays_below_one() {
        for kind in [Nngp, Ntk] {
            for slope in [0.0, -1.0, 0.5, 0.9, -3.0] {
                let activation = Activation::leaky(slope).unwrap();
                let curve = conjunctivity_by_depth(activation, kind, 2000);
                assert!(curve.windows(2).all(|pair| pair[0] < pair[1]), "{kind} slope {slope}");
                assert!(curve.iter().all(|a| (0.0..1.0).contains(a)));
                assert_eq!(curve[7], alpha(activation, 7, kind));
            }
        }
    }

    /// References: the recursion in κ, as the module doc states it, in 45-digit arithmetic.
    #[test]
    fn deep_networks_keep_relative_accuracy() {
        let references = [
            (Activation::RELU, 2, Nngp, 0.248_721_155_823_683_2, 0.506_268_909_799_628_5),
            (Activation::RELU, 2, Ntk, 0.424_643_815_140_696_3, 0.771_430_454_572_352_5),
            (Activation::RELU, 10, Nngp, 0.593_487_429_721_376_9, 0.128_464_483_978_482_37),
            (Activation::RELU, 10, Ntk, 0.832_733_327_992_347_8, 0.683_693_026_179_908_9),
            (Activation::RELU, 1_000, Nngp, 0.991_945_568_566_673_5, 4.312_973_254_921_401e-5),
            (Activation::RELU, 1_000, Ntk, 0.998_628_861_148_713_4, 0.746_709_474_611_550_8),
            (Activation::RELU, 1_000_000, Nngp, 0.999_991_814_182_127_5, 4.441_098_917_743_472e-11),
            (Activation::RELU, 1_000_000, Ntk, 0.999_998_635_649_196_6, 0.749_994_096_743_169_9),
            (Activation::ABS, 3, Nngp, 0.724_948_646_330_229_9, 0.162_646_595_086_059_05),
            (Activation::ABS, 3, Ntk, 0.852_010_505_408_650_2, 0.643_583_455_156_717_2),
            (Activation::ABS, 100, Nngp, 0.981_345_967_875_078, 0.000_928_851_453_252_936_6),
            (Activation::ABS, 100, Ntk, 0.996_516_424_923_378_1, 0.731_164_194_661_145_6),
            (Activation::ABS, 10_000, Nngp, 0.999_797_760_517_673_4, 1.106_758_557_560_532_8e-7),
            (Activation::ABS, 10_000, Ntk, 0.999_966_223_417_856_9, 0.749_634_500_907_633_6),
        ];
        for (activation, depth, kind, conjunctivity, complement) in references {
            let values = NetworkKernel { activation, depth, kind }.complements();
            // Sums are compensated and perturbations of a layer decay: a few eps at any depth.
            let tolerance = 16.0 * f64::EPSILON;
            assert!((values.conjunctivity() / conjunctivity - 1.0).abs() < tolerance, "{activation} {depth} {kind}");
            assert!((values.disjoint / complement - 1.0).abs() < tolerance, "{activation} {depth} {kind}");
        }
        let deep = NetworkKernel { activation: Activation::RELU, depth: 1_000_000, kind: Nngp };
        deep.kernel().unwrap().check_definite(9).unwrap();
    }

    #[test]
    fn bad_activations_and_kinds_are_refused_with_the_alternatives() {
        for text in ["", "tanh", "leaky", "leaky:", "leaky:x", "leaky:inf", "leaky:nan", "ReLU"] {
            assert!(text.parse::<Activation>().is_err(), "{text}");
        }
        assert!("tanh".parse::<Activation>().unwrap_err().to_string().contains("leaky:<slope>"));
        assert!("gp".parse::<NetworkKernelKind>().unwrap_err().to_string().contains("nngp or ntk"));
        for kind in [Nngp, Ntk] {
            assert_eq!(kind.to_string().parse::<NetworkKernelKind>().unwrap(), kind);
        }
        assert!(Activation::leaky(f64::NAN).is_err());
    }
}
