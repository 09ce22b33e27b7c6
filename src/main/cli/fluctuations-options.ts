/** --weight-fluctuations and its options. */
import { samplingModes } from '../../shared/experiment.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import { choice, integerOption, numberOption, UsageError } from './command.ts';

export const fluctuationsHelp = `  --weight-fluctuations  let SGD go on from the measured weights at a constant rate, and hold their fluctuations along eigendirections of H against
                    what C and H predict, too; the change of the loss in one step and the batch sharpness with it. Takes --batch-size and --sampling; and
    --learning-rate X    (default: the run's at its start; 0.1 without a run)
    --momentum X         (default: the run's; 0 without a run)
    --steps N            steps that are watched (default 100000)
    --burn-in N          steps before (default a tenth of --steps)
    --stretch-directions N   eigendirections of H, at most 400 (default 100)
    --all-layers         let the other layers move too
    --stretch-seed N     seed of the batches (default 1)`;

export const fluctuationsOptions = {
  'weight-fluctuations': { type: 'boolean' },
  'learning-rate': { type: 'string' },
  momentum: { type: 'string' },
  steps: { type: 'string' },
  'burn-in': { type: 'string' },
  'stretch-directions': { type: 'string' },
  'all-layers': { type: 'boolean' },
  'stretch-seed': { type: 'string' },
} as const;

export interface FluctuationsValues {
  readonly 'weight-fluctuations'?: boolean | undefined;
  readonly 'batch-size'?: string | undefined;
  readonly sampling?: string[] | undefined;
  readonly 'learning-rate'?: string | undefined;
  readonly momentum?: string | undefined;
  readonly steps?: string | undefined;
  readonly 'burn-in'?: string | undefined;
  readonly 'stretch-directions'?: string | undefined;
  readonly 'all-layers'?: boolean | undefined;
  readonly 'stretch-seed'?: string | undefined;
}

/** Raises UsageError for an option of the weight fluctuations without --weight-fluctuations, and for values out of range. */
export function fluctuationsOf(values: FluctuationsValues): Pick<MeasurementSpec, 'weight_fluctuations'> {
  if (values['weight-fluctuations'] !== true) {
    const names = [
      'learning-rate',
      'momentum',
      'steps',
      'burn-in',
      'stretch-directions',
      'all-layers',
      'stretch-seed',
    ] as const;
    const stray = names.find((name) => values[name] !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray} is an option of --weight-fluctuations, which is missing`);
    return {};
  }
  const rate = numberOption(values['learning-rate'], 'learning-rate', (x) => x > 0, 'a number above 0');
  const momentum = numberOption(
    values.momentum,
    'momentum',
    (x) => x >= 0 && x < 1,
    'a number of at least 0 and below 1',
  );
  const batch = integerOption(values['batch-size'], 'batch-size', 1);
  const burnIn = integerOption(values['burn-in'], 'burn-in', 0);
  const directions = integerOption(values['stretch-directions'], 'stretch-directions', 1) ?? 100;
  if (directions > 400) throw new UsageError(`--stretch-directions: expected at most 400, found ${directions}`);
  return {
    weight_fluctuations: {
      ...(rate !== undefined && { learning_rate: rate }),
      ...(momentum !== undefined && { momentum }),
      ...(batch !== undefined && { batch_size: batch }),
      modes: [
        ...new Set(values.sampling?.map((each) => choice(each, 'sampling', samplingModes) ?? 'epoch') ?? samplingModes),
      ],
      steps: integerOption(values.steps, 'steps', 640) ?? 100_000,
      ...(burnIn !== undefined && { burn_in: burnIn }),
      directions,
      frozen: values['all-layers'] !== true,
      seed: integerOption(values['stretch-seed'], 'stretch-seed', 0) ?? 1,
    },
  };
}
