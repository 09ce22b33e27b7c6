/** What web contents may not do: Electron grants permissions unless told otherwise, and follows any link. */
import { app, session } from 'electron';
import { homeUrl, isOwnPage } from './pages.ts';

export function setupPermissions(): void {
  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((_contents, permission, decide) => {
    // Copying a table or a figure is the one thing that pages ask for.
    decide(permission === 'clipboard-sanitized-write');
  });
  defaultSession.setPermissionCheckHandler((_contents, permission) => permission === 'clipboard-sanitized-write');
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.webRequest.onBeforeRequest(({ url }, decide) => {
    decide({ cancel: !(isOwnPage(url) || /^(blob|data|devtools):/.test(url)) });
  });
  app.on('web-contents-created', (_event, contents) => {
    const stop = (event: { preventDefault(): void }): void => {
      event.preventDefault();
    };
    contents.on('will-navigate', stop);
    contents.on('will-frame-navigate', stop);
    contents.on('will-redirect', stop);
    contents.on('will-attach-webview', stop);
    // Nothing is asked before an empty page (about:blank).
    contents.on('did-navigate', (_navigated, url) => {
      if (!isOwnPage(url)) void contents.loadURL(homeUrl);
    });
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });
}
