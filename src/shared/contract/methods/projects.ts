/** Projects: what runs are filed under. Nothing here loses a run: deleting puts into the bin, restoring takes out of it. */
import * as v from 'valibot';
import { id, method, name, none, textUpTo } from '../define.ts';
import type { Project } from '../records.ts';

export const projects = {
  /** By name; those in the bin only where asked for. */
  'projects.list': method<readonly Project[]>()(v.strictObject({ deleted: v.exactOptional(v.boolean(), false) })),
  /** Conflict where another has the name, case and accents aside. */
  'projects.create': method<Project>()(v.strictObject({ name, description: v.exactOptional(textUpTo(10_000), '') })),
  'projects.update': method<Project>()(
    v.strictObject({
      id,
      name: v.exactOptional(name),
      description: v.exactOptional(textUpTo(10_000)),
      archived: v.exactOptional(v.boolean()),
    }),
  ),
  /** Puts the project and its runs into the bin. Conflict while one of them runs or waits. */
  'projects.delete': method<null>()(v.strictObject({ id })),
  /** Undoes it: the runs that went with the project come back with it. */
  'projects.restore': method<Project>()(v.strictObject({ id })),
  /** Tags in use, with the number of runs that carry each. */
  'tags.list': method<readonly { readonly name: string; readonly runs: number }[]>()(none),
};
