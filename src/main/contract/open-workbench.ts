/** Opens the workbench for every shell: the services behind the contract, with its handlers. */
import { handlers } from './handlers/index.ts';
import { Workbench, type WorkbenchOptions } from './workbench.ts';

/** Opens the store (raises `StoreError`) and starts what waits there. */
export function openWorkbench(options: WorkbenchOptions): Workbench {
  return new Workbench(options, handlers);
}
