/** Reading the big-endian numbers of font files. */

/** Big-endian reads with bounds checked by DataView. */
export class FontReader {
  readonly view: DataView;
  readonly base: number;
  constructor(bytes: Uint8Array, base = 0) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.base = base;
  }
  u8(at: number): number {
    return this.view.getUint8(this.base + at);
  }
  u16(at: number): number {
    return this.view.getUint16(this.base + at);
  }
  i16(at: number): number {
    return this.view.getInt16(this.base + at);
  }
  u32(at: number): number {
    return this.view.getUint32(this.base + at);
  }
}
