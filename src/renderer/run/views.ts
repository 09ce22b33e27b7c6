/** The views of a measurement: their names (labels with TeX mathematics), and the groups that they stand in. */
import { labelWords } from '../../shared/figures/text/mathml.ts';

export const viewGroups = [
  {
    title: 'Exponents',
    views: {
      gamma: '$C$ on $H$',
      gamma_Q: '$Q$ on $H$',
      C_on_Q: '$C$ on $Q$',
      cutoff: '$\\gamma$ by cutoff',
      training: '$\\gamma$ over training',
    },
  },
  {
    title: 'Theory',
    views: {
      claims: 'Claims',
      mechanism: 'Mechanism',
      assumptions: 'Assumptions',
      duality: 'Duality',
      minibatches: 'Minibatches',
      noise: 'Noise',
      fluctuations: 'Fluctuations',
    },
  },
  { title: 'Spectrum', views: { spectra: 'Spectra', density: 'Density', heatmaps: 'Matrices' } },
  { title: 'Method', views: { method: 'Method' } },
] as const;

type Groups = (typeof viewGroups)[number]['views'];
export type ResultView = Groups extends infer G ? (G extends unknown ? keyof G : never) : never;

/** In the order of the groups. */
export const viewTitles = Object.assign({}, ...viewGroups.map(({ views }) => views)) as Readonly<
  Record<ResultView, string>
>;
export const views = Object.keys(viewTitles) as readonly ResultView[];

/** The name of a view as plain text. */
export const viewWords = (view: ResultView): string => labelWords(viewTitles[view]);
