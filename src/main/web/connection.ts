/** One window over its WebSocket. Incoming messages are not trusted; outgoing ones are held back if the other side is slow. */
import type { WebSocket } from 'ws';
import type { EventName } from '../../shared/contract/index.ts';
import { decode, encode } from '../../shared/contract/wire.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Workbench } from '../contract/workbench.ts';

/** Bytes of one answer. */
const longestAnswer = 512 * 1024 * 1024;
/** Requests of one window in work at once. */
const mostPending = 256;
/** Malformed messages before the connection is closed. */
const mostMalformed = 10;
/** Unsent bytes from which on events that a window can ask for again are left out, and from which on it is disconnected. */
const slowBytes = 8 * 1024 * 1024;
const stuckBytes = 256 * 1024 * 1024;

/** A window finds gaps in these by their numbers, or the next one makes up for them. */
const spare: ReadonlySet<EventName> = new Set(['series.appended', 'run.progress', 'job.log', 'queue.changed']);

export function serveConnection(socket: WebSocket, workbench: Workbench): void {
  let pending = 0;
  let malformed = 0;

  const send = (message: unknown): void => {
    if (socket.readyState === socket.OPEN) socket.send(encode(message), () => undefined);
  };

  const stopListening = workbench.bus.listen((event, payload) => {
    if (socket.bufferedAmount > stuckBytes) socket.terminate();
    else if (!(socket.bufferedAmount > slowBytes && spare.has(event))) send({ event, payload });
  });
  socket.on('close', stopListening);
  // 'close' follows; an oversized or broken frame is the other side's fault and needs no more.
  socket.on('error', () => undefined);

  socket.on('message', (data, isBinary) => {
    const request = readRequest(data as Buffer, isBinary);
    if (request === undefined) {
      malformed++;
      if (malformed >= mostMalformed) socket.close(1008, 'too many malformed messages');
      return;
    }
    const { number, method, params } = request;
    if (pending >= mostPending) {
      send({
        number,
        ok: false,
        fault: { code: 'busy', message: `more than ${mostPending} requests at once; wait for answers first` },
      });
      return;
    }
    pending++;
    void workbench.request(method, params).then((outcome) => {
      pending--;
      answer(number, outcome);
    });
  });

  function answer(number: number, outcome: object): void {
    try {
      const data = encode({ number, ...outcome });
      if (data.length > longestAnswer) {
        send({
          number,
          ok: false,
          fault: { code: 'too-large', message: 'the answer is too large for the browser; ask for less of it' },
        });
      } else if (socket.readyState === socket.OPEN) socket.send(data, () => undefined);
    } catch (error) {
      send({ number, ok: false, fault: { code: 'failed', message: messageOf(error) } });
    }
  }
}

/** A request's three parts; undefined if the message is not a request. */
function readRequest(
  data: Buffer,
  isBinary: boolean,
): { number: number; method: unknown; params: unknown } | undefined {
  // Windows have no arrays to send.
  if (isBinary) return undefined;
  let message: unknown;
  try {
    message = decode(data.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return undefined;
  const { number, method, params } = message as Record<string, unknown>;
  return Number.isSafeInteger(number) ? { number: number as number, method, params } : undefined;
}
