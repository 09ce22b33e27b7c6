/** Every figure by the name that recipes, links and commands use. A figure is declared in its file (figures/); only the figures listed here can be drawn. */
import { assumptionsFigure } from './figures/assumptions.ts';
import { densityFigure } from './figures/density.ts';
import { samplesFigure } from './figures/distribution.ts';
import { dualityFigure, isotropyFigure } from './figures/duality.ts';
import { flatnessFigure, fluctuationsFigure } from './figures/fluctuations.ts';
import { mechanismFigure } from './figures/mechanism.ts';
import { gammaCutoffFigure, gammaHyperparameterFigure, gammaLayersFigure } from './figures/gamma.ts';
import { heatmapFigure, overlapFigure } from './figures/heatmap.ts';
import { againstCurvature, noiseAgainstQ, qAgainstCurvature } from './figures/scatter.ts';
import { spectraFigure } from './figures/spectra.ts';
import { curvesFigure, evolutionFigure } from './figures/training.ts';

export const figureTable = {
  C_H: againstCurvature,
  C_Q: noiseAgainstQ,
  Q_H: qAgainstCurvature,
  spectra: spectraFigure,
  heatmap: heatmapFigure,
  overlap: overlapFigure,
  gamma_layers: gammaLayersFigure,
  gamma_cutoff: gammaCutoffFigure,
  gamma_hyperparameter: gammaHyperparameterFigure,
  evolution: evolutionFigure,
  curves: curvesFigure,
  duality: dualityFigure,
  isotropy: isotropyFigure,
  assumptions: assumptionsFigure,
  density: densityFigure,
  samples: samplesFigure,
  mechanism: mechanismFigure,
  fluctuations: fluctuationsFigure,
  flatness: flatnessFigure,
};

export type FigureName = keyof typeof figureTable;
export const figureNames = Object.keys(figureTable) as FigureName[];
