/** The system's dialogs. What they answer stays on this side: the window gets a token. */
import { dialog } from 'electron';
import type { BrowserWindow, OpenDialogOptions, SaveDialogOptions } from 'electron';
import { dataEndings } from '../../shared/dataset-files.ts';
import type { FileKind } from '../contract/workbench.ts';

const kinds: Readonly<Record<FileKind, OpenDialogOptions>> = {
  dataset: {
    title: 'Choose a dataset',
    properties: ['openFile'],
    filters: [
      { name: 'Datasets', extensions: [...dataEndings.map((ending) => ending.slice(1)), 'gz', 'bin', 'json'] },
      { name: 'All files', extensions: ['*'] },
    ],
  },
  experiment: {
    title: 'Choose an experiment',
    properties: ['openFile'],
    filters: [{ name: 'Experiments', extensions: ['json'] }],
  },
  model: {
    title: 'Choose a model',
    properties: ['openFile'],
    filters: [{ name: 'Models', extensions: ['covature-model', 'json'] }],
  },
  run: {
    title: 'Choose a run',
    properties: ['openFile'],
    filters: [{ name: 'Runs of Covature', extensions: ['covature'] }],
  },
  weights: {
    title: 'Choose weights',
    properties: ['openFile'],
    filters: [{ name: 'Weights', extensions: ['safetensors', 'npz'] }],
  },
  figure: {
    title: 'Choose an exported figure or a recipe',
    properties: ['openFile'],
    filters: [{ name: 'Figures and recipes', extensions: ['svg', 'pdf', 'png', 'json'] }],
  },
  folder: { title: 'Choose a folder', properties: ['openDirectory'] },
};

/** The path, or null if the user closed the dialog. */
export async function chooseFile(kind: FileKind, parent: BrowserWindow | null): Promise<string | null> {
  const options = kinds[kind];
  const { canceled, filePaths } = await (parent === null
    ? dialog.showOpenDialog(options)
    : dialog.showOpenDialog(parent, options));
  return canceled ? null : (filePaths[0] ?? null);
}

/** Where to write a file, or null if the user closed the dialog. */
export async function chooseTarget(
  kind: 'run' | 'bundle',
  name: string,
  parent: BrowserWindow | null,
): Promise<string | null> {
  const options: SaveDialogOptions = {
    title: kind === 'run' ? 'Export the run' : 'Export for a supplement',
    defaultPath: name,
    filters: [
      kind === 'run'
        ? { name: 'Runs of Covature', extensions: ['covature'] }
        : { name: 'Archives', extensions: ['zip'] },
    ],
    properties: ['showOverwriteConfirmation', 'createDirectory'],
  };
  const { canceled, filePath } = await (parent === null
    ? dialog.showSaveDialog(options)
    : dialog.showSaveDialog(parent, options));
  return canceled || filePath === '' ? null : filePath;
}
