/** Projects, which group runs. Nothing here destroys a run: deleting moves it to the bin, restoring takes it out again. */
import * as v from 'valibot';
import { id, method, name, none, textUpTo } from '../define.ts';
import type { Project } from '../records.ts';

export const projects = {
  /** By name; those in the bin only if asked for. */
  'projects.list': method<readonly Project[]>()(v.strictObject({ deleted: v.exactOptional(v.boolean(), false) })),
  /** Conflict if another project has the name, ignoring case and accents. */
  'projects.create': method<Project>()(v.strictObject({ name, description: v.exactOptional(textUpTo(10_000), '') })),
  'projects.update': method<Project>()(
    v.strictObject({
      id,
      name: v.exactOptional(name),
      description: v.exactOptional(textUpTo(10_000)),
      archived: v.exactOptional(v.boolean()),
    }),
  ),
  /** Moves the project and its runs to the bin. Conflict while one of them is running or queued. */
  'projects.delete': method<null>()(v.strictObject({ id })),
  /** Undoes the deletion: the runs that went with the project come back with it. */
  'projects.restore': method<Project>()(v.strictObject({ id })),
  /** Tags in use, with the number of runs that carry each. */
  'tags.list': method<readonly { readonly name: string; readonly runs: number }[]>()(none),
};
