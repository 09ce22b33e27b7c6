/** Options of the projected method, and their defaults. */

import type { ConvergenceChoice, ProjectedWhich } from '../../../shared/results.ts';
import type { SessionOptions } from './session.ts';

/** `seed`: of the halves, the start vectors, the probes and the rotations. */
export interface ProjectedOptions extends SessionOptions {
  /** k, directions to find, 1 .. d; default 50. */
  readonly top?: number;
  /** Default largest. */
  readonly which?: ProjectedWhich;
  /** Residual at which a pair has converged, relative to |lambda|; default 1e-4. */
  readonly tolerance?: number;
  /** Products with H that each search may take; default 20 k + 500. */
  readonly maxProducts?: number;
  /** Random probes for the traces of H and Q where not all directions are found; default 16. */
  readonly probes?: number;
  /** 95 % intervals from resampling blocks of samples; default true. */
  readonly intervals?: boolean;
  /** As in ExactOptions; the half-sample then has slopes and the largest eigenvalue. */
  readonly convergence?: ConvergenceChoice;
  /** The activity-weight duality too, where it serves; default false. */
  readonly duality?: boolean;
  /** C against H, Gauss-Newton, Fisher, empirical Fisher, Q and H^2 too, along the found directions; default false. */
  readonly assumptions?: boolean;
  readonly signal?: AbortSignal;
  /** Stage in words and share done, 0 to 1. */
  readonly onProgress?: (stage: string, share: number) => void;
}

/** Directions found unless asked otherwise. */
export const defaultTop = 50;

export const defaultTolerance = 1e-4;

export const defaultProbes = 16;
