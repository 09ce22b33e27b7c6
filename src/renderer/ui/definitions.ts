/** What every measured quantity is. Formulas in a small notation that Formula.svelte draws: `_x`, `^x`, or `_{...}`, `^{...}`. */

export interface Definition {
  readonly title: string;
  readonly formula: string;
  readonly text: string;
}

export const definitions = {
  C: {
    title: 'Noise covariance C',
    formula: 'C = mean_p g_p g_p^T − g g^T,   g_p = ∇ℓ_p,   g = mean_p g_p',
    text: 'Covariance of the gradient of one sample, over the measured samples, for one parameter. A minibatch of B samples drawn with replacement has noise C / B.',
  },
  H: {
    title: 'Hessian H',
    formula: 'H = mean_p h_p,   h_p = ∇^2 ℓ_p',
    text: 'Curvature of the mean loss in one parameter: all second derivatives, exact, with nothing left out.',
  },
  Q: {
    title: 'Mean squared sample Hessian Q',
    formula: 'Q = mean_p h_p h_p',
    text: 'The theory says that the noise follows Q, not H: C ∝ Q.',
  },
  H_ii: {
    title: 'Eigenvalue H_ii',
    formula: 'H v_i = H_{ii} v_i,   H_{11} ≥ H_{22} ≥ …',
    text: 'Curvature along the i-th eigenvector of H.',
  },
  C_ii: {
    title: 'Noise along a direction C_ii',
    formula: 'C_{ii} = v_i^T C v_i',
    text: 'Variance of the gradient along the i-th eigenvector of H.',
  },
  Q_ii: {
    title: 'Q along a direction Q_ii',
    formula: 'Q_{ii} = v_i^T Q v_i',
    text: 'Mean squared sample Hessian along the i-th eigenvector of H.',
  },
  gamma: {
    title: 'Exponent γ',
    formula: 'log C_{ii} = γ log H_{ii} + const,   H_{ii} > cutoff · H_{11}',
    text: 'Slope of noise on curvature over the directions above the cutoff. γ = 1: noise proportional to curvature, the old belief. γ = 2: all samples share one Hessian. The paper claims 1 ≤ γ ≤ 2.',
  },
  gamma_Q: {
    title: 'Predicted exponent γ_Q',
    formula: 'log Q_{ii} = γ_Q log H_{ii} + const',
    text: 'The same slope with Q in the place of C: what the theory predicts for γ.',
  },
  C_on_Q: {
    title: 'Slope of C on Q',
    formula: 'log C_{ii} = s log Q_{ii} + const',
    text: 's = 1 where the noise is proportional to Q.',
  },
  cutoff: {
    title: 'Cutoff',
    formula: 'H_{ii} > cutoff · H_{11}',
    text: 'Only directions whose curvature exceeds this share of the largest enter a fit. Drag it, or use the arrow keys.',
  },
  training_set: {
    title: 'Training-set estimand',
    formula: 'v_i, H_{ii}, C_{ii} from all P samples',
    text: 'The measured samples are the population. This is what the paper reports.',
  },
  cross_fitted: {
    title: 'Cross-fitted estimand',
    formula: 'v_i from half A;   H_{ii}, C_{ii}, Q_{ii} along them from half B;   roles swapped;   mean',
    text: 'Asks whether the law holds for the landscape that the samples came from. Eigenvectors fitted to the very samples they are judged by make their own H_ii too extreme; this does not.',
  },
  ols: { title: 'Least squares', formula: 'log C on log H', text: 'Noise in H flattens it.' },
  ols_inverse: {
    title: 'Inverse least squares',
    formula: '1 / slope of log H on log C',
    text: 'Noise in C steepens it: with least squares, it brackets the slope.',
  },
  theil_sen: {
    title: 'Theil–Sen',
    formula: 'median of the slopes of all pairs',
    text: 'Hardly moved by outlying directions. Its 95 % interval is for the median smoothed over resamples: along few, scattered directions it covered only 72 % in a simulation.',
  },
  orthogonal: {
    title: 'Orthogonal',
    formula: 'total least squares',
    text: 'Takes the errors of both logarithms to be equally large.',
  },
  iv: {
    title: 'Split-half instrument',
    formula: 'cov(log H_{B2}, log C_{B1}) / cov(log H_{B2}, log H_{B1})',
    text: 'Noise in the two halves of B is independent, so errors in H do not flatten it. Cross-fitted directions only.',
  },
  r_squared: {
    title: 'R²',
    formula: 'R^2 = 1 − residual / total',
    text: 'Share of the variance of log C that the line explains.',
  },
  quadratic: {
    title: 'Quadratic term',
    formula: 'c in log C = a + b log H + c (log H)^2',
    text: '0 where a straight line describes all directions. The slope changes by 2c for each unit of log H, so by 4.6 c a decade.',
  },
  local_slope: {
    title: 'Local slope',
    formula: 'log C_{ii} on log H_{ii}, low · H_{11} < H_{ii} ≤ high · H_{11}',
    text: 'Least squares over the directions of one decade of curvature at a time, from 8 directions on. One line over many decades hides a bend; these show it.',
  },
  commutator: {
    title: 'Commutator ratio',
    formula: '‖CH − HC‖_F / (2 ‖CH‖_F)',
    text: '0 where C and H share their eigenvectors. Beside it: the mean over 200 random rotations of C, which is what no relation at all would give.',
  },
  cosine: { title: 'Cosine', formula: '⟨A, B⟩_F / (‖A‖_F ‖B‖_F)', text: '1 where the two matrices are proportional.' },
  floor: {
    title: 'Numerical floor',
    formula: '|H_{ii}| < floor',
    text: 'Below it a value is zero as far as the arithmetic can tell, whatever its sign. Such directions never enter a fit.',
  },
  non_positive: {
    title: 'Not positive',
    formula: 'H_{ii} ≤ 0, C_{ii} ≤ 0 or Q_{ii} ≤ 0',
    text: 'They have no logarithm, so the fit leaves them out; they are counted.',
  },
  directions: {
    title: 'Directions',
    formula: 'i = 1 … d',
    text: 'Eigenvectors of H. A verdict needs at least 30 of them over 1.5 decades.',
  },
  interval: {
    title: '95 % interval',
    formula: 'studentised bootstrap over blocks of samples',
    text: 'Samples are drawn again in blocks, directions stay. Computed with the measurement at the cutoffs 10^{−1}, …, 10^{−8}, and at any other when it is chosen.',
  },
  error: {
    title: 'Standard error along a direction',
    formula: '± 1.96 standard errors',
    text: 'From blocks of samples left out one at a time, with the direction held fixed. Known along the directions that intervals are computed along: all, or some 400 spread over the spectrum.',
  },
  projected: {
    title: 'Projected method',
    formula: 'C_{ii}, H_{ii}, Q_{ii} for i = 1 … k by Lanczos and per-sample projections',
    text: 'For layers that see many vectors a sample, and for layers too large for d × d matrices: C, H and Q are measured along k found directions, not as matrices.',
  },
  exact: {
    title: 'Exact method',
    formula: 'C, H, Q as d × d matrices',
    text: 'All sums over samples are taken whole, in double precision; nothing is sampled or approximated.',
  },
  residual: {
    title: 'Residual',
    formula: '‖H v_i − H_{ii} v_i‖',
    text: 'How far a found direction is from being an eigenvector, from products made anew. Relative: divided by |H_ii|, over directions above the floor.',
  },
  orthogonality: {
    title: 'Orthogonality',
    formula: 'max |V V^T − 1|',
    text: 'Found directions should be at right angles: 0 up to rounding.',
  },
  passes: {
    title: 'Work',
    formula: 'Hessian-vector products over all samples',
    text: 'Cost in units of one product with H over all samples, which takes two to three gradients.',
  },
  participation: {
    title: 'Participation ratio',
    formula: '1 / Σ v_j^4',
    text: 'How many weights the direction lives on: 1 where it is a single weight, d where all are equally large.',
  },
  duality: {
    title: 'Activity–weight duality',
    formula: 'Δ_{pq} = a_p u^T / |a_p|^2,   u = W^T (a_q − a_p)',
    text: 'The smallest change of the weights that makes sample p look like sample q to everything above the layer. The step from there to C ∝ Q is g_q − g_p ≈ h_p Δ with Δ roughly isotropic.',
  },
  dual_exactness: {
    title: 'Exactness',
    formula: 'max |(W + Δ)^T a_p − W^T a_q| / |W^T a_q|',
    text: 'Rounding alone where the duality is exact.',
  },
  dual_first_order: {
    title: 'First order',
    formula: '|h_p Δ − x| / |x|,   x = ∇ℓ_p(W + Δ) − ∇ℓ_p(W)',
    text: 'How well the sample’s Hessian predicts the change of its own gradient; median over pairs with its 95 % interval.',
  },
  dual_gradient: {
    title: 'Difference of gradients',
    formula: '|h_p Δ − x| / |x|,   x = g_q − g_p',
    text: 'What the argument for C ∝ Q needs; median over pairs with its 95 % interval.',
  },
  dual_trace: {
    title: 'Trace of the dual covariance',
    formula: 'tr C_{dual} / tr C,   C_{dual} = ½ E_{pq}[h_p Δ Δ^T h_p]',
    text: '1 where the argument holds with its factor.',
  },
  dual_slope: {
    title: 'Dual covariance on C',
    formula: 'log C_{dual,ii} on log C_{ii}',
    text: '1 where the argument’s step holds up to a factor.',
  },
  dual_isotropy: {
    title: 'Isotropy of dual weights',
    formula: 'log E[(Δ · v_i)^2] on log H_{ii}',
    text: '0 where the dual weights spread alike along all directions.',
  },
  assumption_slope: {
    title: 'Slope of C on M',
    formula: 'log C_{ii} = s log M_{ii} + const',
    text: 's = 1 where the noise is proportional to M along the eigenvectors of H.',
  },
  spectral_density: {
    title: 'Spectral density of H',
    formula: 'ρ(x) = mean_z Σ_i τ_i N(x; θ_i, σ^2),   Σ_i τ_i f(θ_i) ≈ z^T f(H) z',
    text: 'How the eigenvalues of H are spread, estimated from random unit vectors z by some Lanczos steps each. The error is that of the mean over the vectors; σ is 0.005 of the width of the spectrum.',
  },
  fluctuation_ratio: {
    title: 'Variance of the weights over its prediction',
    formula: 'S = (1 − ηh)^2 S + η^2 p C_{ii},   S = Var_t(w_t · v_i)',
    text: 'Median over the directions that have an answer; 1 where the noise C and the curvature H decide how far the weights wander. Under epoch shuffling batches of one epoch cancel, which the prediction takes in. h and C_ii are taken at the mean weights.',
  },
  fluctuation_slope: {
    title: 'Slope of the variance on curvature',
    formula: 'log Var_t(w_t · v_i) = s log h_i + const',
    text: 'How the variance of the weights depends on curvature. Epoch shuffling alone makes flat directions quieter and can turn the sign, so read it beside the same slope with replacement.',
  },
  variance_flatness: {
    title: 'Variance against flatness',
    formula: 'σ_k^2 ~ F_k^{−ψ},   L(w̄ + θp_k) = e L(w̄) at both ends of F_k',
    text: 'Principal components p_k of the weights over the steps (Feng & Tu 2021). A pure random walk has variances that fall as 1/k² by itself, so its slope along the same components stands beside.',
  },
  batch_sharpness: {
    title: 'Batch sharpness',
    formula: 'E_B[g_B^T H_B g_B / |g_B|^2]',
    text: 'Curvature of a batch along its own gradient (Andreyev & Beneventano 2024), which SGD without momentum is reported to hold near 2/η while it trains.',
  },
  minibatch_factor: {
    title: 'Factor of the sampling mode',
    formula: 'cov g_B = factor · C',
    text: '1 / B with replacement; (P − B) / (B (P − 1)) without, and in batches of an epoch.',
  },
  minibatch_variance: {
    title: 'Variance of a batch’s gradient',
    formula: 'mean ((g_B − g) · v_i)^2 / (factor · C_{ii})',
    text: 'Over drawn batches and directions: 1 where C is what drives training.',
  },
  minibatch_trace: {
    title: 'Size of the noise',
    formula: 'mean |g_B − g|^2 / (factor · tr C)',
    text: '1 expected.',
  },
  minibatch_between: {
    title: 'Between batches of one epoch',
    formula: 'mean ((g_B − g) · v_i)((g_{B2} − g) · v_i) / C_{ii}',
    text: 'Batches of one epoch share no sample, so their noises oppose each other: the expected value is negative.',
  },
  convergence: {
    title: 'Convergence with samples',
    formula: '|half − all| ≤ half of the interval · √(N / n − 1)',
    text: 'The measurement is held beside the same on half of its samples. A number that moves by more than chance allows would move on with more samples.',
  },
  norm_gradient: {
    title: 'Mean gradient',
    formula: '‖g‖,   g = mean_p g_p',
    text: 'Near 0 at a minimum. C has g g^T subtracted, so a gradient that is not small does not enter it.',
  },
  trace: {
    title: 'Trace',
    formula: 'tr C, tr H, tr Q',
    text: 'Sums of the eigenvalues: total noise, curvature, mean squared curvature.',
  },
  claim_C_on_Q: {
    title: 'C ∝ Q',
    formula: 'slope of log C_{ii} on log Q_{ii}',
    text: 'Holds where the 95 % interval of the slope lies within [0.9, 1.1] and R² is at least 0.95; fails where the interval lies outside.',
  },
  claim_commute: {
    title: 'C and H nearly commute',
    formula: '‖CH − HC‖_F / (2 ‖CH‖_F)',
    text: 'Holds where the ratio lies below the 1st percentile of two nulls that keep the layer’s factors: δ shuffled over samples, and S shuffled over samples; fails above the medians of both. Random rotations of C are shown but decide nothing: every layer of this form passes them.',
  },
  claim_gamma_between_1_and_2: {
    title: '1 ≤ γ ≤ 2',
    formula: '1 ≤ γ ≤ 2',
    text: 'Holds where the 95 % interval lies within [0.95, 2.05]; fails where it lies outside. Without a margin γ = 1, which the theory allows, could never hold.',
  },
  claim_superlinear: {
    title: 'γ > 1 (superlinear)',
    formula: 'γ > 1.05',
    text: 'Noise grows faster than curvature. Holds where the intervals of both estimands and the calibrated value lie above 1.05; fails where all of them end below it.',
  },
  claim_Q_rather_than_H: {
    title: 'Q rather than H',
    formula: 'C_{ii} ∝ Q_{ii} rather than H_{ii}',
    text: 'Holds where C scatters less about a line of slope 1 on Q than on H, paired over blocks of samples; fails where it scatters less on H.',
  },
  claim_gamma_equals_gamma_Q: {
    title: 'γ = γ_Q',
    formula: 'γ − γ_Q = 0',
    text: 'Q alone predicts the exponent. Holds where the interval of the difference holds 0 and is narrower than 0.1; fails where it excludes 0 by more than 0.05.',
  },
} as const satisfies Record<string, Definition>;

export type TermName = keyof typeof definitions;
