/** A workbench on a temporary store, and a client that goes through its dispatcher as a window does. */
import { openWorkbench } from '../../../src/main/contract/open-workbench.ts';
import { FaultError } from '../../../src/shared/contract/index.ts';
import type { Arguments, ContractEvents, EventName, Method, Result } from '../../../src/shared/contract/index.ts';
import type { Workbench } from '../../../src/main/contract/workbench.ts';
import type { WorkbenchOptions } from '../../../src/main/contract/workbench.ts';
import { temporaryFolder } from '../queue/support.ts';

export class TestWorkbench {
  readonly folder: ReturnType<typeof temporaryFolder>;
  readonly workbench: Workbench;
  readonly told: { readonly event: EventName; readonly payload: unknown }[] = [];

  constructor(options: Partial<WorkbenchOptions> = {}, folder = temporaryFolder()) {
    this.folder = folder;
    this.workbench = openWorkbench({
      storeFolder: `${folder.path}/store`,
      shell: 'browser',
      baseFolder: folder.path,
      engine: { blas: 'wasm', threads: 1 },
      ...options,
    });
    this.workbench.bus.listen((event, payload) => this.told.push({ event, payload }));
  }

  async request<M extends Method>(method: M, ...[params]: Arguments<M>): Promise<Result<M>> {
    const outcome = await this.workbench.request(method, params);
    if (!outcome.ok) throw FaultError.of(outcome.fault);
    return outcome.value as Result<M>;
  }

  payloads<E extends EventName>(event: E): ContractEvents[E][] {
    return this.told.filter((each) => each.event === event).map((each) => each.payload as ContractEvents[E]);
  }

  async close(): Promise<void> {
    await this.workbench.close(500);
  }

  async remove(): Promise<void> {
    await this.close();
    this.folder.remove();
  }
}
