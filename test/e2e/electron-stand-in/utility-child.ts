/** A utility process as the program sees it: `process.parentPort`, over the channel of a child process. */
import { EventEmitter } from 'node:events';
import { pathToFileURL } from 'node:url';

class ParentPort extends EventEmitter {
  postMessage(message: unknown): void {
    process.send?.(message);
  }
}
const port = new ParentPort();
let waiting: { data: unknown }[] = [];
process.on('message', (data) => {
  if (port.listenerCount('message') === 0) waiting.push({ data });
  else port.emit('message', { data });
});
port.on('newListener', (event) => {
  if (event !== 'message') return;
  queueMicrotask(() => {
    for (const message of waiting) port.emit('message', message);
    waiting = [];
  });
});
// Utility processes end with the program.
process.on('disconnect', () => process.exit(1));
Object.assign(process, { parentPort: port });
await import(pathToFileURL(process.argv[2] ?? '').href);

export {};
