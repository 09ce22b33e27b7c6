/** The part of the WebAssembly interface that Covature uses: TypeScript declares it only for the DOM, and Node's types leave it out. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: ArrayBufferView | ArrayBufferLike);
  }

  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }

  class Memory {
    /** Sizes in pages of 64 KiB. */
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    /** Growing a shared memory makes a new, longer buffer object on the same bytes. */
    readonly buffer: ArrayBufferLike;
    /** Adds pages and returns how many there were before. Raises a RangeError if there is no room. */
    grow(pages: number): number;
  }
}
