/** What a comparison shows; survives a restart. */
import { headlineCutoff, type Estimand } from '../../shared/estimands.ts';
import type { Quantity } from './members.ts';

export interface CompareView {
  /** Whether the seeds of one setup are one. */
  readonly seeds: boolean;
  readonly series: string;
  readonly parameter: string;
  readonly estimand: Estimand;
  readonly quantity: Quantity;
  readonly cutoff: number;
  /** Whether the table of settings has only those that differ. */
  readonly differing: boolean;
  readonly setting: string;
  readonly logSteps: boolean;
  /** x of curves. */
  readonly unit: 'step' | 'epoch';
  /** Points that curves are smoothed over; 0: as measured. */
  readonly span: number;
  /** Runs that are drawn direction by direction, where chosen by hand; empty: the first ones. */
  readonly drawn: readonly string[];
}

export const firstCompareView: CompareView = {
  seeds: true,
  series: 'loss',
  parameter: '',
  estimand: 'training_set',
  quantity: 'gamma',
  cutoff: headlineCutoff,
  differing: true,
  setting: '',
  logSteps: false,
  unit: 'step',
  span: 0,
  drawn: [],
};
