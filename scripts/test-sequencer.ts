/** The order of test files: those that mostly wait (for a cluster, for windows) begin first, so that what computes fills the time beside them; then as vitest has it. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const first = ['/test/main/cluster/slurm', '/test/e2e/electron/', '/test/python/'];

export default class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification): number => {
      const found = first.findIndex((part) => moduleId.includes(part));
      return found < 0 ? first.length : found;
    };
    return sorted.toSorted((a, b) => place(a) - place(b));
  }
}
