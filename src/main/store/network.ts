/** Disks of other machines: SQLite's shared memory and locks are not sound on them as soon as two machines use one store. */
import { statfsSync } from 'node:fs';

/** Types of file system as Linux numbers them (statfs(2), linux/magic.h and the file systems' own sources). */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x00c36400, 'Ceph'],
  [0x01021997, '9P'],
]);

/** What to tell the user of a store on another machine's disk; undefined for a local one, and where the system does not say (macOS, Windows). */
export function networkWarning(folder: string, type = typeOf(folder)): string | undefined {
  const name = type === undefined ? undefined : networkFileSystems.get(type >>> 0);
  if (name === undefined) return undefined;
  return (
    `the store in ${folder} is on a network disk (${name}): one process at a time can write there, and machines must take turns. ` +
    'Keep it on a local disk (COVATURE_HOME) and import runs made elsewhere'
  );
}

function typeOf(folder: string): number | undefined {
  return process.platform === 'linux' ? statfsSync(folder).type : undefined;
}
