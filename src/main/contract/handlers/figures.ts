import { FaultError } from '../../../shared/contract/index.ts';
import type { Handlers } from '../../../shared/contract/index.ts';
import type { Json } from '../../store/index.ts';
import type { Workbench } from '../workbench.ts';

type Name = `figures.${'list' | 'save' | 'delete' | 'restore' | 'count'}`;

export const figureHandlers: Pick<Handlers<Workbench>, Name> = {
  'figures.list': ({ deleted }, { store }) => store.listFigures({ deleted }),
  'figures.save': ({ recipe, ...figure }, workbench) => {
    if (figure.id !== undefined) existing(workbench, figure.id);
    const saved = workbench.store.saveFigure({ ...figure, recipe: recipe as Json });
    workbench.bus.emit('store.changed', { what: 'figures' });
    return saved;
  },
  'figures.delete': ({ id }, workbench) => {
    existing(workbench, id);
    workbench.store.deleteFigure(id);
    workbench.bus.emit('store.changed', { what: 'figures' });
    return null;
  },
  'figures.restore': ({ id }, workbench) => {
    existing(workbench, id);
    workbench.store.restoreFigure(id);
    workbench.bus.emit('store.changed', { what: 'figures' });
    return null;
  },
  'figures.count': (_, { store }) => store.listFigures().length,
};

function existing({ store }: Workbench, id: string): void {
  if (store.getFigure(id) === undefined)
    throw new FaultError('not-found', `there is no figure ${id}; it may have been removed`);
}
