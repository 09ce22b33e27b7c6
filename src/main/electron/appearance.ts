/** Theme and zoom of the settings: the frame and the menus follow the theme, which pages see as prefers-color-scheme; the window is zoomed as a browser's. */
import { nativeTheme } from 'electron';
import type { Settings } from '../../shared/contract/index.ts';
import type { Workbench } from '../contract/workbench.ts';
import type { MainWindow } from './window.ts';

export function setupAppearance(workbench: Workbench, window: MainWindow): void {
  const apply = ({ theme, zoom }: Settings): void => {
    nativeTheme.themeSource = theme;
    window.setZoom(zoom);
  };
  apply(workbench.settings());
  workbench.bus.listen((event, payload) => {
    if (event === 'settings.changed') apply(payload as Settings);
  });
}
