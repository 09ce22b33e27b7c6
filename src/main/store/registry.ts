/** Small tables by name: settings, calibrations, figure recipes, datasets. */
import type { FigureInfo } from '../../shared/contract/methods/figures.ts';
import { InputError } from '../../shared/errors.ts';
import { storedJson, type StoreContext } from './context.ts';
import { jsonText } from './experiments.ts';
import { nameOf, type ProjectTable } from './projects.ts';
import type { Json } from './types.ts';

export interface Calibration {
  readonly machine: string;
  readonly name: string;
  readonly value: Json;
  readonly measured: number;
}

export interface DatasetEntry {
  readonly name: string;
  /** What to read or generate it from. */
  readonly spec: Json;
  /** Of its content, once read. */
  readonly sha256: string | null;
  /** As { train: 60000, test: 10000, classes: [...] }. */
  readonly counts: Json;
  readonly created: number;
  readonly updated: number;
}

export function registryMethods(context: StoreContext, projects: ProjectTable) {
  const { prepare, pluck } = context;

  const figureColumns = `f.id, f.name, p.id AS project, f.recipe, f.created, f.updated
    FROM figures f LEFT JOIN projects p ON p.seq = f.project`;
  const figureOf = (row: Omit<FigureInfo, 'recipe'> & { recipe: string }): FigureInfo => ({
    ...row,
    recipe: storedJson<Json>(row.recipe),
  });
  const datasetOf = (row: Omit<DatasetEntry, 'spec' | 'counts'> & { spec: string; counts: string }): DatasetEntry => ({
    ...row,
    spec: storedJson<Json>(row.spec),
    counts: storedJson<Json>(row.counts),
  });

  function getFigure(id: string): FigureInfo | undefined {
    const row = prepare(`SELECT ${figureColumns} WHERE f.id = ?`).get(id);
    return row === undefined ? undefined : figureOf(row as Parameters<typeof figureOf>[0]);
  }

  return {
    getSetting(key: string): Json | undefined {
      const text = pluck('SELECT value FROM settings WHERE key = ?').get(key) as string | undefined;
      return text === undefined ? undefined : storedJson<Json>(text);
    },

    /** `undefined` removes the setting. */
    setSetting(key: string, value: Json | undefined): void {
      context.write(() => {
        const { changes } =
          value === undefined
            ? prepare('DELETE FROM settings WHERE key = ?').run(key)
            : prepare(
                `INSERT INTO settings (key, value, updated) VALUES (?, ?, ?)
                 ON CONFLICT DO UPDATE SET value = excluded.value, updated = excluded.updated`,
              ).run(key, jsonText(value, `setting ${key}`), context.now());
        context.settled(changes);
      });
    },

    settings(): Record<string, Json> {
      const rows = prepare('SELECT key, value FROM settings ORDER BY key').all() as { key: string; value: string }[];
      return Object.fromEntries(rows.map(({ key, value }) => [key, storedJson<Json>(value)]));
    },

    /** Keeps a rate measured on a machine (`machine`: whatever tells machines and libraries apart). */
    setCalibration(machine: string, name: string, value: Json): void {
      context.write(() => {
        prepare(
          `INSERT INTO calibrations (machine, name, value, measured) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET value = excluded.value, measured = excluded.measured`,
        ).run(machine, name, jsonText(value, `calibration ${name}`), context.now());
      });
    },

    calibrations(machine: string): Calibration[] {
      const rows = prepare('SELECT * FROM calibrations WHERE machine = ? ORDER BY name').all(machine);
      return (rows as (Omit<Calibration, 'value'> & { value: string })[]).map((row) => ({
        ...row,
        value: storedJson<Json>(row.value),
      }));
    },

    /** Of all machines that this store has been used on. */
    allCalibrations(): Record<string, Record<string, Json>> {
      const rows = prepare('SELECT machine, name, value FROM calibrations').all() as {
        machine: string;
        name: string;
        value: string;
      }[];
      const all: Record<string, Record<string, Json>> = {};
      for (const { machine, name, value } of rows) (all[machine] ??= {})[name] = storedJson<Json>(value);
      return all;
    },

    getFigure,

    /** By name; those in the bin only if asked for. */
    listFigures(options: { readonly deleted?: boolean } = {}): FigureInfo[] {
      const where = options.deleted === true ? 'f.deleted IS NOT NULL' : 'f.deleted IS NULL';
      const rows = prepare(`SELECT ${figureColumns} WHERE ${where} ORDER BY f.name, f.created`).all();
      return (rows as Parameters<typeof figureOf>[0][]).map(figureOf);
    },

    /** Makes a figure, or changes the one with that id. */
    saveFigure(figure: {
      readonly id?: string;
      readonly name: string;
      readonly project?: string | null;
      readonly recipe: Json;
    }): FigureInfo {
      const name = nameOf(figure.name, 'figure');
      const recipe = jsonText(figure.recipe, 'recipe');
      return context.write(() => {
        const now = context.now();
        const project =
          figure.project === undefined || figure.project === null ? null : projects.projectSeq(figure.project);
        if (figure.id !== undefined && getFigure(figure.id) === undefined) {
          throw new InputError(`no figure has the id ${JSON.stringify(figure.id)}`);
        }
        const id = figure.id ?? context.newId();
        prepare(
          `INSERT INTO figures (id, name, project, recipe, created, updated) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET name = excluded.name, project = excluded.project, recipe = excluded.recipe, updated = excluded.updated`,
        ).run(id, name, project, recipe, now, now);
        return getFigure(id)!;
      });
    },

    deleteFigure(id: string): void {
      context.write(() => prepare('UPDATE figures SET deleted = ? WHERE id = ?').run(context.now(), id));
    },

    restoreFigure(id: string): void {
      context.write(() => prepare('UPDATE figures SET deleted = NULL WHERE id = ?').run(id));
    },

    /** Enters a dataset, or changes the entry of that name; fields left out stay as they are. */
    saveDataset(entry: {
      readonly name: string;
      readonly spec: Json;
      readonly sha256?: string | null;
      readonly counts?: Json;
    }): void {
      const name = nameOf(entry.name, 'dataset');
      context.write(() => {
        const now = context.now();
        const old = prepare('SELECT sha256, counts FROM datasets WHERE name = ?').get(name) as
          { sha256: string | null; counts: string } | undefined;
        prepare(
          `INSERT INTO datasets (name, spec, sha256, counts, created, updated) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET spec = excluded.spec, sha256 = excluded.sha256, counts = excluded.counts, updated = excluded.updated`,
        ).run(
          name,
          jsonText(entry.spec, 'dataset'),
          entry.sha256 === undefined ? (old?.sha256 ?? null) : entry.sha256,
          entry.counts === undefined ? (old?.counts ?? 'null') : jsonText(entry.counts, 'counts'),
          now,
          now,
        );
      });
    },

    listDatasets(): DatasetEntry[] {
      const rows = prepare('SELECT * FROM datasets ORDER BY name').all();
      return (rows as Parameters<typeof datasetOf>[0][]).map(datasetOf);
    },

    getDataset(name: string): DatasetEntry | undefined {
      const row = prepare('SELECT * FROM datasets WHERE name = ?').get(nameOf(name, 'dataset'));
      return row === undefined ? undefined : datasetOf(row as Parameters<typeof datasetOf>[0]);
    },

    /** Forgets the entry; files stay where they are. */
    deleteDataset(name: string): void {
      context.write(() => prepare('DELETE FROM datasets WHERE name = ?').run(nameOf(name, 'dataset')));
    },
  };
}
