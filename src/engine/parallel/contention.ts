/**
 * Keeping a library's threads from waiting for one another where other processes hold the cores. A multi-threaded LAPACK call meets thousands of
 * barriers, and each lasts as long as the slowest thread is away: a decomposition of 1.3 s on a quiet machine takes 25 s beside two busy loops, where
 * one thread takes 6 s. OpenBLAS reads its number of threads anew in every inner call, so a call under way can be told from outside to go on with fewer.
 */
import { cpus } from 'node:os';
import type { Blas } from '../blas/types.ts';

/** What cores did over a stretch of time, in cores: 1 is one core all the time. */
export interface Load {
  /** Of this process. */
  readonly own: number;
  /** Of all processes, this one with them; NaN where the system does not say. */
  readonly all: number;
  /** Cores of the machine. */
  readonly cores: number;
}

const watchedMilliseconds = 250;
/** A thread that nothing disturbs computes or spins all the time, in a serial part of the call too: less than this is contention. */
const undisturbed = 0.75;

/** Threads, at most `threads`, that do not get into other processes' way. */
export function threadsFor(threads: number, { own, all, cores }: Load): number {
  if (own < undisturbed) return 1;
  const others = Number.isNaN(all) ? 0 : Math.max(0, all - own);
  return Math.min(threads, Math.max(1, Math.floor(cores - others + 0.5)));
}

/**
 * Runs `body`, a call that uses `threads` threads of the library, and lowers their number (in steps, never raising it again) when others take the cores.
 * `body` sets the number itself. A lower number changes the last digits of a result, as another number does from the start.
 */
export async function yieldingThreads<T>(blas: Blas, threads: number, body: () => Promise<T>): Promise<T> {
  if (blas.kind !== 'native' || threads < 2) return body();
  let allowed = threads;
  let last = reading();
  const timer = setInterval(() => {
    const now = reading();
    const next = threadsFor(allowed, loadBetween(last, now));
    last = now;
    if (next < allowed) blas.setThreads((allowed = next));
  }, watchedMilliseconds);
  try {
    return await body();
  } finally {
    clearInterval(timer);
  }
}

interface Reading {
  /** Milliseconds: of the clock, of this process, busy and in all of all cores. */
  readonly clock: number;
  readonly own: number;
  readonly busy: number;
  readonly total: number;
  readonly cores: number;
}

function reading(): Reading {
  const { user, system } = process.cpuUsage();
  const list = cpus();
  let [busy, total] = [0, 0];
  for (const { times } of list) {
    const working = times.user + times.nice + times.sys + times.irq;
    busy += working;
    total += working + times.idle;
  }
  return { clock: performance.now(), own: (user + system) / 1000, busy, total, cores: list.length };
}

function loadBetween(from: Reading, to: Reading): Load {
  const clock = to.clock - from.clock;
  const total = to.total - from.total;
  return {
    own: (to.own - from.own) / clock,
    all: total > 0 ? (to.cores * (to.busy - from.busy)) / total : NaN,
    cores: Math.max(1, to.cores),
  };
}
