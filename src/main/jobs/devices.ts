/** Which devices this machine can compute on, each tried in a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openDevice } from '../../engine/backend/tfjs/load.ts';
import { deviceNames } from '../../shared/devices.ts';
import type { DeviceName } from '../../shared/devices.ts';
import { explained } from './cuda-pieces.ts';
import { driverWords } from './driver-words.ts';
import type { DriverWords } from './driver-words.ts';
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
export async function probeDevices(): Promise<DeviceReport[]> {
  if (!isElectron) return Promise.all(deviceNames.map(probeDevice));
  const reports: DeviceReport[] = [];
  for (const name of deviceNames) reports.push(await probeDevice(name));
  return reports;
}

/** Electron's binary starts the application, never a script (its fuse RunAsNode is off): there the caller's own process tries, a job's or the helper's. */
const isElectron = process.versions['electron'] !== undefined;

async function probeHere(name: DeviceName): Promise<DeviceReport> {
  const outcome = await openDevice(name);
  if (!outcome.available) return explained({ ...outcome });
  const { title, isSoftware } = outcome.device;
  outcome.device.close();
  return { name, available: true, title, isSoftware };
}

function withWords(report: DeviceReport & { available: false }, { reason, remedy }: DriverWords): DeviceReport {
  return {
    ...report,
    reason: reason === null ? report.reason : `${report.reason} (${reason})`,
    remedy: remedy ?? report.remedy,
  };
}

export function probeDevice(name: DeviceName): Promise<DeviceReport> {
  if (isElectron) return probeHere(name);
  const module = fileURLToPath(moduleBeside('./device-probe', import.meta.url));
  const failed = (reason: string): DeviceReport => ({
    name,
    available: false,
    title: name,
    reason,
    remedy: 'update the driver; the cpu engine does the same work',
  });
  return new Promise((resolve) => {
    // Warnings too: TensorFlow's say which libraries it did not find.
    const env = { TF_CPP_MIN_LOG_LEVEL: '1', ...process.env };
    execFile(process.execPath, [module, name], { timeout: patience, env }, (error, stdout, stderr) => {
      const line = stdout.split('\n').findLast((each) => each.startsWith('{'));
      if (line !== undefined) {
        const report = JSON.parse(line) as DeviceReport;
        resolve(report.available ? report : withWords(report, driverWords(stderr)));
      } else {
        const how =
          error?.killed === true ? `did not answer within ${patience / 1000} s` : (error?.message ?? 'said nothing');
        resolve(failed(`${how} ${stderr.trim().split('\n').slice(-2).join(' ')}`.trim()));
      }
    });
  });
}
