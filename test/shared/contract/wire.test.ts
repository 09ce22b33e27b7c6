import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/shared/contract/wire.ts';

describe('messages as bytes', () => {
  const rows: [string, unknown][] = [
    ['plain JSON', { number: 1, method: 'runs.list', params: { limit: 3, text: 'é "' } }],
    ['an array at the top', { payload: Float64Array.of(1, NaN, -Infinity, -0) }],
    ['arrays in lists and objects', { a: [{ b: Float32Array.of(1.5) }, 2], c: { d: Int32Array.of(-1, 2) } }],
    ['an empty array', { a: new Float64Array(0), b: 'x' }],
    ['all kinds', { a: Uint8Array.of(1, 2, 3), b: Uint32Array.of(4), c: Float64Array.of(5) }],
    ['keys that look like markers', { arrays: [1], message: { path: ['x'] }, x: Float64Array.of(1), __proto: 2 }],
    ['a key named __proto__', JSON.parse('{"__proto__": {"a": 1}, "x": 2}')],
  ];
  it.each(rows)('%s come back as they were', (_, message) => {
    const back = decode(encode(message));
    expect(back).toEqual(message);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  });

  it('answers views whose numbers are right at any alignment of the frame', () => {
    const frame = encode({ a: Float64Array.of(1.25, 2.5) }) as Uint8Array;
    const shifted = new Uint8Array(frame.length + 3);
    shifted.set(frame, 3);
    expect(decode(shifted.subarray(3))).toEqual({ a: Float64Array.of(1.25, 2.5) });
  });

  it('refuses what cannot cross', () => {
    expect(() => encode({ a: new BigInt64Array(1) })).toThrow(/cannot be sent: a/);
  });

  const frame = encode({ a: Float64Array.of(1, 2, 3) }) as Uint8Array;
  const tampered = (json: object): Uint8Array => {
    const text = new TextEncoder().encode(JSON.stringify(json));
    const start = Math.ceil((8 + text.length) / 8) * 8;
    const bytes = new Uint8Array(start + 8);
    bytes.set(frame.subarray(0, 4));
    new DataView(bytes.buffer).setUint32(4, text.length, true);
    bytes.set(text, 8);
    return bytes;
  };
  const place = { path: ['a'], type: 'f64', offset: 0, length: 1 };
  const bad: [string, string | Uint8Array][] = [
    ['no JSON', '{'],
    ['an empty frame', new Uint8Array(0)],
    ['a foreign frame', new Uint8Array(64)],
    ['a cut frame', frame.subarray(0, frame.length - 8)],
    ['a header longer than the frame', frame.with(7, 255)],
    ['no list of arrays', tampered({ message: {} })],
    ['an unknown kind', tampered({ message: { a: null }, arrays: [{ ...place, type: 'constructor' }] })],
    ['a negative length', tampered({ message: { a: null }, arrays: [{ ...place, length: -1 }] })],
    ['an array beyond the end', tampered({ message: { a: null }, arrays: [{ ...place, length: 9 }] })],
    ['a place that is not there', tampered({ message: {}, arrays: [place] })],
    ['the prototype', tampered({ message: {}, arrays: [{ ...place, path: ['__proto__', 'polluted'] }] })],
    ['an inherited place', tampered({ message: {}, arrays: [{ ...place, path: ['constructor', 'prototype'] }] })],
  ];
  it.each(bad)('refuses %s', (_, data) => {
    expect(() => decode(data)).toThrow();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
