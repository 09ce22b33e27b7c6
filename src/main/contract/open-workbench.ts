/** How every shell opens the workbench: the services behind the contract, with the handlers that answer it. */
import { handlers } from './handlers/index.ts';
import { Workbench, type WorkbenchOptions } from './workbench.ts';

/** Opens the store (raises `StoreError`) and starts what waits there. */
export function openWorkbench(options: WorkbenchOptions): Workbench {
  return new Workbench(options, handlers);
}
