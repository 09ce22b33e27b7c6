/** While jobs run: progress on the window's icon, and the machine is kept from sleeping by itself. */
import { powerSaveBlocker } from 'electron';
import type { JobInfo, QueueSnapshot } from '../../shared/contract/index.ts';
import type { Workbench } from '../contract/workbench.ts';
import type { MainWindow } from './window.ts';

export function setupActivity(workbench: Workbench, window: MainWindow): void {
  let blocker: number | null = null;
  let shown: number | null = null;
  const show = (share: number | null): void => {
    if (share === shown) return;
    shown = share;
    window.setProgress(share);
  };
  workbench.bus.listen((event, payload) => {
    if (event !== 'queue.changed') return;
    const running = (payload as QueueSnapshot).jobs.filter(({ state }) => state === 'running');
    show(shareOf(running));
    if (running.length > 0) blocker ??= powerSaveBlocker.start('prevent-app-suspension');
    else if (blocker !== null) {
      powerSaveBlocker.stop(blocker);
      blocker = null;
    }
  });
}

/** Of all that runs, to the percent; null if nothing does. */
export function shareOf(running: readonly JobInfo[]): number | null {
  if (running.length === 0) return null;
  const sum = running.reduce((total, { progress }) => total + (progress?.share ?? 0), 0);
  return Math.round((100 * sum) / running.length) / 100;
}
