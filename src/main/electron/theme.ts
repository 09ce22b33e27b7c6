/** The frame and the menus follow the theme of the settings; pages see it as prefers-color-scheme. */
import { nativeTheme } from 'electron';
import type { Settings } from '../../shared/contract/index.ts';
import type { Workbench } from '../contract/workbench.ts';

export function setupTheme(workbench: Workbench): void {
  nativeTheme.themeSource = workbench.settings().theme;
  workbench.bus.listen((event, payload) => {
    if (event === 'settings.changed') nativeTheme.themeSource = (payload as Settings).theme;
  });
}
