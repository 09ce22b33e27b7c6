/** How the options of figures are asked for: in words, with their choices and defaults. */
import type { OptionName } from '../../shared/figures/recipe-options.ts';

interface Base {
  readonly label: string;
  /** A sentence on what it does, where the label does not say it. */
  readonly help?: string;
}

export type Control =
  /** One of several; '' is the default, whose words say what it is. */
  | (Base & { readonly kind: 'choice'; readonly choices: readonly (readonly [value: string, words: string])[] })
  /** Any of several; none chosen is the default, all of them. */
  | (Base & { readonly kind: 'choices'; readonly choices: readonly (readonly [value: string, words: string])[] })
  | (Base & { readonly kind: 'number'; readonly placeholder: string })
  /** Numbers with commas between. */
  | (Base & { readonly kind: 'numbers'; readonly placeholder: string })
  | (Base & { readonly kind: 'text'; readonly placeholder: string })
  | (Base & { readonly kind: 'check'; readonly default: boolean })
  /** One of the cutoffs that the measurements have fits at. */
  | (Base & { readonly kind: 'cutoff' })
  /** A setting in which the runs differ. */
  | (Base & { readonly kind: 'field' })
  /** A series that the runs have. */
  | (Base & { readonly kind: 'metric' });

const estimandChoices = [
  ['training_set', 'training set'],
  ['cross_fitted', 'cross-fitted'],
] as const;

export const controls: Readonly<Partial<Record<OptionName, Control>>> = {
  estimand: { kind: 'choice', label: 'Estimand', choices: [['', 'training set'], ['cross_fitted', 'cross-fitted']] },
  estimands: { kind: 'choices', label: 'Estimands', choices: estimandChoices },
  estimator: {
    kind: 'choice',
    label: 'Estimator',
    help: 'Least squares unless another is chosen, as in every table and claim.',
    choices: [
      ['', 'default'],
      ['ols', 'least squares'],
      ['ols_inverse', 'inverse least squares'],
      ['theil_sen', 'Theil–Sen'],
      ['orthogonal', 'orthogonal'],
      ['iv', 'split-half instrument'],
    ],
  },
  cutoff: { kind: 'cutoff', label: 'Cutoff' },
  slopes: { kind: 'numbers', label: 'Slopes shown', placeholder: '1, 2' },
  fit: { kind: 'check', label: 'Line of the fit', default: true },
  smallest: { kind: 'number', label: 'Leave out below', placeholder: '1e-8', help: 'Share of the largest eigenvalue below which curvature counts as numerically zero; 0 draws all directions.' },
  quantities: { kind: 'choices', label: 'Show', choices: [] },
  spectrum: { kind: 'choice', label: 'C and Q as', choices: [['', 'eigenvalues'], ['diagonals', 'diagonals in the eigenbasis of H']] },
  ranks: { kind: 'choice', label: 'Ranks', choices: [['', 'logarithmic'], ['linear', 'linear']] },
  normalised: { kind: 'check', label: 'Divide by the largest', default: false },
  matrix: { kind: 'choice', label: 'Matrix', choices: [['', 'C'], ['H', 'H'], ['Q', 'Q'], ['gauss_newton', 'Gauss–Newton part']] },
  basis: { kind: 'choice', label: 'Basis', choices: [['', 'eigenvectors of H'], ['weights', 'weights']] },
  against: { kind: 'choice', label: 'Eigenvectors of', choices: [['', 'C'], ['Q', 'Q']] },
  scale: { kind: 'choice', label: 'Scale', choices: [] },
  decades: { kind: 'number', label: 'Decades of colour', placeholder: '4' },
  leading: { kind: 'number', label: 'Leading rows', placeholder: 'all' },
  cells: { kind: 'number', label: 'Cells a side', placeholder: '250', help: 'A larger matrix shows in each cell its element of largest size.' },
  predicted: { kind: 'check', label: 'What Q predicts (open markers)', default: true },
  field: { kind: 'field', label: 'Against' },
  parameter: { kind: 'text', label: 'Its name', placeholder: 'learning rate' },
  metric: { kind: 'metric', label: 'Metric' },
  band: { kind: 'choice', label: 'Band', choices: [['', '95 % interval of the mean'], ['deviation', 'one standard deviation'], ['range', 'range']] },
  steps: { kind: 'choice', label: 'Steps', choices: [['', 'linear'], ['log', 'logarithmic']] },
  unit: { kind: 'text', label: 'Name of the steps', placeholder: 'step' },
  kind: { kind: 'choice', label: 'As', choices: [['', 'distribution of each direction'], ['quantiles', 'quantiles against the direction']] },
  bins: { kind: 'number', label: 'Bins a decade', placeholder: '6' },
  directions: { kind: 'numbers', label: 'Directions', placeholder: '1, 3, 10, 30' },
}; // prettier-ignore

const scales = {
  density: [['', 'logarithmic'], ['linear', 'linear']],
  heatmap: [['', 'signed logarithm'], ['linear', 'linear'], ['log', 'logarithm of the size']],
  curves: [['', 'by the values'], ['linear', 'linear'], ['log', 'logarithmic']],
  gamma_hyperparameter: [['', 'by the values'], ['linear', 'linear'], ['log', 'logarithmic']],
} as const; // prettier-ignore

const quantities = {
  spectra: [['H', 'H'], ['C', 'C'], ['Q', 'Q']],
  evolution: [['gamma', 'gamma'], ['sharpness', 'largest eigenvalue'], ['trace', 'traces'], ['loss', 'loss']],
} as const; // prettier-ignore

/** The control of an option of a figure; options without one are not asked for. */
export function controlOf(option: OptionName, figure: string): Control | undefined {
  const control = controls[option];
  if (option === 'scale' && control?.kind === 'choice' && figure in scales)
    return { ...control, choices: scales[figure as keyof typeof scales] };
  if (option === 'quantities' && control?.kind === 'choices' && figure in quantities)
    return { ...control, choices: quantities[figure as keyof typeof quantities] };
  return control;
}

/** A number as people write it ("1e-4", "0.5", "10^-4"); null for an empty text, NaN for one that is none. */
export function numberIn(text: string): number | null {
  const plain = text.trim().replace('−', '-').replace(/^10\^/, '1e');
  if (plain === '') return null;
  const value = Number(plain);
  return Number.isFinite(value) ? value : NaN;
}
