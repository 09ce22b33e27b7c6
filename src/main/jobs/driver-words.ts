/** Translates what drivers and libraries write to standard error while a device is opened into plain words. */

/** CUDA's libraries by the part that brings them; names of Linux and of Windows. */
const parts: readonly (readonly [string, RegExp])[] = [
  ["NVIDIA's driver", /^(libcuda\.so|nvcuda\.dll)/],
  ['cuDNN 8.1', /cudnn/],
  [
    'CUDA 11.2 (later 11.x name their libraries alike, CUDA 12 does not)',
    /cudart|cublas|cufft|curand|cusolver|cusparse/,
  ],
];

export interface DriverWords {
  /** Why no card was found; null: nothing was said. */
  readonly reason: string | null;
  /** What to install, more precisely than the loader knows; null: there was no hint. */
  readonly remedy: string | null;
}

export function driverWords(stderr: string): DriverWords {
  // Dawn's.
  const vulkan = /Couldn't load \w+: [^\n]*/.exec(stderr)?.[0];
  if (vulkan !== undefined) return { reason: vulkan, remedy: null };
  // TensorFlow's: "Could not load dynamic library 'libcudnn.so.8'; dlerror: ...".
  const missing = [
    ...new Set([...stderr.matchAll(/Could not load dynamic library '([^']+)'/g)].map(([, name]) => name)),
  ];
  if (missing.length > 0) {
    const needed = parts.filter(([, names]) => missing.some((name) => names.test(name))).map(([part]) => part);
    const where = missing.some((name) => name.endsWith('.dll'))
      ? 'PATH'
      : 'the library path (ldconfig or LD_LIBRARY_PATH)';
    return {
      reason: `it could not load ${missing.join(', ')}`,
      remedy:
        needed.length === 0
          ? null
          : `install ${needed.join(' and ')}, so that ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} on ${where}`,
    };
  }
  const cuda = /CUDA_ERROR_\w+(: [^\n]*)?/.exec(stderr)?.[0];
  return { reason: cuda ?? null, remedy: null };
}
