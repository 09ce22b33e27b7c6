/** The cpu backend's operations on images: convolutions, patches and pooling. */
import type { Blas, Precision } from '../blas/types.ts';
import { CpuConvolution } from './cpu-convolution.ts';
import { CpuLoops } from './cpu-loops.ts';
import { CpuMemory } from './cpu-memory.ts';
import { cpuTensor } from './cpu-tensor.ts';
import type { CpuTensor } from './cpu-tensor.ts';
import type { Tensor, Window2d } from './types.ts';
import { averageWindows, findMaxima, pickPlaces, spreadAverages } from './windows.ts';

export class CpuImages extends CpuMemory {
  protected readonly loops: CpuLoops;
  readonly #convolution: CpuConvolution;

  /** @param sibling as of `CpuMemory` */
  constructor(blas: Blas, precision: Precision, sibling?: CpuMemory) {
    super(blas, precision, sibling);
    this.loops = new CpuLoops(blas, precision);
    this.#convolution = new CpuConvolution(this, this.loops, precision);
  }

  convolve(x: Tensor, kernel: Tensor, bias: Tensor | null, window: Window2d): CpuTensor {
    const out = this.take(windowsOf(x, window), kernel.cols);
    this.#convolution.convolve(cpuTensor(x), cpuTensor(kernel), bias === null ? null : cpuTensor(bias), window, out);
    return out;
  }

  convolveBack(dz: Tensor, kernel: Tensor, window: Window2d): CpuTensor {
    const out = this.take(placesOf(dz, window), window.channels);
    this.#convolution.convolveBack(cpuTensor(dz), cpuTensor(kernel), window, out);
    return out;
  }

  convolutionGradients(
    x: Tensor,
    dz: Tensor,
    kernel: Tensor,
    window: Window2d,
  ): { dx: CpuTensor; gradient: CpuTensor } | null {
    const dx = this.take(x.rows, x.cols);
    const gradient = this.take(kernel.rows, kernel.cols);
    const isDone = this.#convolution.gradients(cpuTensor(x), cpuTensor(dz), cpuTensor(kernel), window, dx, gradient);
    return isDone ? { dx, gradient } : null;
  }

  accumulateConvolution(target: Tensor, alpha: number, x: Tensor, dz: Tensor, window: Window2d, beta: number): void {
    this.#convolution.accumulate(cpuTensor(target), alpha, cpuTensor(x), cpuTensor(dz), window, beta);
  }

  patches(x: Tensor, window: Window2d): CpuTensor {
    const { kernelHeight, kernelWidth, channels } = window;
    const result = this.take(windowsOf(x, window), kernelHeight * kernelWidth * channels);
    this.loops.gatherPatches(cpuTensor(x), window, result);
    return result;
  }

  scatterPatches(columns: Tensor, window: Window2d): CpuTensor {
    const result = this.take(placesOf(columns, window), window.channels);
    this.loops.scatterPatches(cpuTensor(columns), window, result);
    return result;
  }

  maxPool(x: Tensor, window: Window2d, rectified: boolean): { values: CpuTensor; places: CpuTensor } {
    const rows = windowsOf(x, window);
    const values = this.take(rows, window.channels);
    const places = this.take(rows, window.channels);
    this.loops.maxPool(cpuTensor(x), window, rectified, values, places);
    return { values, places };
  }

  maxPlaces(x: Tensor, window: Window2d): CpuTensor {
    const result = this.take(windowsOf(x, window), window.channels);
    findMaxima(cpuTensor(x).data, window, result.data);
    return result;
  }

  pick(x: Tensor, places: Tensor, window: Window2d): CpuTensor {
    const result = this.take(places.rows, window.channels);
    pickPlaces(cpuTensor(x).data, cpuTensor(places).data, window, result.data);
    return result;
  }

  spread(y: Tensor, places: Tensor, window: Window2d): CpuTensor {
    const result = this.take(placesOf(y, window), window.channels);
    this.loops.spreadPlaces(cpuTensor(y), cpuTensor(places), window, result);
    return result;
  }

  windowMeans(x: Tensor, window: Window2d): CpuTensor {
    const result = this.take(windowsOf(x, window), window.channels);
    averageWindows(cpuTensor(x).data, window, result.data);
    return result;
  }

  spreadMeans(y: Tensor, window: Window2d): CpuTensor {
    const result = this.take(placesOf(y, window), window.channels);
    spreadAverages(cpuTensor(y).data, window, result.data);
    return result;
  }
}

/** Rows of what has one row a window, from an image tensor. */
function windowsOf(x: Tensor, { height, width, outHeight, outWidth }: Window2d): number {
  return (x.rows / (height * width)) * outHeight * outWidth;
}

/** Rows of the image tensor, from what has one row a window. */
function placesOf(y: Tensor, { height, width, outHeight, outWidth }: Window2d): number {
  return (y.rows / (outHeight * outWidth)) * height * width;
}
