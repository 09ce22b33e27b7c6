/** covature doctor */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import { messageOf } from '../../../shared/errors.ts';
import { installHint } from '../../../engine/blas/find.ts';
import { openEngine } from '../../jobs/engine.ts';
import { availableMemory } from '../../jobs/memory.ts';
import { probeDevices } from '../../jobs/devices.ts';
import { gatherProvenance, softwareText } from '../../provenance.ts';
import { defaultStoreFolder, restoreStore } from '../../store/index.ts';
import { engineFlags, engineOf, openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags, FlagValues } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { formatNumber } from '../format.ts';
import { ProgressLine } from '../progress.ts';
import { personalHere, withoutPersonal } from '../support-report.ts';

const flags = {
  repair: { schema: toggle, help: 'repair what can be repaired: remove orphan files, mark missing or damaged ones' },
  quick: { schema: toggle, help: 'check only sizes of files, not their checksums' },
  backup: {
    schema: toggle,
    value: '[DIR]',
    help: 'write a backup',
    otherwise: 'a new folder in the store\'s "backups"',
  },
  restore: {
    schema: v.string(),
    value: 'PATH',
    help: 'replace the store by a backup; the former store is kept beside it',
  },
  report: {
    schema: toggle,
    help: 'print what a maintainer needs to know when something fails: versions, machine, libraries, state of the store; paths are shortened, and names of the user, the machine and runs left out',
  },
  out: { schema: v.string(), value: 'FILE', help: 'save what was printed', requires: ['report'] },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature doctor [--repair] [options]
       covature doctor --backup [DIR]
       covature doctor --restore BACKUP
       covature doctor --report [--out FILE]

Says what this machine computes with and why something is unavailable, and checks the store: database, series, and every file
against its checksum.

${flagsHelp(flags)}`;

export const doctor: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, flags, [0, 1]);
    const json = values.json;
    if (values.restore !== undefined) {
      const folder = path.resolve(values.store ?? defaultStoreFolder());
      const replaced = await restoreStore(folder, path.resolve(values.restore));
      if (json) printJson({ restored: folder, replaced: replaced ?? null });
      else
        process.stdout.write(
          `restored ${folder}${replaced === undefined ? '' : `; what was there is in ${replaced}`}\n`,
        );
      return 0;
    }
    if (values.backup) {
      using store = openStoreFor(values, false);
      const destination = positionals[0];
      const info = await store.backup(destination === undefined ? undefined : path.resolve(destination));
      if (json) printJson(info);
      else
        process.stdout.write(`backup of ${info.runs} runs (${formatNumber(info.bytes / 1e6, 3)} MB) in ${info.path}\n`);
      return 0;
    }
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    const machine = await describeMachine(values);
    const store = await checkStore(values);
    if (values.report) {
      const text = reportText(machine, store);
      process.stdout.write(text);
      if (values.out !== undefined) {
        await writeFile(values.out, text);
        process.stderr.write(`saved as ${values.out}\n`);
      }
      return 0;
    }
    if (json) printJson({ ...machine, store });
    else process.stdout.write(`${machineText(machine)}\n${storeText(store)}\n`);
    return machine.engine.error === null && (store === null || store.problems.every((problem) => problem.mended))
      ? 0
      : 1;
  },
};

/** For a maintainer; nothing personal in it. */
function reportText(
  machine: Awaited<ReturnType<typeof describeMachine>>,
  store: Awaited<ReturnType<typeof checkStore>>,
): string {
  const packages = Object.entries(machine.provenance.packages).map(([name, version]) => `${name} ${version}`);
  const text = `${machineText(machine)}\npackages: ${packages.join(', ')}\n${storeText(store)}\n`;
  return withoutPersonal(text, personalHere());
}

async function describeMachine(values: FlagValues<typeof flags>) {
  const provenance = gatherProvenance();
  const devices = await probeDevices();
  try {
    const { report, attempts, memoryLimit } = await openEngine(engineOf(values));
    return {
      provenance,
      devices,
      engine: { ...report, attempts, memoryLimit, error: null },
      memory: availableMemory(),
    };
  } catch (error) {
    return {
      provenance,
      devices,
      engine: { blas: null, attempts: [], memoryLimit: 0, error: messageOf(error) },
      memory: availableMemory(),
    };
  }
}

function machineText({ provenance, engine, devices, memory }: Awaited<ReturnType<typeof describeMachine>>): string {
  const { code, machine } = provenance;
  const lines = [
    `${softwareText(code)}, Node ${provenance.node}`,
    `${machine.processor}, ${machine.cores} cores, ${formatNumber(memory / 1e9, 3)} of ${formatNumber(machine.memory / 1e9, 3)} GB of memory free; ${machine.platform}`,
  ];
  if (engine.error !== null) lines.push(`BLAS: ${engine.error}`);
  else {
    lines.push(`BLAS: ${engine.blas ?? ''}; a measurement may take ${formatNumber(engine.memoryLimit / 1e9, 3)} GB`);
    for (const { path: library, error } of engine.attempts) lines.push(`  tried ${library}: ${error.split('\n')[0]}`);
    if ('kind' in engine && engine.kind === 'wasm')
      lines.push(`  to install a native one: ${installHint(process.platform)}`);
  }
  for (const device of devices) {
    if (device.available)
      lines.push(
        `${device.title}: available${device.isSoftware ? ', computed by the processor: used only if --backend asks for it' : ''}`,
      );
    else lines.push(`${device.title}: not available: ${device.reason}`, `  to have it: ${device.remedy}`);
  }
  return lines.join('\n');
}

async function checkStore(values: FlagValues<typeof flags>) {
  const folder = path.resolve(values.store ?? defaultStoreFolder());
  if (!existsSync(folder)) return null;
  using store = openStoreFor(values, !values.repair);
  const progress = new ProgressLine();
  const report = await store.doctor({
    repair: values.repair,
    checksums: !values.quick,
    progress: (done, total) => {
      progress.show('checking files', done / total, null);
    },
  });
  progress.clear();
  return { folder, ...report, size: store.storeSize() };
}

function storeText(store: Awaited<ReturnType<typeof checkStore>>): string {
  if (store === null) return 'store: none yet';
  const { size, problems } = store;
  const megabytes = (bytes: number): string => `${formatNumber(bytes / 1e6, 3)} MB`;
  const lines = [
    `store: ${store.folder}`,
    `  ${store.runs} runs, ${store.artifacts} files; database ${megabytes(size.database)}, files ${megabytes(size.artifacts)}, backups ${megabytes(size.backups)}`,
    problems.length === 0
      ? '  no problems found'
      : `  ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}:`,
  ];
  for (const { message, mended } of problems) lines.push(`  - ${message}${mended ? ' (repaired)' : ''}`);
  if (problems.some((problem) => !problem.mended))
    lines.push('  "covature doctor --repair" repairs what can be repaired');
  return lines.join('\n');
}
