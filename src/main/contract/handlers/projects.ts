import { FaultError } from '../../../shared/contract/index.ts';
import type { Handlers } from '../../../shared/contract/index.ts';
import type { projects } from '../../../shared/contract/methods/projects.ts';
import type { Workbench } from '../workbench.ts';

export const projectHandlers: Pick<Handlers<Workbench>, keyof typeof projects> = {
  'projects.list': ({ deleted }, { store }) => store.listProjects({ deleted }),

  'projects.create': ({ name, description }, { store, bus }) => {
    const project = store.createProject(name, description);
    bus.emit('store.changed', { what: 'projects' });
    return project;
  },

  'projects.update': ({ id, ...changes }, workbench) => {
    workbench.project(id);
    const project = workbench.store.updateProject(id, changes);
    workbench.bus.emit('store.changed', { what: 'projects' });
    return project;
  },

  'projects.delete': ({ id }, workbench) => {
    const { name } = workbench.project(id);
    const { byStatus } = workbench.store.countRuns({ project: id, archived: 'any' });
    const active = byStatus.running + byStatus.queued;
    if (active > 0) {
      throw new FaultError(
        'conflict',
        `${name} has ${active} run${active === 1 ? '' : 's'} running or queued; cancel or pause them, then delete it`,
      );
    }
    workbench.store.deleteProject(id);
    workbench.changes.note(null);
    workbench.bus.emit('store.changed', { what: 'projects' });
    return null;
  },

  'projects.restore': ({ id }, workbench) => {
    workbench.project(id);
    workbench.store.restoreProject(id);
    workbench.changes.note(null);
    workbench.bus.emit('store.changed', { what: 'projects' });
    return workbench.project(id);
  },

  'tags.list': (_, { store }) => store.listTags(),
};
