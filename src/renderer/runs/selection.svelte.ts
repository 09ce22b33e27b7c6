/** What can be done with the selected runs, or else with those of the active line: menus, keys and commands. */
import type { WindowCommand } from '../state/command.ts';
import type { Project } from '../../shared/contract/index.ts';
import { integerText } from '../format.ts';
import type { App } from '../state/app.svelte.ts';
import type { HiddenRuns } from '../state/hidden.svelte.ts';
import type { IconName } from '../ui/Icon.svelte';
import { reportEntries } from '../figures/download.ts';
import type { MenuEntry } from '../ui/Menu.svelte';
import { RunActions } from './actions.ts';
import type { TableRows } from './rows.svelte.ts';
import type { Surroundings } from './surroundings.svelte.ts';
import type { TableView } from './view.ts';

/** Runs that one comparison is opened with. */
const mostCompared = 500;

export interface SelectionOf {
  readonly app: App;
  readonly rows: TableRows;
  readonly hidden: HiddenRuns;
  readonly around: Surroundings;
  /** Whether these are the runs in the bin. */
  readonly bin: boolean;
  readonly view: () => TableView;
}

export class Selection {
  readonly actions: RunActions;
  readonly bin: boolean;
  /** Runs whose tags are being edited. */
  tagging = $state.raw<readonly string[] | null>(null);
  /** Runs that go to the project that is being made. */
  filing = $state.raw<readonly string[] | null>(null);
  readonly #of: SelectionOf;

  constructor(of: SelectionOf) {
    this.#of = of;
    this.bin = of.bin;
    this.actions = new RunActions(of.app, () => void of.rows.refresh(true));
  }

  readonly chosen = $derived.by(() => [...this.#of.rows.chosen]);
  /** The selected runs, or else those of the active line. */
  readonly targets = $derived.by(() => {
    const { rows } = this.#of;
    return this.chosen.length > 0 ? this.chosen : rows.runsAt(rows.activeIndex);
  });

  /** Unselects everything when the work is done. */
  #after(work: Promise<void>): void {
    void work.then(() => this.#of.rows.choose([]));
  }

  chooseAll(): void {
    const { rows } = this.#of;
    void rows.ids().then((ids) => rows.choose(ids));
  }

  compare(): void {
    if (this.targets.length > 0) this.#of.app.compare(this.targets.slice(0, mostCompared));
  }

  restore(): void {
    this.#after(this.actions.restore(this.targets));
  }

  remove(): void {
    this.#after(this.actions.remove(this.targets));
  }

  /** Into the archive, or out of it where archived runs are on show. */
  archive(): void {
    this.#after(this.actions.archive(this.targets, !this.#of.view().archived));
  }

  tag(): void {
    if (this.targets.length > 0) this.tagging = this.targets;
  }

  exportCsv(): void {
    void this.actions.exportCsv(this.targets, this.#of.view().columns, this.#of.around.projectNames);
  }

  /** Dragged runs were let go over a project, over the runs of none (null), or over the bin. */
  drop(ids: readonly string[], to: Project | null | 'bin'): void {
    if (ids.length === 0) return;
    if (to === 'bin') this.#after(this.actions.remove(ids));
    else if (this.bin) this.#after(this.actions.restore(ids));
    else void this.actions.move(ids, to);
  }

  readonly moveEntries = $derived.by((): readonly MenuEntry[] => {
    const { projects } = this.#of.around;
    return [
      ...projects
        .filter(({ archived }) => !archived)
        .map((one) => ({ label: one.name, run: () => void this.actions.move(this.targets, one) })),
      ...(projects.length > 0 ? (['line'] as const) : []),
      { label: 'Out of their projects', run: () => void this.actions.move(this.targets, null) },
      { label: 'New project …', icon: 'plus', run: () => (this.filing = this.targets) },
    ];
  });

  /** What is done with jobs: they themselves, and their place in the queue. */
  readonly #jobs: readonly { readonly label: string; readonly icon: IconName; readonly run: () => void }[] = [
    { label: 'Pause', icon: 'pause', run: () => void this.actions.act('runs.pause', this.targets) },
    { label: 'Resume', icon: 'play', run: () => void this.actions.act('runs.resume', this.targets) },
    { label: 'Cancel', icon: 'stop', run: () => void this.actions.act('runs.cancel', this.targets) },
    { label: 'Retry from the first step', icon: 'again', run: () => void this.actions.act('runs.retry', this.targets) },
    { label: 'Run before all others that wait', icon: 'up', run: () => void this.actions.first(this.targets) },
    { label: 'Run after all others that wait', icon: 'down', run: () => void this.actions.last(this.targets) },
  ];

  readonly jobEntries: readonly MenuEntry[] = [...this.#jobs.slice(0, 4), 'line', ...this.#jobs.slice(4)];

  readonly exportEntries: readonly { readonly label: string; readonly run: () => void }[] = [
    { label: 'Table as CSV', run: () => this.exportCsv() },
    ...reportEntries(
      () => this.#of.app,
      () => this.targets,
    ),
  ];

  /** The menu of a line. */
  readonly menuEntries = $derived.by((): readonly MenuEntry[] => {
    const { app, rows, hidden, view } = this.#of;
    const { targets } = this;
    if (this.bin) return [{ label: 'Restore', keys: 'R', run: () => this.restore() }];
    const line = rows.line(rows.activeIndex);
    return [
      ...(line.kind === 'run' && line.row !== undefined && targets.length === 1
        ? ([
            { label: 'Open', keys: 'Enter', run: () => app.open(targets[0]) },
            { label: 'Clone with changes', icon: 'copy', run: () => app.go({ screen: 'new', from: targets[0] }) },
          ] as const)
        : []),
      {
        label: targets.length > 1 ? `Compare ${integerText(targets.length)} runs` : 'Compare',
        icon: 'compare',
        keys: 'C',
        run: () => this.compare(),
      },
      'line',
      { label: 'Tags …', keys: 'T', run: () => this.tag() },
      { label: 'Move to project', items: this.moveEntries },
      { label: view().archived ? 'Take out of the archive' : 'Archive', keys: 'A', run: () => this.archive() },
      {
        label: targets.every((id) => hidden.has(id)) ? 'Show in charts' : 'Hide in charts',
        keys: 'D',
        run: () => hidden.toggle(targets),
      },
      { label: 'Export', items: this.exportEntries },
      { label: 'Job', items: this.jobEntries },
      'line',
      { label: 'Delete', icon: 'bin', keys: 'Delete', run: () => this.remove() },
    ];
  });

  /** All of it for the command palette. */
  readonly commands = $derived.by((): readonly WindowCommand[] => {
    const { projects } = this.#of.around;
    /** Titles that end in "…" ask first. */
    const command = (id: string, title: string, run: () => void, changes = !title.endsWith('…')): WindowCommand => ({
      id: `selected-${id}`,
      title,
      changes,
      run,
    });
    if (this.targets.length === 0) return [];
    const these = this.chosen.length > 0 ? 'the selected runs' : 'the run';
    if (this.bin) return [command('restore', `Restore ${these}`, () => this.restore())];
    return [
      command('compare', `Compare ${these}`, () => this.compare(), false),
      command('tag', `Tags of ${these} …`, () => this.tag()),
      command('archive', this.#of.view().archived ? `Take ${these} out of the archive` : `Archive ${these}`, () =>
        this.archive(),
      ),
      command('charts', `Show or hide ${these} in charts`, () => this.#of.hidden.toggle(this.targets)),
      ...this.exportEntries.map(({ label, run }, i) =>
        command(`export-${i}`, `Export ${these}: ${label[0].toLowerCase()}${label.slice(1)}`, run, false),
      ),
      ...this.#jobs.map(({ label, run }) => command(`job-${label}`, `${label}: ${these}`, run)),
      ...projects
        .filter(({ archived }) => !archived)
        .map((one) =>
          command(`move-${one.id}`, `Move ${these} to ${one.name}`, () => void this.actions.move(this.targets, one)),
        ),
      command('move-new', `Move ${these} to a new project …`, () => (this.filing = this.targets)),
      command('move-out', `Move ${these} out of their projects`, () => void this.actions.move(this.targets, null)),
      command('delete', `Delete ${these}`, () => this.remove()),
    ];
  });

  /** Returns whether a key applied to the selection; if so, its action is carried out. */
  takes(event: KeyboardEvent): boolean {
    const key = event.key.toLowerCase();
    if (event.ctrlKey && key === 'a') this.chooseAll();
    else if (event.ctrlKey || event.metaKey) return false;
    else if (event.key === 'Delete' && !this.bin) this.remove();
    else if (key === 'r' && this.bin) this.restore();
    else if (key === 'c' && !this.bin) this.compare();
    else if (key === 't' && !this.bin && this.targets.length > 0) this.tag();
    else if (key === 'a' && !this.bin) this.archive();
    else if (key === 'd') this.#of.hidden.toggle(this.targets);
    else if (event.key === 'Escape') this.#of.rows.choose([]);
    else return false;
    return true;
  }
}
