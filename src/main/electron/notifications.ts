/** Tells the desktop when a job that took long ends while nobody looks. */
import { Notification } from 'electron';
import type { JobInfo } from '../../shared/contract/index.ts';
import type { Workbench } from '../contract/workbench.ts';
import type { MainWindow } from './window.ts';

export function setupNotifications(workbench: Workbench, window: MainWindow): void {
  const told = new Set<string>();
  workbench.bus.listen((event, payload) => {
    if (event !== 'queue.changed') return;
    const { jobs } = payload as { readonly jobs: readonly JobInfo[] };
    for (const job of jobs) {
      if (job.ended === null || job.started === null) continue;
      // A run that is resumed ends more than once under its id.
      const key = `${job.id} ${job.ended}`;
      if (told.has(key)) continue;
      told.add(key);
      const seconds = (job.ended - job.started) / 1000;
      const least = workbench.settings().notifyAfterSeconds;
      const isWanted = least > 0 && seconds >= least && job.state !== 'cancelled';
      if (!isWanted || window.isFocused || !Notification.isSupported()) continue;
      const notification = new Notification({
        title: job.state === 'done' ? 'Finished' : 'Failed',
        body: job.error === null ? job.title : `${job.title}: ${job.error}`,
      });
      notification.on('click', () => {
        window.open();
      });
      notification.show();
    }
  });
}
