/** The device that a job computes with beside the cpu, if any. */
import { openDevice } from '../../engine/backend/tfjs/load.ts';
import type { DeviceOutcome, OpenDevice } from '../../engine/backend/tfjs/device.ts';
import type { DeviceName } from '../../shared/devices.ts';
import { InputError } from '../../shared/errors.ts';
import type { RateBook } from '../forecast/rates.ts';
import { mayHaveCard } from './calibration.ts';
import { probeDevice } from './devices.ts';
import type { DeviceReport } from './devices.ts';
import type { EngineOptions } from './protocol.ts';

/** How devices are found; tests replace it. */
export interface DeviceFinding {
  readonly mayHaveCard: () => boolean;
  readonly probe: (name: DeviceName) => Promise<DeviceReport>;
  readonly open: (name: DeviceName) => Promise<DeviceOutcome>;
}

const usual: DeviceFinding = { mayHaveCard: () => mayHaveCard(), probe: probeDevice, open: (name) => openDevice(name) };

/** Those that `auto` may pick: cards. */
const cards = ['cuda', 'webgpu'] as const;
/** Milliseconds before a card that was not found is searched for again. */
const absentFor = 24 * 3600 * 1000;

/** The device of a job, opened when first asked for. */
export class JobDevices {
  readonly #options: EngineOptions;
  readonly #say: (message: string) => void;
  readonly #finding: DeviceFinding;
  #opened: Promise<OpenDevice | null> | null = null;

  /** @param say reports to the user what differs from the expected. */
  constructor(options: EngineOptions, say: (message: string) => void, finding: DeviceFinding = usual) {
    this.#options = options;
    this.#say = say;
    this.#finding = finding;
  }

  /** Whether calibration decides. */
  get isAuto(): boolean {
    return (this.#options.backend ?? 'auto') === 'auto';
  }

  /**
   * The device that the user named, or for `auto` a card if there is one; null: the cpu. Raises InputError if the named one does not open.
   * @param known rates of this machine, in which a card that was not found today stands too; null: `auto` does not look.
   */
  open(known: RateBook | null): Promise<OpenDevice | null> {
    return (this.#opened ??= this.isAuto ? this.#card(known) : this.#named());
  }

  async close(): Promise<void> {
    const device = await this.#opened?.catch(() => null);
    this.#opened = null;
    device?.close();
  }

  async #named(): Promise<OpenDevice | null> {
    const { backend = 'auto' } = this.#options;
    if (backend === 'cpu' || backend === 'auto') return null;
    const outcome = await this.#finding.open(backend);
    if (!outcome.available)
      throw new InputError(`${outcome.title} is not available: ${outcome.reason}. To have it: ${outcome.remedy}`);
    if (outcome.device.isSoftware)
      this.#say(`${outcome.device.title} computes on the processor: correct, but slower than --backend cpu`);
    return outcome.device;
  }

  /** The first card that opens. Each is tried in a process of its own first: a driver that crashes must not end a job that did not ask for it. */
  async #card(book: RateBook | null): Promise<OpenDevice | null> {
    if (book === null || !this.#finding.mayHaveCard()) return null;
    for (const name of cards) {
      const absent = book.known(`device/${name}`)?.['absent'];
      if (absent !== undefined && Date.now() - absent < absentFor) continue;
      const report = await this.#finding.probe(name);
      if (report.available && !report.isSoftware) {
        const outcome = await this.#finding.open(name);
        if (outcome.available) return outcome.device;
      }
      book.measured[`device/${name}`] = { absent: Date.now() };
    }
    return null;
  }
}
