/**
 * Convolutions on the cpu without all their patches in memory at once: small ones by kernels that read the images directly, all others by the
 * library's products over the patches of as many images as stay in a core's cache. Letters: N images, k numbers a window, F filters.
 */
import type { Blas, Precision } from '../blas/types.ts';
import type { CpuLoops } from './cpu-loops.ts';
import type { CpuMemory } from './cpu-memory.ts';
import type { CpuTensor } from './cpu-tensor.ts';
import { ServedLoops } from './served.ts';
import type { Window2d } from './types.ts';
import { isDense, isWithin } from './windows.ts';

/** Bytes of patches at once, if one image's are fewer. */
const blockBytes = 2 ** 18;
/** Multiply-adds per place (k F) up to which the kernels are faster. */
const largestDirect = 160;
/** Bytes of all patches of a pass up to which they are kept for its gradient: in a core's cache they cost less than gathering them once more. */
const largestKept = 2 ** 19;

type Body = (images: CpuTensor, outputs: CpuTensor) => void;

export class CpuConvolution extends ServedLoops {
  readonly #blas: Blas;
  readonly #memory: CpuMemory;
  readonly #loops: CpuLoops;
  /** What `convolve` kept for the gradient of the same pass, by window. */
  readonly #kept = new Map<Window2d, { readonly x: CpuTensor; readonly columns: CpuTensor }>();

  constructor(memory: CpuMemory, loops: CpuLoops, precision: Precision) {
    super(memory.blas, precision);
    this.#blas = memory.blas;
    this.#memory = memory;
    this.#loops = loops;
  }

  /** z [N outHeight outWidth, F] from x [N height width, channels] and kernel [k, F]. */
  convolve(x: CpuTensor, kernel: CpuTensor, bias: CpuTensor | null, window: Window2d, z: CpuTensor): void {
    const kernels = this.#isDirect(window, kernel) ? this.serving(x, kernel, z, bias ?? z) : null;
    if (kernels !== null) {
      const { image, padded } = this.#padded(x, window);
      kernels.convolution(...this.#shape(image, padded, kernel.cols), kernel.at, bias?.at ?? 0, z.at);
      return;
    }
    this.#kept.delete(window);
    if (z.rows * kernel.rows * this.bytes <= largestKept && !isPointwise(window)) {
      const columns = this.#patches(x, window, z.rows, kernel.rows);
      this.#kept.set(window, { x, columns });
      if (bias !== null) this.#loops.repeatRow(bias, z);
      this.#multiply(columns, kernel, z, bias === null ? 0 : 1);
      return;
    }
    this.#byBlocks(x, window, z, false, (images, outputs) => {
      const columns = this.#patches(images, window, outputs.rows, kernel.rows);
      if (bias !== null) this.#loops.repeatRow(bias, outputs);
      this.#multiply(columns, kernel, outputs, bias === null ? 0 : 1);
    });
  }

  /** The gradient by x [N height width, channels] from dz. */
  convolveBack(dz: CpuTensor, kernel: CpuTensor, window: Window2d, dx: CpuTensor): void {
    const bytes = dz.rows * kernel.rows * this.bytes;
    this.#byBlocks(dx, window, dz, bytes <= largestKept, (images, outputs) => {
      const isSame = isPointwise(window);
      const columns = isSame ? images : this.#memory.take(outputs.rows, kernel.rows);
      const { rows, cols } = outputs;
      this.#blas.gemm(
        ...([false, true, rows, kernel.rows, cols, 1, outputs.data, cols, kernel.data, cols, 0] as const),
        columns.data,
        kernel.rows,
      );
      if (!isSame) this.#loops.scatterPatches(columns, window, images);
    });
  }

  /**
   * Both gradients at stride 1 from one gathering: with the patches of dz [N height width, kernelHeight kernelWidth F] (windows that reach where the convolution's own
   * came from), dx is their product with the flipped kernel, and x^T times them is the flipped gradient of the kernel. False if that is not possible, or would
   * gather more than patches of x hold.
   */
  gradients(x: CpuTensor, dz: CpuTensor, kernel: CpuTensor, window: Window2d, dx: CpuTensor, dw: CpuTensor): boolean {
    const { kernelHeight, kernelWidth, strideY, strideX, channels, padTop, padLeft } = window;
    const isClose = strideY === 1 && strideX === 1 && isDense(window) && kernelHeight > padTop && kernelWidth > padLeft;
    const filters = kernel.cols;
    const kernels = isClose && !isPointwise(window) && filters <= channels ? this.serving(x, dz, kernel) : null;
    if (kernels === null || this.#kept.has(window)) return false;
    const taps = kernelHeight * kernelWidth;
    const back: Window2d = {
      ...window,
      height: window.outHeight,
      width: window.outWidth,
      channels: filters,
      padTop: kernelHeight - 1 - padTop,
      padLeft: kernelWidth - 1 - padLeft,
      outHeight: window.height,
      outWidth: window.width,
    };
    const turned = this.#memory.take(taps * filters, channels);
    const sums = this.#memory.take(channels, taps * filters);
    if (turned.at < 0 || sums.at < 0) return false;
    const [row, tap] = [filters * this.bytes, channels * filters * this.bytes];
    for (let t = 0; t < taps; t++)
      kernels.swapAxes(1, channels, filters, this.bytes, kernel.at + t * tap, turned.at + (taps - 1 - t) * tap);
    let keep = 0;
    this.#byBlocks(dz, back, dx, false, (gradients, images) => {
      const columns = this.#patches(gradients, back, images.rows, turned.rows);
      this.#multiply(columns, turned, images, 0);
      const first = (images.data.byteOffset - dx.data.byteOffset) / this.bytes;
      const { rows, cols } = images;
      const from = x.data.subarray(first, first + rows * cols);
      const wide = sums.cols;
      this.#blas.gemm(true, false, cols, wide, rows, 1, from, cols, columns.data, wide, keep, sums.data, wide);
      keep = 1;
    });
    for (let t = 0; t < taps; t++)
      kernels.copyRows(channels, row, sums.at + (taps - 1 - t) * row, taps * row, dw.at + t * tap, row);
    return true;
  }

  /** target [k, F] = alpha patches(x)^T dz + beta target. */
  accumulate(target: CpuTensor, alpha: number, x: CpuTensor, dz: CpuTensor, window: Window2d, beta: number): void {
    const kernels = target.rows >= 4 && this.#isDirect(window, target) ? this.serving(x, dz, target) : null;
    if (kernels !== null) {
      const { image, padded } = this.#padded(x, window);
      const gradient = this.#memory.take(target.rows, target.cols);
      kernels.convolutionWeights(...this.#shape(image, padded, target.cols), dz.at, gradient.at);
      this.#loops.blend(target, alpha, gradient, beta);
      return;
    }
    const patches = this.#kept.get(window);
    const { rows, cols } = target;
    if (patches?.x === x) {
      this.#kept.delete(window);
      const { data } = patches.columns;
      this.#blas.gemm(true, false, rows, cols, dz.rows, alpha, data, rows, dz.data, cols, beta, target.data, cols);
      return;
    }
    let keep = beta;
    this.#byBlocks(x, window, dz, false, (images, outputs) => {
      const columns = this.#patches(images, window, outputs.rows, target.rows);
      this.#blas.gemm(
        ...([true, false, rows, cols, outputs.rows, alpha, columns.data, rows, outputs.data, cols, keep] as const),
        target.data,
        cols,
      );
      keep = 1;
    });
  }

  /** Calls `body` with the rows of some images in x, and with those of their windows in z; of all images at once if `isWhole`. */
  #byBlocks(x: CpuTensor, window: Window2d, z: CpuTensor, isWhole: boolean, body: Body): void {
    const [places, windows] = [window.height * window.width, window.outHeight * window.outWidth];
    const count = x.rows / places;
    const bytes = windows * window.kernelHeight * window.kernelWidth * window.channels * this.bytes;
    const block = isWhole ? count : Math.max(1, Math.floor(blockBytes / bytes));
    for (let from = 0; from < count; from += block) {
      const to = Math.min(count, from + block);
      this.#memory.scope(() => {
        body(
          rowsOf(this.#memory, x, from * places, to * places),
          rowsOf(this.#memory, z, from * windows, to * windows),
        );
      });
    }
  }

  #patches(images: CpuTensor, window: Window2d, rows: number, inner: number): CpuTensor {
    if (isPointwise(window)) return images;
    const columns = this.#memory.take(rows, inner);
    this.#loops.gatherPatches(images, window, columns);
    return columns;
  }

  /** c = a b + beta c */
  #multiply(a: CpuTensor, b: CpuTensor, c: CpuTensor, beta: number): void {
    const [m, k, n] = [a.rows, a.cols, b.cols];
    this.#blas.gemm(false, false, m, n, k, 1, a.data, k, b.data, n, beta, c.data, n);
  }

  /** Whether the kernels without patches can be used, and are faster. */
  #isDirect(window: Window2d, { rows, cols }: CpuTensor): boolean {
    const isPlain = window.strideY === window.strideX && isDense(window);
    return isPlain && (cols * this.bytes) % 32 === 0 && rows * cols <= largestDirect;
  }

  /** The images with zeros around them, so that every window lies within, and the window over those. */
  #padded(x: CpuTensor, window: Window2d): { image: CpuTensor; padded: Window2d } {
    if (isWithin(window)) return { image: x, padded: window };
    const { height, width, channels, padTop, padLeft } = window;
    const bottom = Math.max(0, (window.outHeight - 1) * window.strideY + window.kernelHeight - height - padTop);
    const right = Math.max(0, (window.outWidth - 1) * window.strideX + window.kernelWidth - width - padLeft);
    const padded = {
      ...window,
      height: padTop + height + bottom,
      width: padLeft + width + right,
      padTop: 0,
      padLeft: 0,
    };
    const images = x.rows / (height * width);
    const image = this.#memory.take(images * padded.height * padded.width, channels);
    const place = channels * this.bytes;
    const row = padded.width * place;
    const kernels = this.serving(x, image, image);
    if (kernels === null) throw new Error('no room in the WebAssembly memory');
    kernels.pad(
      images,
      height,
      width * place,
      padTop * row,
      padLeft * place,
      right * place,
      bottom * row,
      x.at,
      image.at,
    );
    return { image, padded };
  }

  /** The arguments of a kernel before its own tensors. */
  #shape(
    image: CpuTensor,
    { height, width, channels, kernelHeight, kernelWidth, strideY, outHeight, outWidth }: Window2d,
    filters: number,
  ) {
    const row = width * channels * this.bytes;
    const images = image.rows / (height * width);
    return [
      ...([this.double, images, channels, kernelHeight, kernelWidth, strideY, outHeight, outWidth, filters] as const),
      ...([row, height * row, image.at] as const),
    ] as const;
  }
}

/** A window of one place at every place: the patches are the images. */
function isPointwise({
  kernelHeight,
  kernelWidth,
  strideY,
  strideX,
  padTop,
  padLeft,
  height,
  outHeight,
  width,
  outWidth,
}: Window2d): boolean {
  const isOne = kernelHeight === 1 && kernelWidth === 1 && strideY === 1 && strideX === 1;
  return isOne && padTop === 0 && padLeft === 0 && height === outHeight && width === outWidth;
}

function rowsOf(memory: CpuMemory, x: CpuTensor, from: number, to: number): CpuTensor {
  if (from === 0 && to === x.rows) return x;
  return memory.wrap(x.data.subarray(from * x.cols, to * x.cols), to - from, x.cols);
}
