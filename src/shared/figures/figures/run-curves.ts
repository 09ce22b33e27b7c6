/** Series of one run over its steps, as they were recorded: losses, accuracies, the learning rate. */
import type { FigureSpec, Line } from '../types.ts';
import { finish, type FigureOptions } from './common.ts';

interface RunSeries extends Pick<Line, 'colour' | 'dash' | 'opacity' | 'width'> {
  readonly label: string;
}

const ofTraining = { label: 'training set', colour: 0, dash: 'solid' } as const;
const ofTest = { label: 'test set', colour: 1, dash: 'dashed' } as const;

/** Series by their stored names, in the order in which they lie over each other. */
const metrics: Readonly<Record<'loss' | 'accuracy' | 'learning rate', Readonly<Record<string, RunSeries>>>> = {
  loss: {
    batch_loss: { label: 'batches', colour: 'muted', dash: 'solid', opacity: 0.45, width: 0.67 },
    loss: ofTraining,
    test_loss: ofTest,
  },
  accuracy: { accuracy: ofTraining, test_accuracy: ofTest },
  'learning rate': { learning_rate: { label: 'learning rate', colour: 'muted', dash: 'solid' } },
};

/** As `Array.from`, which takes ten times as long for the numbers of a typed array: curves of runs that go on come several times a second. */
function listOf(values: ArrayLike<number>): number[] {
  const list = new Array<number>(values.length);
  for (let k = 0; k < values.length; k++) list[k] = values[k];
  return list;
}

export interface RunCurveOptions extends FigureOptions {
  /** Of the values; 'linear' by default. */
  readonly scale?: 'linear' | 'log';
}

/** A metric of a run over its steps; series that it does not have are left out. */
export function runCurves(
  series: Readonly<
    Record<string, { readonly steps: ArrayLike<number>; readonly values: ArrayLike<number> } | undefined>
  >,
  metric: keyof typeof metrics,
  options: RunCurveOptions = {},
): FigureSpec {
  const marks = Object.entries(metrics[metric]).flatMap(([name, look]): Line[] => {
    const data = series[name];
    if (data === undefined || data.steps.length === 0) return [];
    return [{ kind: 'line', name, x: listOf(data.steps), y: listOf(data.values), what: 'points', ...look }];
  });
  return finish(
    {
      kind: 'runCurves',
      title: `Training: ${metric}`,
      description: `${metric} of one run by step.`,
      x: { scale: 'linear', label: 'step', integers: true },
      y: { scale: options.scale ?? 'linear', label: metric },
      marks,
    },
    options,
  );
}
