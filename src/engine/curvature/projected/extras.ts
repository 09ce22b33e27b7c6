/** Optional parts of a projected measurement: the activity-weight duality and the old assumption. */
import { orReason } from '../or-reason.ts';
import type { ProjectedOptions } from '../options.ts';
import type { MeasurementInput } from '../measurement-input.ts';
import type { MeasurementSummary, ExtraArrays } from '../../../shared/results.ts';
import { AffineLayer } from '../../network/affine.ts';
import type { Pool } from '../../parallel/pool.ts';
import { deviceSpanForms } from '../device/span-forms.ts';
import { spanAssumptions } from '../assumptions/span.ts';
import type { SpanInput } from '../assumptions/span.ts';
import { dualityLayout, measureDuality } from '../duality/measure.ts';
import type { ProjectedSession } from './session.ts';
import { wholeNetwork } from './space.ts';

export interface Extras {
  readonly summary: Pick<MeasurementSummary, 'duality' | 'duality_unavailable' | 'assumptions'>;
  readonly arrays: ExtraArrays;
}

export async function measureExtras(
  pool: Pool,
  session: ProjectedSession,
  input: MeasurementInput,
  options: Pick<ProjectedOptions, 'parameter' | 'duality' | 'assumptions' | 'seed' | 'signal' | 'device'>,
  span: Omit<SpanInput, 'apply' | 'piecewiseLinear' | 'seed' | 'device'> & { readonly traceC: number },
): Promise<Extras> {
  const { network, plan, operator, space } = session;
  const { parameter, seed, device, signal } = options;
  const isWhole = parameter === wholeNetwork;
  let summary: Extras['summary'] = {};
  let arrays: ExtraArrays = {};
  if (options.duality === true) {
    const layout = isWhole
      ? 'all parameters as one vector: the duality is about one kernel'
      : dualityLayout(network, parameter);
    if (typeof layout === 'string') summary = { duality_unavailable: layout };
    else {
      const { eigenvalues, vectors } = span.all;
      const k = eigenvalues.length;
      const d = layout.inner * layout.outer;
      const { inner, outer } = layout;
      const columns = pool.allocate('float64', inner * k * outer);
      for (let i = 0; i < k; i++)
        for (let a = 0; a < inner; a++)
          for (let c = 0; c < outer; c++) columns[(a * k + i) * outer + c] = vectors[i * d + a * outer + c];
      // Every found direction separately; clusters are averaged afterwards.
      const directions = {
        indices: Uint32Array.from({ length: k }, (_, i) => i),
        starts: Uint32Array.from({ length: k + 1 }, (_, i) => i),
        selection: eigenvalues,
        weights: new Float64Array(k).fill(1),
        largest: eigenvalues[0],
      };
      const measured = await orReason(pool, () =>
        measureDuality(pool, {
          layout,
          order: plan.order,
          targets: input.targets,
          outputs: network.outputSize,
          classes: input.classes,
          seed,
          eigenvalues,
          C: span.trainingSet.C,
          floors: span.floors,
          traceC: span.traceC,
          directions,
          columns,
          whole: null,
          signal,
        }),
      );
      pool.blas.release(columns);
      if (typeof measured === 'string') summary = { duality_unavailable: measured };
      else {
        summary = { duality: measured.summary };
        arrays = { ...measured.arrays };
      }
    }
  }
  if (options.assumptions === true) {
    // What the weights are linear in must be piecewise linear on from there.
    const owner = isWhole ? null : network.layerOf(network.parameter(parameter));
    const piecewiseLinear = owner instanceof AffineLayer && network.isPiecewiseLinearAbove(owner);
    const { summary: assumptions, arrays: diagonals } = await spanAssumptions(pool, plan, {
      ...span,
      seed,
      piecewiseLinear,
      device:
        device === undefined
          ? null
          : deviceSpanForms(device, pool, network, { space, order: plan.order, targets: input.targets, signal }),
      apply: (v, out, halves) => operator.apply(v, out, halves),
    });
    summary = { ...summary, assumptions };
    arrays = { ...arrays, ...diagonals };
  }
  return { summary, arrays };
}
