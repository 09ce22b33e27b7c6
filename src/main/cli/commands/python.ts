/** covature python */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import { InputError } from '../../../shared/errors.ts';
import { bridgeFile, ownCommand, writeBridge } from '../../bridge.ts';
import { jsonFlag, printJson } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse } from '../flags.ts';
import type { Flags } from '../flags.ts';

const flags = {
  out: { schema: v.string(), value: 'PLACE', help: 'a file, or a folder to write covature.py into' },
  json: jsonFlag,
} as const satisfies Flags;

const help = `Usage: covature python [--out PLACE]

Says where the bridge from PyTorch is, one Python file without dependencies but torch and numpy, or writes a copy of it that knows how to call this program.

${flagsHelp(flags)}

In Python, beside it (or with its folder on the path):
  import covature
  covature.export(model, (x, y), "net.covature-model", loss="cross-entropy")
  covature.measure("net.covature-model", "fc2.kernel")

  run = covature.Run("my run", {"lr": 0.1}, model=model, data=(x, y))
  run.log(step, loss=loss.item());  run.checkpoint(step, model);  run.finish()

Then: covature import net.covature-model        Example: covature python --out .`;

export const python: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values } = parse(argv, flags, [0, 0]);
    let file = bridgeFile().path;
    if (values.out !== undefined) {
      const place = path.resolve(values.out);
      const isFolder = await stat(place).then(
        (found) => found.isDirectory(),
        () => false,
      );
      file = isFolder ? path.join(place, 'covature.py') : place;
      if (!file.endsWith('.py'))
        throw new InputError(`--out: ${file}: expected an existing folder, or the name of a .py file`);
      const into = path.dirname(file);
      if (!existsSync(into)) throw new InputError(`--out: ${file}: there is no folder ${into}`);
      await writeBridge(file, ownCommand());
    }
    if (values.json) printJson({ file });
    else process.stdout.write(`${file}\n`);
    return 0;
  },
};
