/**
 * The desktop shell: a flat list of steps, in the order that Electron asks for. The scheme and the single instance come before the application is
 * ready; permissions and pages before a window; the window last, because from then on all else is asked for.
 */
import { openWorkbench } from '../contract/open-workbench.ts';
import { app, dialog } from 'electron';
import { homedir } from 'node:os';
import { messageOf } from '../../shared/errors.ts';
import type { Workbench } from '../contract/workbench.ts';
import { defaultStoreFolder } from '../store/index.ts';
import { setupActivity } from './activity.ts';
import { setupAppearance } from './appearance.ts';
import { chooseFile, chooseTarget } from './dialogs.ts';
import { filesIn, setupOpenedFiles } from './files.ts';
import { setupIpc } from './ipc.ts';
import { setupMenu } from './menu.ts';
import { setupNotifications } from './notifications.ts';
import { registerScheme, setupPages } from './pages.ts';
import { setupPermissions } from './permissions.ts';
import { setupQuit } from './quit.ts';
import { setupRecovery } from './recovery.ts';
import { setupSleep } from './sleep.ts';
import { setupUpdates } from './updates.ts';
import { utilityLauncher } from './utility-launcher.ts';
import { MainWindow } from './window.ts';

export async function startDesktop(): Promise<void> {
  app.setName('Covature');
  if (!app.requestSingleInstanceLock()) {
    // The first one was told, and shows itself.
    app.quit();
    return;
  }
  app.enableSandbox();
  registerScheme();
  const opened = setupOpenedFiles();
  await app.whenReady();
  let workbench: Workbench;
  try {
    workbench = openWorkbench({
      storeFolder: defaultStoreFolder(),
      shell: 'desktop',
      baseFolder: homedir(),
      launcher: utilityLauncher,
      chooseFile: (kind) => chooseFile(kind, window.browserWindow),
      chooseTarget: (kind, name) => chooseTarget(kind, name, window.browserWindow),
    });
  } catch (error) {
    process.stderr.write(`covature: ${messageOf(error)}\n`);
    dialog.showErrorBox('Covature cannot open its store', messageOf(error));
    app.exit(1);
    return;
  }
  const window = new MainWindow();
  setupPermissions();
  setupPages();
  setupIpc(workbench, window);
  setupAppearance(workbench, window);
  setupMenu(workbench, window);
  setupNotifications(workbench, window);
  setupActivity(workbench, window);
  setupSleep(workbench);
  setupRecovery(workbench, window);
  setupQuit(workbench, window);
  setupUpdates(workbench);
  opened.deliverTo((file) => {
    workbench.openFile(file);
    window.show();
  }, filesIn(process.argv));
  window.open();
}
