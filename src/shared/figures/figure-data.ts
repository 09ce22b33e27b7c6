/** The data that figures draw, by kind: loaded from stored results by the caller. */
import type { Optional } from '../defined.ts';
import type { ExtraArrays, MeasurementSummary, MetricPoint, ResultArrays } from '../results.ts';

/** A stored measurement as input of figures. Arrays that a figure does not use may be missing; a missing array that it needs raises an Error. */
export interface Measurement {
  readonly summary: MeasurementSummary;
  readonly arrays: Partial<ResultArrays> & ExtraArrays;
  /** The run and time that it belongs to, as in legends: "seed 1", "epoch 5". */
  readonly name?: string;
}

export interface MatrixInput {
  /** "C". TeX in labels. */
  readonly name: string;
  /** [size, size], row-major. */
  readonly values: ArrayLike<number>;
  readonly size: number;
  /** 'eigenbasis': element (i, j) is v_i^T M v_j; 'weights': the matrix as it is. */
  readonly basis: 'eigenbasis' | 'weights';
  /** Of which parameter tensor. */
  readonly parameter: string;
}

export interface OverlapInput {
  /** Squared overlaps |u_i . v_j|^2, [size, size], row-major. */
  readonly values: ArrayLike<number>;
  readonly size: number;
  /** Number of weights: directions drawn at random would overlap by 1 / d on average. */
  readonly d: number;
  readonly parameter: string;
  /** Whose eigenvectors the rows and the columns are; C and H by default. */
  readonly rows?: string;
  readonly columns?: string;
}

export interface HyperparameterPoint {
  /** Numbers on an axis, texts as categories. */
  readonly value: number | string;
  /** A description of the other settings in which the measured runs differ ("batch 50"); each makes its own series. */
  readonly group?: string;
  readonly measurements: readonly Measurement[];
}

export interface CurveGroup {
  /** Legend entry: "lr 0.1". */
  readonly label: string;
  /** One series a seed. */
  readonly runs: readonly (readonly MetricPoint[])[];
}

export interface TrainingHistory {
  /** Measurements of ONE parameter in the order of training. */
  readonly measurements: readonly { readonly step: number; readonly summary: MeasurementSummary }[];
  readonly loss?: readonly MetricPoint[] | undefined;
  /** Measurements of the whole network as one vector, if there are any beside those of the parameter. */
  readonly network?: readonly { readonly step: number; readonly summary: MeasurementSummary }[];
  /** Learning rate at the measurements, and momentum, where they are known. */
  readonly rates?: readonly MetricPoint[];
  readonly momentum?: number;
}

export interface SampleCurvatures {
  /** Index of the direction, 1 the largest. */
  readonly direction: number;
  /** v_i . h_p v_i for every sample. */
  readonly values: ArrayLike<number>;
}

export type FigureData =
  | {
      readonly kind: 'measurement';
      readonly measurement: Measurement;
      /** Eigenvalues of C and Q, in any order, where they were computed. */
      readonly eigenvalues?: Optional<Record<'C' | 'Q', ArrayLike<number>>> | undefined;
    }
  | { readonly kind: 'measurements'; readonly measurements: readonly Measurement[] }
  | { readonly kind: 'matrix'; readonly matrix: MatrixInput }
  | { readonly kind: 'overlap'; readonly overlap: OverlapInput }
  | {
      readonly kind: 'hyperparameter';
      readonly rows: readonly HyperparameterPoint[];
      /** Its name on the axis. */
      readonly parameter?: string;
    }
  | {
      readonly kind: 'curves';
      readonly groups: readonly CurveGroup[];
      /** What the series is called on the axis. */
      readonly metric?: string;
      /** Statements for the small print: how the series were thinned. */
      readonly notes?: readonly string[];
    }
  | { readonly kind: 'history'; readonly history: TrainingHistory }
  | {
      readonly kind: 'samples';
      readonly directions: readonly SampleCurvatures[];
      /** Of which parameter tensor. */
      readonly parameter?: string;
    };

export type FigureDataKind = FigureData['kind'];
export type DataOf<Kind extends FigureDataKind> = Extract<FigureData, { readonly kind: Kind }>;
