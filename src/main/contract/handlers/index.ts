/** One handler for every method of the contract: a missing handler, or one with another result type, does not compile. */
import type { Handlers } from '../../../shared/contract/index.ts';
import type { Workbench } from '../workbench.ts';
import { clusterHandlers } from './clusters.ts';
import { figureHandlers } from './figures.ts';
import { importHandlers } from './imports.ts';
import { makingHandlers } from './making.ts';
import { projectHandlers } from './projects.ts';
import { resultHandlers } from './results.ts';
import { runHandlers } from './runs.ts';
import { systemHandlers } from './system.ts';

export const handlers: Handlers<Workbench> = {
  ...projectHandlers,
  ...runHandlers,
  ...resultHandlers,
  ...importHandlers,
  ...makingHandlers,
  ...figureHandlers,
  ...clusterHandlers,
  ...systemHandlers,
};
