/** Where a result comes from: code, packages, machine. Gathered once per process; nothing here may make a run fail. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, hostname, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface CodeVersion {
  readonly version: string;
  /** Commit of the checkout, or null outside one. */
  readonly commit: string | null;
  /** Whether tracked files differ from that commit; null outside a checkout. */
  readonly modified: boolean | null;
}

export interface Provenance {
  readonly code: CodeVersion;
  readonly node: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly memory: number;
    readonly platform: string;
    readonly host: string;
  };
}

const root = new URL('../../', import.meta.url);

interface PackageFile {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  /** Of an installed package: the checkout it was packed from (scripts/pack.mjs). */
  readonly covature?: { readonly commit: string | null; readonly modified: boolean | null };
  /** Address of a JSON document of the newest release (GitHub's form: tag_name, html_url); packaging writes it in. */
  readonly releases?: string;
}

export function readPackage(): PackageFile {
  return JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as PackageFile;
}

/** The host of the address of releases; null if there is none. */
export function releasesHost(): string | null {
  const { releases } = readPackage();
  return releases !== undefined && URL.canParse(releases) ? new URL(releases).host : null;
}

/** "Covature 0.1.0 (1a2b3c4d5e)": version and commit, and whether the checkout has changes of its own. */
export function softwareText({
  version,
  commit,
  modified,
}: Partial<CodeVersion> & Pick<CodeVersion, 'version'>): string {
  const state = modified === true ? ', modified' : '';
  return `Covature ${version}${typeof commit === 'string' ? ` (${commit.slice(0, 10)}${state})` : ''}`;
}

/** What this process runs: asked of git once, since the code was read when the process began. */
const ownCode = once((): CodeVersion => {
  const description = readPackage();
  return { version: description.version, ...(description.covature ?? checkout()) };
});

/** What draws and writes here, for figures and reports. */
export function ownSoftware(): string {
  return softwareText(ownCode());
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

export function gatherProvenance(): Provenance {
  const description = readPackage();
  return {
    code: ownCode(),
    node: process.versions.node,
    packages: description.dependencies,
    machine: {
      processor: cpus()[0]?.model.trim() ?? arch(),
      cores: cpus().length,
      memory: totalmem(),
      platform: `${platform()} ${release()} ${arch()}`,
      host: hostname(),
    },
  };
}

function checkout(): Pick<CodeVersion, 'commit' | 'modified'> {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', fileURLToPath(root), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 2000,
    }).trim();
  try {
    const commit = git('rev-parse', 'HEAD');
    return { commit, modified: git('status', '--porcelain', '--untracked-files=no') !== '' };
  } catch {
    return packedCommit();
  }
}

/** What the packaging of the desktop wrote down (out/packed.json); elsewhere the version number has to do. */
function packedCommit(): Pick<CodeVersion, 'commit' | 'modified'> {
  try {
    return JSON.parse(readFileSync(new URL('out/packed.json', root), 'utf8')) as Pick<
      CodeVersion,
      'commit' | 'modified'
    >;
  } catch {
    return { commit: null, modified: null };
  }
}
