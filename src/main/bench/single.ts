/** The packed sums of the exact method on the cpu in float32 (`--precision float32`) beside float64, in the same run. */
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import type { Blas, Real } from '../../engine/blas/types.ts';
import { deviceMomentSums } from '../../engine/curvature/device/moments.ts';
import { DeviceSession } from '../../engine/curvature/device/session.ts';
import { cpuChunk, singlePrecisionCpu } from '../../engine/curvature/device/single-precision.ts';
import { openProblemTask, factorLayout } from '../../engine/curvature/factors.ts';
import { momentSums } from '../../engine/curvature/moments.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import { Network } from '../../engine/network/network.ts';
import type { Pool } from '../../engine/parallel/pool.ts';

/** Seconds of each, the less of two. */
export async function singlePrecisionBench(
  blas: Blas,
  pool: Pool,
  input: MeasurementInput,
  samples: number,
): Promise<{ readonly single: number; readonly double: number }> {
  const layout = factorLayout(new Network(input.model, new CpuBackend(pool.blas, 'float64')), 'fc2.kernel');
  if (typeof layout === 'string') throw new Error(layout);
  const { model, weights, inputs, targets } = input;
  await pool.runEverywhere(openProblemTask, { model, weights, inputs, targets });
  const cpu = singlePrecisionCpu(blas);
  const session = new DeviceSession(cpu, input, { chunk: cpuChunk });
  const options = { samples, seed: 1, seconds: { factors: 0, products: 0 } };
  const once = async (body: () => Promise<{ sums: { A: Real; B: Real } }>): Promise<number> => {
    const begun = performance.now();
    const { sums } = await body();
    const seconds = (performance.now() - begun) / 1000;
    pool.blas.release(sums.A);
    pool.blas.release(sums.B);
    return seconds;
  };
  const inSingle = (): Promise<number> => once(() => deviceMomentSums(session, pool, targets, layout, options));
  const inDouble = (): Promise<number> => once(() => momentSums(pool, layout, options));
  const [s1, d1, s2, d2] = [await inSingle(), await inDouble(), await inSingle(), await inDouble()];
  session.close();
  cpu.close();
  return { single: Math.min(s1, s2), double: Math.min(d1, d2) };
}
