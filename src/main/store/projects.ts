/** Projects, which group runs. */
import { InputError } from '../../shared/errors.ts';
import { fold, type StoreContext } from './context.ts';
import type { Project } from './types.ts';

interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly created: number;
  readonly archived: number;
  readonly deleted: number | null;
  readonly runs: number;
}

const select = `SELECT p.id, p.name, p.description, p.created, p.archived, p.deleted,
  (SELECT count(*) FROM runs r WHERE r.project = p.seq AND r.deleted IS NULL) AS runs FROM projects p`;

export function projectMethods(context: StoreContext) {
  const { prepare, pluck } = context;

  /** `seq` of a project. Raises InputError if there is none. */
  function projectSeq(id: string): number {
    const seq = pluck('SELECT seq FROM projects WHERE id = ?').get(id) as number | undefined;
    if (seq === undefined) throw new InputError(`no project has the id ${JSON.stringify(id)}`);
    return seq;
  }

  function getProject(id: string): Project | undefined {
    const row = prepare(`${select} WHERE p.id = ?`).get(id) as ProjectRow | undefined;
    return row && projectOf(row);
  }

  /** Raises InputError if another project has the name, case and accents aside. */
  function createProject(name: string, description = ''): Project {
    const trimmed = nameOf(name, 'project');
    return context.write(() => {
      checkFree(trimmed, undefined);
      const id = context.newId();
      prepare('INSERT INTO projects (id, name, folded, description, created) VALUES (?, ?, ?, ?, ?)').run(
        id,
        trimmed,
        fold(trimmed),
        description,
        context.now(),
      );
      return getProject(id)!;
    });
  }

  return {
    projectSeq,

    getProject,

    /** By name, case aside; those in the bin only if asked for. */
    listProjects(options: { readonly deleted?: boolean } = {}): Project[] {
      const where = options.deleted === true ? 'p.deleted IS NOT NULL' : 'p.deleted IS NULL';
      return (prepare(`${select} WHERE ${where} ORDER BY p.folded`).all() as ProjectRow[]).map(projectOf);
    },

    createProject,

    /** The project of that name, made if there is none; taken out of the bin if it lies there. */
    ensureProject(name: string): Project {
      return context.write(() => {
        const trimmed = nameOf(name, 'project');
        const id = pluck('SELECT id FROM projects WHERE folded = ?').get(fold(trimmed)) as string | undefined;
        if (id === undefined) return createProject(trimmed);
        prepare('UPDATE projects SET deleted = NULL WHERE id = ? AND deleted IS NOT NULL').run(id);
        return getProject(id)!;
      });
    },

    updateProject(
      id: string,
      changes: { readonly name?: string; readonly description?: string; readonly archived?: boolean },
    ): Project {
      return context.write(() => {
        const seq = projectSeq(id);
        if (changes.name !== undefined) {
          const name = nameOf(changes.name, 'project');
          checkFree(name, seq);
          prepare('UPDATE projects SET name = ?, folded = ? WHERE seq = ?').run(name, fold(name), seq);
        }
        if (changes.description !== undefined) {
          prepare('UPDATE projects SET description = ? WHERE seq = ?').run(changes.description, seq);
        }
        if (changes.archived !== undefined) {
          prepare('UPDATE projects SET archived = ? WHERE seq = ?').run(changes.archived ? 1 : 0, seq);
        }
        return getProject(id)!;
      });
    },

    /** Puts a project and its runs into the bin, at one moment, by which `restoreProject` knows which runs to bring back. */
    deleteProject(id: string): void {
      context.write(() => {
        const seq = projectSeq(id);
        const now = context.now();
        prepare('UPDATE projects SET deleted = ? WHERE seq = ? AND deleted IS NULL').run(now, seq);
        prepare('UPDATE runs SET deleted = ? WHERE project = ? AND deleted IS NULL').run(now, seq);
      });
    },

    /** Undoes `deleteProject`; runs that were in the bin before stay there. */
    restoreProject(id: string): void {
      context.write(() => {
        const seq = projectSeq(id);
        const deleted = pluck('SELECT deleted FROM projects WHERE seq = ?').get(seq) as number | null;
        if (deleted === null) return;
        prepare('UPDATE projects SET deleted = NULL WHERE seq = ?').run(seq);
        prepare('UPDATE runs SET deleted = NULL WHERE project = ? AND deleted = ?').run(seq, deleted);
      });
    },
  };

  function checkFree(name: string, but: number | undefined): void {
    const other = prepare('SELECT seq, name, deleted FROM projects WHERE folded = ?').get(fold(name)) as
      { seq: number; name: string; deleted: number | null } | undefined;
    if (other === undefined || other.seq === but) return;
    const where = other.deleted === null ? '' : ' (in the bin)';
    throw new InputError(`a project named ${JSON.stringify(other.name)} exists already${where}`);
  }
}

export type ProjectTable = ReturnType<typeof projectMethods>;

/** A name trimmed and in one Unicode form. Raises InputError unless it has 1 to 200 characters. */
export function nameOf(name: string, what: string): string {
  const trimmed = name.normalize('NFC').trim();
  if (trimmed === '' || trimmed.length > 200) {
    throw new InputError(`the name of a ${what} has 1 to 200 characters, got ${trimmed.length}`);
  }
  return trimmed;
}

function projectOf(row: ProjectRow): Project {
  return { ...row, archived: row.archived === 1 };
}
