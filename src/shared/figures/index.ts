/**
 * Publication figures: from stored results to a specification (figures/), to a drawing (layout/), to a file (svg.ts here; PDF, PNG, TIFF in
 * src/main/figures). Everything here is pure: no files, no browser.
 */
export * from './types.ts';
export { colourOf, paletteNames, palettes, type PaletteName } from './palettes.ts';
export { presetNames, presets, styleOf, type Preset, type PresetName } from './presets.ts';
export {
  allBundledFiles,
  fontFamilies,
  fontFamilyNames,
  fontLibrary,
  type FontFamily,
  type FontLibrary,
} from './fonts/library.ts';
export { layoutFigure } from './layout/layout.ts';
export type { PanelGeometry, Scene } from './layout/scene.ts';
export { renderSvg, sceneToSvg } from './svg.ts';
export { assumptionRow, assumptionSlopes, columnTex, type AssumptionOptions } from './figures/assumptions.ts';
export { spectralDensity, type SpectralDensityOptions } from './figures/density.ts';
export { dualDiagonals, type DualityOptions } from './figures/duality.ts';
export { noProvenance, type FigureOptions } from './figures/common.ts';
export { sampleCurvature, type DistributionOptions } from './figures/distribution.ts';
export {
  gammaAgainstCutoff,
  gammaAgainstHyperparameter,
  gammaPerLayer,
  type GammaOptions,
  type HyperparameterOptions,
} from './figures/gamma.ts';
export { eigenvectorOverlap, matrixHeatmap, type HeatmapOptions } from './figures/heatmap.ts';
export { composePanels, type PanelOptions } from './figures/panels.ts';
export { spectra, type SpectraOptions } from './figures/spectra.ts';
export {
  learningCurves,
  trainingEvolution,
  type EvolutionOptions,
  type LearningCurveOptions,
} from './figures/training.ts';
export { scatterDiagonals, type DiagonalPair, type ScatterOptions } from './figures/scatter.ts';
export { spreadOf, spreadsOf, type Spread } from './figures/statistics.ts';
export type {
  CurveGroup,
  FigureData,
  FigureDataKind,
  HyperparameterPoint,
  MatrixInput,
  Measurement,
  OverlapInput,
  SampleCurvatures,
  TrainingHistory,
} from './figure-data.ts';
export { matplotlibScript, type ScriptOptions } from './matplotlib.ts';
export {
  documentKey,
  packDocument,
  packForFile,
  readSvgDocument,
  svgMetadata,
  unpackDocument,
  type FigureDocument,
} from './metadata.ts';
export { integerText, numberText, powerText, uncertaintyTex, withInterval, withUncertainty } from './numbers.ts';
export { plottedColumns, plottedCsv, plottedRows, type PlottedRow } from './plotted.ts';
export { figureNames, figureTable, type FigureName } from './catalogue.ts';
export {
  buildFigure,
  drawsPanels,
  expandRecipe,
  parseRecipe,
  splitOptions,
  type FigureRecipe,
  type FigureSource,
} from './recipe.ts';
export { optionsSchema, type OptionName, type RecipeOptions } from './recipe-options.ts';
export { applyToRuns, runsOf, sourcesOf } from './apply.ts';
export { parseSpec } from './schema.ts';
export { assumptionsTable, resultsTable, type TableOptions } from './table.ts';
export { reportOf, type Report, type ReportedRun, type ReportOptions, type ReportSection } from './report/content.ts';
export { reportHtml } from './report/html.ts';
export { reportPages } from './report/pages.ts';
