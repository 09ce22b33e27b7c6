/** Measures a parameter by the method that serves it: exactly where its layer sees one vector a sample and memory allows, else along the leading directions. */
import type { MeasurementSummary, StoredArrays } from '../../shared/results.ts';
import { CpuBackend } from '../backend/cpu.ts';
import { Network } from '../network/network.ts';
import type { Pool } from '../parallel/pool.ts';
import { measureExact } from './exact.ts';
import type { ExactOptions, MeasurementInput } from './exact.ts';
import { factorLayout } from './factors.ts';
import { forecastExact, formatBytes } from './forecast.ts';
import { measureProjected } from './projected/measure.ts';
import type { ProjectedOptions } from './projected/measure.ts';
import { wholeNetwork } from './projected/space.ts';

/** exact and projected insist; auto chooses. */
export type MethodChoice = 'auto' | 'exact' | 'projected';

export interface ChosenMethod {
  readonly method: 'exact' | 'projected';
  /** In words, for people: "fc2 (dense) sees one vector a sample and ... fit in memory". */
  readonly reason: string;
}

export type LayerOptions = ExactOptions &
  Omit<ProjectedOptions, keyof ExactOptions> & { readonly method?: MethodChoice };

export interface LayerResult {
  readonly summary: MeasurementSummary;
  /** Exact: in the pool's memory, valid until `release`. */
  readonly arrays: StoredArrays;
  readonly release: () => void;
}

/** Raises InputError where there is no such parameter. `memoryLimit` in bytes; undefined: no limit. */
export function chooseMethod(network: Network, parameter: string, memoryLimit?: number): ChosenMethod {
  if (parameter === wholeNetwork)
    return {
      method: 'projected',
      reason: 'all parameters are measured as one vector, which the projected method does',
    };
  const layout = factorLayout(network, parameter);
  if (typeof layout === 'string') return { method: 'projected', reason: layout };
  const { bytes } = forecastExact(layout);
  const d = layout.inner * layout.outer;
  const matrices = `matrices of ${d} x ${d} (${formatBytes(bytes)} in all)`;
  if (memoryLimit !== undefined && bytes > memoryLimit)
    return { method: 'projected', reason: `${matrices} do not fit into the ${formatBytes(memoryLimit)} allowed` };
  const { label } = network.layerOf(network.parameter(parameter));
  return { method: 'exact', reason: `${label} sees one vector a sample, and ${matrices} fit into memory` };
}

/** Raises InputError where the method asked for does not serve, and as the two methods do. */
export async function measureLayer(pool: Pool, input: MeasurementInput, options: LayerOptions): Promise<LayerResult> {
  const network = new Network(input.model, new CpuBackend(pool.blas, 'float64'));
  const asked = options.method ?? 'auto';
  const chosen: ChosenMethod =
    asked === 'auto'
      ? chooseMethod(network, options.parameter, options.memoryLimit)
      : { method: asked, reason: 'as asked for' };
  if (chosen.method === 'exact') {
    const { summary, arrays, release } = await measureExact(pool, input, options);
    return { summary: { ...summary, method_reason: chosen.reason }, arrays, release };
  }
  const { summary, arrays } = await measureProjected(pool, input, options);
  return { summary: { ...summary, method_reason: chosen.reason }, arrays, release: () => undefined };
}
