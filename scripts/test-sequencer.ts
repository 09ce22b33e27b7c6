/** The order of test files: the one on a cluster, which mostly waits and takes longest, begins first, so that what computes fills the time beside it; then as vitest has it. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const isFirst = ({ moduleId }: TestSpecification): boolean => moduleId.includes('/test/main/cluster/slurm');

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))];
  }
}
