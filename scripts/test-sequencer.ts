/** The order of test files: the cluster test, which mostly waits and takes longest, starts first, so that tests that compute run meanwhile; the others follow in vitest's order. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const isFirst = ({ moduleId }: TestSpecification): boolean => moduleId.includes('/test/main/cluster/slurm');

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))];
  }
}
