/** Peak resident memory of this process. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects garbage and resets the peak if the system can (Linux); elsewhere the peak remains that of the whole process. */
export function resetPeak(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Not Linux, or no permission: `peakBytes` then covers the whole process.
  }
}

/** The most memory that was resident since `resetPeak`, in bytes. */
export function peakBytes(): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (line?.[1] !== undefined) return 1024 * Number(line[1]);
  } catch {
    // No /proc: the portable value.
  }
  return 1024 * process.resourceUsage().maxRSS;
}
