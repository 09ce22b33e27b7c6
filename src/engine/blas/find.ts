/**
 * Which native BLAS to use. The order is a path set by the user, macOS Accelerate, OpenBLAS, MKL; if none opens, the WebAssembly
 * kernels are used. What was tried and why it failed is recorded: `covature doctor` and the settings screen show it.
 * OpenBLAS comes before MKL, which was slower on the one processor where both were measured (docs/method.md). The order is fixed, not measured on each machine:
 * results differ between libraries in the last digits, so which one is used must not depend on how busy a machine was for a second.
 */
import { openNativeBlas } from './native.ts';
import type { Blas } from './types.ts';

export interface LibraryAttempt {
  readonly path: string;
  readonly error: string;
}

export interface FoundBlas {
  readonly blas: Blas | undefined;
  readonly attempts: readonly LibraryAttempt[];
}

/** The names under which the libraries are found by each system's loader, in order of preference. */
export function candidatePaths(platform: NodeJS.Platform): readonly string[] {
  switch (platform) {
    case 'darwin':
      return [
        '/System/Library/Frameworks/Accelerate.framework/Accelerate',
        '/opt/homebrew/opt/openblas/lib/libopenblas.dylib',
        '/usr/local/opt/openblas/lib/libopenblas.dylib',
      ];
    case 'win32':
      return ['libopenblas.dll', 'openblas.dll', 'mkl_rt.3.dll', 'mkl_rt.2.dll', 'mkl_rt.dll'];
    default:
      return [
        'libopenblas.so.0',
        'libopenblas.so',
        'libopenblaso.so.0',
        'libmkl_rt.so.3',
        'libmkl_rt.so.2',
        'libmkl_rt.so',
        '/opt/intel/oneapi/mkl/latest/lib/libmkl_rt.so.2',
      ];
  }
}

/** The one line that installs a native BLAS on a platform. */
export function installHint(platform: NodeJS.Platform): string {
  switch (platform) {
    case 'darwin':
      return 'brew install openblas';
    case 'win32':
      return 'download OpenBLAS from https://github.com/OpenMathLib/OpenBLAS/releases and set COVATURE_BLAS to its libopenblas.dll';
    default:
      return 'sudo apt-get install libopenblas0-pthread   (Fedora: sudo dnf install openblas-threads)';
  }
}

/**
 * Opens the first native library that works. With `chosen` (a path set by the user) only that is tried, and its failure is raised as an Error:
 * silently using another library than the one asked for would change results.
 */
export function findNativeBlas(platform: NodeJS.Platform, chosen?: string): FoundBlas {
  if (chosen !== undefined && chosen !== '') return { blas: openNativeBlas(chosen), attempts: [] };
  const attempts: LibraryAttempt[] = [];
  for (const path of candidatePaths(platform)) {
    try {
      return { blas: openNativeBlas(path), attempts };
    } catch (error) {
      attempts.push({ path, error: error instanceof Error ? error.message : String(error) });
    }
  }
  return { blas: undefined, attempts };
}
