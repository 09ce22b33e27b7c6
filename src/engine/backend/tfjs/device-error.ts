/** Errors of a device that cannot continue. */

/** lost: the driver was reset or the card is gone; memory: an allocation failed; fault: anything else the device reported. */
export type DeviceFault = 'lost' | 'memory' | 'fault';

/** The device failed; work enqueued since the last read is lost. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly fault: DeviceFault;

  constructor(fault: DeviceFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** An error that a library threw, as a DeviceError if its message indicates one; else unchanged. */
export function asDeviceError(error: unknown): unknown {
  if (error instanceof DeviceError || !(error instanceof Error)) return error;
  const { message } = error;
  if (
    /out of memory|OOM|RESOURCE_EXHAUSTED|failed to allocate|ALLOC_FAILED|allocation (of .*)?(failed|exceeds)|exceeds .*(maxBufferSize|max buffer size|limit)/i.test(
      message,
    )
  )
    return new DeviceError('memory', message);
  if (
    /device (is|was)? ?lost|DeviceLost|lost device|instance dropped|CUDA_ERROR|GPU sync failed|launch failed|C(UBLAS|UDNN)_STATUS|driver shutting down/i.test(
      message,
    )
  )
    return new DeviceError('lost', message);
  return error;
}
