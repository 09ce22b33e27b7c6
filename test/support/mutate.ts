/** Damage as files meet it, from a seed. */
import type { Random } from '../../src/shared/random.ts';

const extremes = [
  0n,
  1n,
  2n ** 7n,
  2n ** 8n - 1n,
  2n ** 15n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const texts = [
  '0',
  '-1',
  '99999999999',
  '9007199254740993',
  '1e308',
  'NaN',
  'null',
  '""',
  '[',
  ']',
  '{',
  '}',
  '"',
  ',',
  ':',
  "'",
  '\n',
  '\\',
  '(',
  'True',
];

/** One to three changes of the kinds that files meet: flipped bits, numbers at their limits, cuts, insertions, repeats, other words. */
export function mutate(source: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(source);
  const changes = 1 + random.below(3);
  for (let i = 0; i < changes; i++) {
    if (bytes.length === 0) return bytes;
    // Half of all changes near the beginning, where headers are.
    const at = random.below(random.below(2) ? Math.min(bytes.length, 128) : bytes.length);
    const splice = (removed: number, added: Uint8Array) => {
      bytes = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
    };
    const length = 1 + random.below(16);
    switch (random.below(9)) {
      case 0:
        bytes[at] ^= 1 << random.below(8);
        break;
      case 1:
        bytes[at] = [0, 0x7f, 0x80, 0xff][random.below(4)]!;
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        splice(0, Buffer.from(Array.from({ length }, () => random.below(256))));
        break;
      case 4:
        splice(length, Buffer.alloc(0));
        break;
      case 5:
        splice(0, bytes.subarray(at, at + 8 * length));
        break;
      case 6: {
        const size = [1, 2, 4, 8][random.below(4)];
        const value = Buffer.alloc(8);
        value.writeBigUInt64LE(extremes[random.below(extremes.length)]);
        const written = value.subarray(0, size);
        splice(size, random.below(2) ? written : Buffer.from(written).reverse());
        break;
      }
      case 7:
        splice(random.below(3), Buffer.from(texts[random.below(texts.length)]));
        break;
      default: {
        // A number written in digits becomes another one.
        const text = bytes.toString('latin1');
        const digits = [...text.matchAll(/\d+/g)];
        if (digits.length === 0) break;
        const { 0: old, index } = digits[random.below(Math.min(digits.length, 40))];
        const put = texts[random.below(6)];
        bytes = Buffer.from(text.slice(0, index) + put + text.slice(index + old.length), 'latin1');
      }
    }
  }
  return bytes;
}
