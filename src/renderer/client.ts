/** The window's end of the contract: the preload bridge in the desktop shell, a WebSocket in the browser. */
import type {
  Arguments,
  ChosenFile,
  Client,
  ContractEvents,
  EventName,
  Method,
  Outcome,
  Result,
} from '../shared/contract/index.ts';
import { eventNames, FaultError } from '../shared/contract/index.ts';
import { bridgeName } from '../shared/contract/bridge.ts';
import type { Bridge, MenuCommand } from '../shared/contract/bridge.ts';
import { decode, encode } from '../shared/contract/wire.ts';
import type { MainMessage } from '../shared/contract/wire.ts';
import type { Press } from './state/press.ts';

export type ConnectionState =
  | { readonly kind: 'connecting' }
  /** `again`: after the connection was lost; every snapshot has to be requested again. */
  | { readonly kind: 'connected'; readonly again: boolean }
  /** Tried again automatically. */
  | { readonly kind: 'lost' }
  /** The token is wrong or has been used: the address printed by `covature serve` has to be opened again. */
  | { readonly kind: 'refused' };

export interface WorkbenchClient extends Client {
  readonly shell: 'desktop' | 'browser';
  readonly state: ConnectionState;
  /** Returns a function that stops listening. */
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Commands of the native menu; never called in the browser. */
  onCommand(listener: (command: MenuCommand) => void): () => void;
  /** Tokens of files that the user dropped onto the window; none in the browser, where a page does not learn their paths. */
  openDropped(files: readonly File[]): Promise<readonly ChosenFile[]>;
}

/** Connects in the way that fits how the page was opened. */
export function connectClient(): WorkbenchClient {
  const bridge = (globalThis as Partial<Record<typeof bridgeName, Bridge>>)[bridgeName];
  return bridge === undefined ? new SocketClient() : bridgeClient(bridge);
}

/** The same client, whose answers, events and state wait while a control is pressed (src/renderer/state/press.ts). */
export function heldUnderPress(client: WorkbenchClient, press: Press): WorkbenchClient {
  const held =
    <T>(listener: (value: T) => void): ((value: T) => void) =>
    (value) =>
      press.after(() => listener(value));
  return {
    shell: client.shell,
    get state() {
      return client.state;
    },
    onState: (listener) => client.onState(held(listener)),
    onCommand: (listener) => client.onCommand(listener),
    openDropped: (files) => client.openDropped(files),
    on: (event, listener) => client.on(event, held(listener)),
    request: (method, ...params) =>
      new Promise((resolve, reject) => {
        client.request(method, ...params).then(held(resolve), held(reject));
      }),
  };
}

class Listeners {
  readonly #byEvent = new Map<string, Set<(payload: never) => void>>();

  on<E extends EventName>(event: E, listener: (payload: ContractEvents[E]) => void): () => void {
    let set = this.#byEvent.get(event);
    if (set === undefined) {
      set = new Set();
      this.#byEvent.set(event, set);
    }
    set.add(listener);
    return () => void set.delete(listener);
  }

  tell(event: string, payload: unknown): void {
    if (!(eventNames as readonly string[]).includes(event)) return;
    for (const listener of this.#byEvent.get(event) ?? []) listener(payload as never);
  }
}

function bridgeClient(bridge: Bridge): WorkbenchClient {
  const listeners = new Listeners();
  bridge.listen((event, payload) => {
    listeners.tell(event, payload);
  });
  return {
    shell: 'desktop',
    state: { kind: 'connected', again: false },
    onState: () => () => undefined,
    onCommand: (listener) => bridge.onCommand(listener),
    openDropped: async (files) => valueOf(await bridge.openDropped(files)),
    on: (event, listener) => listeners.on(event, listener),
    async request<M extends Method>(method: M, ...[params]: Arguments<M>): Promise<Result<M>> {
      return valueOf(await bridge.request(method, plain(params)));
    },
  };
}

/** Milliseconds before a lost connection is tried again: doubled each time up to the last. */
const firstRetry = 250;
const lastRetry = 5000;
/** Code with which the main side refuses a cookie. */
const refusedCode = 4401;

class SocketClient implements WorkbenchClient {
  readonly shell = 'browser';
  readonly #listeners = new Listeners();
  readonly #stateListeners = new Set<(state: ConnectionState) => void>();
  readonly #pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  /** Asked for before the connection stood. */
  #waiting: { number: number; data: string | Uint8Array<ArrayBuffer> }[] = [];
  #state: ConnectionState = { kind: 'connecting' };
  #socket: WebSocket | null = null;
  #next = 0;
  #retry = firstRetry;
  #connectedBefore = false;

  constructor() {
    void this.#open();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => void this.#stateListeners.delete(listener);
  }

  onCommand(): () => void {
    return () => undefined;
  }

  openDropped(): Promise<readonly ChosenFile[]> {
    return Promise.resolve([]);
  }

  on<E extends EventName>(event: E, listener: (payload: ContractEvents[E]) => void): () => void {
    return this.#listeners.on(event, listener);
  }

  request<M extends Method>(method: M, ...[params]: Arguments<M>): Promise<Result<M>> {
    return new Promise((resolve, reject) => {
      const number = this.#next++;
      if (this.#state.kind === 'refused') {
        reject(disconnected());
        return;
      }
      this.#pending.set(number, { resolve: resolve as (value: unknown) => void, reject });
      const data = encode({ number, method, params: params ?? {} });
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(data);
      else this.#waiting.push({ number, data });
    });
  }

  /** The token comes in the fragment, which no server sees and no log holds; it is exchanged for a cookie that no script sees. */
  async #open(): Promise<void> {
    const token = /^#token=([A-Za-z0-9_-]+)$/.exec(location.hash)?.[1];
    if (token !== undefined) {
      history.replaceState(null, '', location.pathname + location.search);
      try {
        const answer = await fetch('/session', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ token }),
          credentials: 'same-origin',
        });
        if (!answer.ok) {
          this.#refuse();
          return;
        }
      } catch {
        // No answer at all: the connection below will notice the same and try again.
      }
    }
    this.#connect();
  }

  #connect(): void {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/contract`);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#retry = firstRetry;
      for (const { data } of this.#waiting.splice(0)) socket.send(data);
      this.#setState({ kind: 'connected', again: this.#connectedBefore });
      this.#connectedBefore = true;
    });
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.#receive(decode(typeof data === 'string' ? data : new Uint8Array(data)) as MainMessage);
    });
    socket.addEventListener('close', ({ code }) => {
      this.#socket = null;
      // Requests that were sent may or may not have been carried out; those not sent yet keep waiting.
      const waiting = new Set(this.#waiting.map(({ number }) => number));
      for (const [number, { reject }] of this.#pending) {
        if (waiting.has(number)) continue;
        this.#pending.delete(number);
        reject(disconnected());
      }
      if (code === refusedCode) {
        this.#refuse();
        return;
      }
      this.#setState({ kind: 'lost' });
      setTimeout(() => {
        this.#connect();
      }, this.#retry);
      this.#retry = Math.min(lastRetry, 2 * this.#retry);
    });
  }

  #receive(message: MainMessage): void {
    if ('event' in message) {
      this.#listeners.tell(message.event, message.payload);
      return;
    }
    const pending = this.#pending.get(message.number);
    if (pending === undefined) return;
    this.#pending.delete(message.number);
    try {
      pending.resolve(valueOf(message as Outcome<unknown>));
    } catch (error) {
      pending.reject(error as Error);
    }
  }

  #refuse(): void {
    this.#setState({ kind: 'refused' });
    this.#waiting = [];
    for (const { reject } of this.#pending.values()) reject(disconnected());
    this.#pending.clear();
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#stateListeners) listener(state);
  }
}

function valueOf<T>(outcome: Outcome<unknown>): T {
  if (!outcome.ok) throw FaultError.of(outcome.fault);
  return outcome.value as T;
}

/** Reactive proxies and `undefined` do not cross the bridge. */
function plain(params: unknown): unknown {
  return params === undefined ? {} : (JSON.parse(JSON.stringify(params)) as unknown);
}

function disconnected(): FaultError {
  return new FaultError(
    'disconnected',
    'The connection to the program is gone, so it is not known whether this was done. The connection is being tried again; if that fails, check whether the program is still running.',
  );
}
