/** Builds what the sources need to run before the first test, also when vitest is started by hand. */
import { build } from './launch/build.mjs';

export default async function setup(): Promise<void> {
  const [major] = process.versions.node.split('.');
  if (!(Number(major) >= 24)) {
    throw new Error(`the tests run under Node 24, and this is Node ${process.versions.node}: use \`npm test\``);
  }
  await build(process.execPath, ['kernels']);
}
