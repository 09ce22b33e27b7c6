/** A file of weights with the names that PyTorch gives to unnamed layers, for pictures of its import. */
import { join } from 'node:path';
import { tensor, writeSafetensors } from '../src/data/formats/safetensors.ts';
import { Random } from '../src/shared/random.ts';

/** The state dict of a 784-50-50-10, its weights drawn from a normal distribution. Returns the file. */
export async function writeStateDict(folder: string): Promise<string> {
  const random = new Random(7);
  const drawn = (shape: number[]) =>
    tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 0.05 * random.normal()),
      shape,
    );
  const file = join(folder, 'weights.safetensors');
  const shapes = {
    '0.weight': [50, 784],
    '0.bias': [50],
    '2.weight': [50, 50],
    '2.bias': [50],
    '4.weight': [10, 50],
    '4.bias': [10],
  };
  await writeSafetensors(
    file,
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, drawn(shape)])),
    {},
  );
  return file;
}
