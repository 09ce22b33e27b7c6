/** Which devices this machine can compute on, each tried in a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deviceNames } from '../../shared/devices.ts';
import type { DeviceName } from '../../shared/devices.ts';
import { moduleBeside } from './launcher.ts';

export type DeviceReport =
  | { readonly name: DeviceName; readonly available: true; readonly title: string; readonly isSoftware: boolean }
  | {
      readonly name: DeviceName;
      readonly available: false;
      readonly title: string;
      readonly reason: string;
      readonly remedy: string;
    };

/** Milliseconds that a driver may take to start. */
const patience = 60_000;

/** All devices, in order of preference. */
export function probeDevices(): Promise<DeviceReport[]> {
  return Promise.all(deviceNames.map(probeDevice));
}

export function probeDevice(name: DeviceName): Promise<DeviceReport> {
  const module = fileURLToPath(moduleBeside('./device-probe', import.meta.url));
  const failed = (reason: string): DeviceReport => ({
    name,
    available: false,
    title: name,
    reason,
    remedy: 'update the driver; the cpu engine does the same work',
  });
  // Electron's binary runs as Node where its fuse allows it.
  const env = { ...process.env, ...(process.versions['electron'] !== undefined && { ELECTRON_RUN_AS_NODE: '1' }) };
  return new Promise((resolve) => {
    execFile(process.execPath, [module, name], { timeout: patience, env }, (error, stdout, stderr) => {
      const line = stdout.split('\n').findLast((each) => each.startsWith('{'));
      if (line !== undefined) {
        const report = JSON.parse(line) as DeviceReport;
        // Dawn says on standard error which driver it could not load.
        const driver = /Couldn't load \w+: [^\n]*/.exec(stderr)?.[0];
        resolve(
          report.available || driver === undefined ? report : { ...report, reason: `${report.reason} (${driver})` },
        );
      } else {
        const how =
          error?.killed === true ? `did not answer within ${patience / 1000} s` : (error?.message ?? 'said nothing');
        resolve(failed(`${how} ${stderr.trim().split('\n').slice(-2).join(' ')}`.trim()));
      }
    });
  });
}
