/**
 * What every measured quantity is, in one place for the window's definitions, the reports and the documentation. Titles and texts are labels: plain text with
 * TeX mathematics between dollar signs; formulas are TeX.
 */

export interface Definition {
  readonly title: string;
  /** The sign that stands for it in tables and reports, a label. */
  readonly sign?: string;
  readonly formula: string;
  readonly text: string;
}

export const glossary = {
  C: {
    title: 'Noise covariance $C$',
    sign: '$C$',
    formula: 'C = \\frac{1}{P} \\sum_p g_p g_p^{\\top} - g g^{\\top}, \\quad g_p = \\nabla \\ell_p, \\quad g = \\frac{1}{P} \\sum_p g_p',
    text: 'Covariance of the gradient of one sample, over the measured samples, for one parameter. A minibatch of $B$ samples drawn with replacement has noise $C / B$.',
  },
  H: {
    title: 'Hessian $H$',
    sign: '$H$',
    formula: 'H = \\frac{1}{P} \\sum_p h_p, \\quad h_p = \\nabla^2 \\ell_p',
    text: 'Curvature of the mean loss in one parameter: all second derivatives, exact, with nothing left out.',
  },
  Q: {
    title: 'Mean squared per-sample Hessian $Q$',
    sign: '$Q$',
    formula: 'Q = \\frac{1}{P} \\sum_p h_p h_p',
    text: 'The theory says that the noise follows $Q$, not $H$: $C \\propto Q$.',
  },
  H_ii: {
    title: 'Eigenvalue $H_{ii}$',
    sign: '$H_{ii}$',
    formula: 'H v_i = H_{ii} v_i, \\quad H_{11} \\ge H_{22} \\ge \\ldots',
    text: 'Curvature along the $i$-th eigenvector of $H$.',
  },
  C_ii: {
    title: 'Noise along a direction $C_{ii}$',
    sign: '$C_{ii}$',
    formula: 'C_{ii} = v_i^{\\top} C v_i',
    text: 'Variance of the gradient along the $i$-th eigenvector of $H$.',
  },
  Q_ii: {
    title: 'Mean squared curvature along a direction $Q_{ii}$',
    sign: '$Q_{ii}$',
    formula: 'Q_{ii} = v_i^{\\top} Q v_i',
    text: 'Mean squared per-sample Hessian along the $i$-th eigenvector of $H$.',
  },
  gamma: {
    title: 'Exponent $\\gamma$',
    sign: '$\\gamma$',
    formula: '\\log C_{ii} = \\gamma \\log H_{ii} + \\text{const}, \\quad H_{ii} > \\text{cutoff} \\cdot H_{11}',
    text: 'Slope of noise on curvature over the directions above the cutoff. $\\gamma = 1$: noise proportional to curvature, the old belief. $\\gamma = 2$: all samples share one Hessian. The paper claims $1 \\le \\gamma \\le 2$.',
  },
  gamma_Q: {
    title: 'Predicted exponent $\\gamma_Q$',
    sign: '$\\gamma_Q$',
    formula: '\\log Q_{ii} = \\gamma_Q \\log H_{ii} + \\text{const}',
    text: 'The same slope with $Q$ in the place of $C$: what the theory predicts for $\\gamma$.',
  },
  C_on_Q: {
    title: 'Slope of $C$ on $Q$',
    sign: '$C$ on $Q$',
    formula: '\\log C_{ii} = s \\log Q_{ii} + \\text{const}',
    text: '$s = 1$ if the noise is proportional to $Q$.',
  },
  cutoff: {
    title: 'Cutoff',
    formula: 'H_{ii} > \\text{cutoff} \\cdot H_{11}',
    text: 'Only directions whose curvature exceeds this share of the largest enter a fit. Drag it, or use the arrow keys.',
  },
  training_set: {
    title: 'Training-set estimand',
    sign: 'training set',
    formula: 'v_i, H_{ii}, C_{ii} \\text{ from all } P \\text{ samples}',
    text: 'The measured samples are the population. This is what the paper reports.',
  },
  cross_fitted: {
    title: 'Cross-fitted estimand',
    sign: 'cross-fitted',
    formula: 'v_i \\text{ from half } A; \\quad H_{ii}, C_{ii}, Q_{ii} \\text{ along them from half } B; \\quad \\text{roles swapped; mean}',
    text: 'Asks whether the law holds for the landscape that the samples came from. Eigenvectors fitted to the very samples they are judged by make their own $H_{ii}$ too extreme; this does not.',
  },
  ols: { title: 'Least squares', formula: '\\log C \\text{ on } \\log H', text: 'Noise in $H$ flattens it.' },
  ols_inverse: {
    title: 'Inverse least squares',
    formula: '1 / \\text{slope of } \\log H \\text{ on } \\log C',
    text: 'Noise in $C$ steepens it: with least squares, it brackets the slope.',
  },
  theil_sen: {
    title: 'Theil–Sen',
    formula: '\\text{median of the slopes of all pairs}',
    text: 'Hardly moved by outlying directions. Its 95 % interval is for the median smoothed over resamples: along few, scattered directions it covered only 72 % in a simulation.',
  },
  orthogonal: {
    title: 'Orthogonal',
    formula: '\\text{total least squares}',
    text: 'Takes the errors of both logarithms to be equally large.',
  },
  iv: {
    title: 'Split-half instrument',
    formula: '\\operatorname{cov}(\\log H_{B2}, \\log C_{B1}) / \\operatorname{cov}(\\log H_{B2}, \\log H_{B1})',
    text: 'Noise in the two halves of $B$ is independent, so errors in $H$ do not flatten it. Cross-fitted directions only.',
  },
  r_squared: {
    title: '$R^2$',
    formula: 'R^2 = 1 - \\text{residual} / \\text{total}',
    text: 'Share of the variance of $\\log C$ that the line explains.',
  },
  quadratic: {
    title: 'Quadratic term',
    formula: 'c \\text{ in } \\log C = a + b \\log H + c\\,(\\log H)^2',
    text: '0 if a straight line describes all directions. The slope changes by $2c$ for each unit of $\\log H$, so by $4.6\\,c$ a decade.',
  },
  local_slope: {
    title: 'Local slope',
    formula: '\\log C_{ii} \\text{ on } \\log H_{ii}, \\quad \\text{low} \\cdot H_{11} < H_{ii} \\le \\text{high} \\cdot H_{11}',
    text: 'Least squares over the directions of one decade of curvature at a time, from 8 directions on. One line over many decades hides a bend; these show it.',
  },
  commutator: {
    title: 'Commutator ratio',
    sign: 'commutator',
    formula: '\\|CH - HC\\|_F / (2 \\|CH\\|_F)',
    text: '0 if $C$ and $H$ share their eigenvectors, at most $1/\\sqrt{2}$. Beside it: the mean over random rotations of $C$, which is what no relation at all would give.',
  },
  cosine: {
    title: 'Cosine',
    formula: '\\langle A, B \\rangle_F / (\\|A\\|_F \\|B\\|_F)',
    text: '1 if the two matrices are proportional.',
  },
  floor: {
    title: 'Numerical floor',
    formula: '|H_{ii}| < \\text{floor}',
    text: 'Below it a value is zero as far as the arithmetic can tell, whatever its sign. Such directions never enter a fit.',
  },
  non_positive: {
    title: 'Not positive',
    formula: 'H_{ii} \\le 0, \\; C_{ii} \\le 0 \\text{ or } Q_{ii} \\le 0',
    text: 'They have no logarithm, so the fit leaves them out; they are counted.',
  },
  directions: {
    title: 'Directions',
    formula: 'i = 1, \\ldots, d',
    text: 'Eigenvectors of $H$. A verdict needs at least 30 of them over 1.5 decades.',
  },
  interval: {
    title: '95 % interval',
    formula: '\\text{studentised bootstrap over blocks of samples}',
    text: 'Samples are drawn again in blocks, directions stay. Computed with the measurement at the cutoffs $10^{-1}, \\ldots, 10^{-8}$, and at any other when it is chosen.',
  },
  error: {
    title: 'Standard error along a direction',
    formula: '\\pm 1.96 \\text{ standard errors}',
    text: 'From blocks of samples left out one at a time, with the direction held fixed. Known along the directions that intervals are computed along: all, or some 400 spread over the spectrum.',
  },
  projected: {
    title: 'Projected method',
    formula: 'C_{ii}, H_{ii}, Q_{ii} \\text{ for } i = 1, \\ldots, k \\text{ by Lanczos and per-sample projections}',
    text: 'For layers that see many vectors a sample, and for layers too large for $d \\times d$ matrices: $C$, $H$ and $Q$ are measured along $k$ found directions, not as matrices.',
  },
  exact: {
    title: 'Exact method',
    formula: 'C, H, Q \\text{ as } d \\times d \\text{ matrices}',
    text: 'All sums over samples are taken whole, in double precision; nothing is sampled or approximated.',
  },
  residual: {
    title: 'Residual',
    formula: '\\|H v_i - H_{ii} v_i\\|',
    text: 'How far a found direction is from being an eigenvector, from newly computed products. Relative: divided by $|H_{ii}|$, over directions above the floor.',
  },
  orthogonality: {
    title: 'Orthogonality',
    formula: '\\max |V V^{\\top} - 1|',
    text: 'Found directions should be at right angles: 0 up to rounding.',
  },
  passes: {
    title: 'Work',
    formula: '\\text{Hessian-vector products over all samples}',
    text: 'Cost in units of one product with $H$ over all samples, which takes two to three gradients.',
  },
  participation: {
    title: 'Participation ratio',
    formula: '1 / \\sum_j v_j^4',
    text: 'How many weights the direction lives on: 1 if it is a single weight, $d$ where all are equally large.',
  },
  duality: {
    title: 'Activity–weight duality',
    sign: 'duality',
    formula: '\\Delta_{pq} = a_p u^{\\top} / |a_p|^2, \\quad u = W^{\\top} (a_q - a_p)',
    text: 'The smallest change of the weights that makes sample $p$ look like sample $q$ to everything above the layer. The step from there to $C \\propto Q$ is $g_q - g_p \\approx h_p \\Delta$ with $\\Delta$ roughly isotropic.',
  },
  dual_exactness: {
    title: 'Exactness',
    sign: 'exactness',
    formula: '\\max |(W + \\Delta)^{\\top} a_p - W^{\\top} a_q| / |W^{\\top} a_q|',
    text: 'Rounding alone where the duality is exact.',
  },
  dual_first_order: {
    title: 'First order',
    formula: '|h_p \\Delta - x| / |x|, \\quad x = \\nabla \\ell_p(W + \\Delta) - \\nabla \\ell_p(W)',
    text: 'How well the sample’s Hessian predicts the change of its own gradient; median over pairs with its 95 % interval.',
  },
  dual_gradient: {
    title: 'Difference of gradients',
    formula: '|h_p \\Delta - x| / |x|, \\quad x = g_q - g_p',
    text: 'What the argument for $C \\propto Q$ needs; median over pairs with its 95 % interval.',
  },
  dual_trace: {
    title: 'Trace of the dual covariance',
    formula: '\\operatorname{tr} C_{\\text{dual}} / \\operatorname{tr} C, \\quad C_{\\text{dual}} = \\tfrac{1}{2} E_{pq}[h_p \\Delta \\Delta^{\\top} h_p]',
    text: '1 if the argument holds with its factor.',
  },
  dual_slope: {
    title: 'Dual covariance on $C$',
    formula: '\\log C_{\\text{dual},ii} \\text{ on } \\log C_{ii}',
    text: '1 if the argument’s step holds up to a factor.',
  },
  dual_isotropy: {
    title: 'Isotropy of dual weights',
    sign: 'isotropy',
    formula: '\\log E[(\\Delta \\cdot v_i)^2] \\text{ on } \\log H_{ii}',
    text: '0 if the dual weights spread alike along all directions.',
  },
  assumption_slope: {
    title: 'Slope of $C$ on $M$',
    formula: '\\log C_{ii} = s \\log M_{ii} + \\text{const}',
    text: '$s = 1$ if the noise is proportional to $M$ along the eigenvectors of $H$.',
  },
  spectral_density: {
    title: 'Spectral density of $H$',
    sign: 'spectral density',
    formula: '\\rho(x) = \\frac{1}{n} \\sum_z \\sum_i \\tau_i\\,N(x; \\theta_i, \\sigma^2), \\quad \\sum_i \\tau_i f(\\theta_i) \\approx z^{\\top} f(H)\\,z',
    text: 'How the eigenvalues of $H$ are spread, estimated from $n$ random unit vectors $z$ by some Lanczos steps each. The error is that of the mean over the vectors; $\\sigma$ is 0.005 of the width of the spectrum.',
  },
  fluctuation_ratio: {
    title: 'Variance of the weights over its prediction',
    formula: 'S = (1 - \\eta h)^2 S + \\eta^2 p\\,C_{ii}, \\quad S = \\operatorname{Var}_t(w_t \\cdot v_i)',
    text: 'Median over the directions that have an answer; 1 if the noise $C$ and the curvature $H$ decide how far the weights wander. Under epoch shuffling batches of one epoch cancel, which the prediction takes in. $h$ and $C_{ii}$ are taken at the mean weights.',
  },
  fluctuation_slope: {
    title: 'Slope of the variance on curvature',
    formula: '\\log \\operatorname{Var}_t(w_t \\cdot v_i) = s \\log h_i + \\text{const}',
    text: 'How the variance of the weights depends on curvature. Epoch shuffling alone makes flat directions quieter and can turn the sign, so read it beside the same slope with replacement.',
  },
  variance_flatness: {
    title: 'Variance against flatness',
    formula: '\\sigma_k^2 \\sim F_k^{-\\psi}, \\quad L(\\bar{w} + \\theta p_k) = e\\,L(\\bar{w}) \\text{ at both ends of } F_k',
    text: 'Principal components $p_k$ of the weights over the steps (Feng & Tu 2021). A pure random walk has variances that fall as $1/k^2$ by itself, so its slope along the same components stands beside.',
  },
  batch_sharpness: {
    title: 'Batch sharpness',
    formula: 'E_B[g_B^{\\top} H_B g_B / |g_B|^2]',
    text: 'Curvature of a batch along its own gradient (Andreyev & Beneventano 2024), which SGD without momentum is reported to hold near $2/\\eta$ while it trains.',
  },
  minibatch_factor: {
    title: 'Factor of the sampling mode',
    formula: '\\operatorname{cov} g_B = \\text{factor} \\cdot C',
    text: '$1 / B$ with replacement; $(P - B) / (B (P - 1))$ without, and in batches of an epoch.',
  },
  minibatch_variance: {
    title: 'Variance of a batch’s gradient',
    formula: '\\text{mean of } ((g_B - g) \\cdot v_i)^2 / (\\text{factor} \\cdot C_{ii})',
    text: 'Over drawn batches and directions: 1 if $C$ is what drives training.',
  },
  minibatch_trace: {
    title: 'Size of the noise',
    formula: '\\text{mean of } |g_B - g|^2 / (\\text{factor} \\cdot \\operatorname{tr} C)',
    text: '1 expected.',
  },
  minibatch_between: {
    title: 'Between batches of one epoch',
    formula: '\\text{mean of } ((g_B - g) \\cdot v_i)((g_{B2} - g) \\cdot v_i) / C_{ii}',
    text: 'Batches of one epoch share no sample, so their noises oppose each other: the expected value is negative.',
  },
  convergence: {
    title: 'Convergence with samples',
    sign: 'convergence',
    formula: '|\\text{half} - \\text{all}| \\le \\text{half of the interval} \\cdot \\sqrt{N / n - 1}',
    text: 'The measurement is held beside the same on half of its samples. A number that moves by more than chance allows would move on with more samples.',
  },
  norm_gradient: {
    title: 'Mean gradient',
    formula: '\\|g\\|, \\quad g = \\frac{1}{P} \\sum_p g_p',
    text: 'Near 0 at a minimum. $C$ has $g g^{\\top}$ subtracted, so a gradient that is not small does not enter it.',
  },
  trace: {
    title: 'Trace',
    formula: '\\operatorname{tr} C, \\; \\operatorname{tr} H, \\; \\operatorname{tr} Q',
    text: 'Sums of the eigenvalues: total noise, curvature, mean squared curvature.',
  },
  claim_C_on_Q: {
    title: '$C \\propto Q$',
    formula: '\\text{slope of } \\log C_{ii} \\text{ on } \\log Q_{ii}',
    text: 'Holds if the 95 % interval of the slope lies within [0.9, 1.1] and $R^2$ is at least 0.95; fails if the interval lies outside.',
  },
  claim_commute: {
    title: '$C$ and $H$ nearly commute',
    formula: '\\|CH - HC\\|_F / (2 \\|CH\\|_F)',
    text: 'Holds if the ratio lies below the 1st percentile of two nulls that keep the layer’s factors: $\\delta$ shuffled over samples, and $S$ shuffled over samples; fails above the medians of both. Random rotations of $C$ are shown but decide nothing: every layer of this form passes them.',
  },
  claim_gamma_between_1_and_2: {
    title: '$1 \\le \\gamma \\le 2$',
    formula: '0.95 \\le \\gamma \\le 2.05',
    text: 'Holds if the 95 % interval lies within [0.95, 2.05]; fails if it lies outside. Without a margin $\\gamma = 1$, which the theory allows, could never hold.',
  },
  claim_superlinear: {
    title: '$\\gamma > 1$ (superlinear)',
    formula: '\\gamma > 1.05',
    text: 'Noise grows faster than curvature. Holds if the intervals of both estimands and the calibrated value lie above 1.05; fails if all of them end below it.',
  },
  claim_Q_rather_than_H: {
    title: '$Q$ rather than $H$',
    formula: 'C_{ii} \\propto Q_{ii} \\text{ rather than } H_{ii}',
    text: 'Holds if $C$ scatters less about a line of slope 1 on $Q$ than on $H$, paired over blocks of samples; fails if it scatters less on $H$.',
  },
  claim_gamma_equals_gamma_Q: {
    title: '$\\gamma = \\gamma_Q$',
    formula: '\\gamma - \\gamma_Q = 0',
    text: '$Q$ alone predicts the exponent. Holds if the interval of the difference holds 0 and is narrower than 0.1; fails if it excludes 0 by more than 0.05.',
  },
} as const satisfies Record<string, Definition>; // prettier-ignore

export type TermName = keyof typeof glossary;

/** A definition as a report has it: its sign, and title, formula and text as one label. */
export function definitionOf(term: TermName): readonly [sign: string, definition: string] {
  const { title, sign = title, formula, text }: Definition = glossary[term];
  return [sign, `${title}: $${formula}$. ${text}`];
}
