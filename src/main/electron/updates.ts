/**
 * Newer versions, announced if the user asked for that and never otherwise: one request a day to the address of releases that packaging wrote into
 * package.json. Nothing is fetched or installed.
 */
import { net, session } from 'electron';
import * as v from 'valibot';
import type { Settings } from '../../shared/contract/index.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Workbench } from '../contract/workbench.ts';
import { readPackage } from '../provenance.ts';

const period = 24 * 60 * 60 * 1000;
const patience = 20_000;

const releaseSchema = v.object({ tag_name: v.string(), html_url: v.pipe(v.string(), v.url()) });

export function setupUpdates(workbench: Workbench): void {
  const { releases, version } = readPackage();
  if (releases === undefined) return;
  let timer: NodeJS.Timeout | null = null;
  const look = async (isAsked: boolean): Promise<void> => {
    try {
      const { tag_name: newest, html_url: place } = await newestRelease(releases);
      const isNewer = compareVersions(newest, version) > 0;
      const text = isNewer
        ? `Covature ${newest.replace(/^v/, '')} is out (this is ${version}): ${place}`
        : `This is the newest version, ${version}.`;
      if (isNewer || isAsked) workbench.bus.emit('notice', { level: 'info', text, run: null });
    } catch (error) {
      // Without a network every start would say so; whoever has just asked wants to know.
      if (!isAsked) return;
      workbench.bus.emit('notice', {
        level: 'warning',
        text: `It is not known whether there is a newer version (${messageOf(error)}); it is asked again tomorrow.`,
        run: null,
      });
    }
  };
  const follow = (isWanted: boolean, isAsked: boolean): void => {
    if (isWanted === (timer !== null)) return;
    if (timer !== null) clearInterval(timer);
    timer = isWanted ? setInterval(() => void look(false), period).unref() : null;
    if (isWanted) void look(isAsked);
  };
  follow(workbench.settings().announceUpdates, false);
  workbench.bus.listen((event, payload) => {
    if (event === 'settings.changed') follow((payload as Settings).announceUpdates, true);
  });
}

/** Through a session of its own: the window's reaches no network. */
async function newestRelease(address: string): Promise<v.InferOutput<typeof releaseSchema>> {
  if (!net.isOnline()) throw new Error('there is no network');
  const answer = await session
    .fromPartition('updates', { cache: false })
    .fetch(address, { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(patience) });
  if (!answer.ok) throw new Error(`${new URL(address).host} answered ${answer.status}`);
  return v.parse(releaseSchema, await answer.json());
}

/** Above 0 if the first is newer: numbers of "v1.2.3" or "1.2.3" in their order; a part that is not a number counts as 0. */
export function compareVersions(first: string, second: string): number {
  const numbers = (text: string): number[] =>
    text
      .replace(/^v/, '')
      .split(/[-+]/)[0]
      .split('.')
      .map((part) => Number(part) || 0);
  const [a, b] = [numbers(first), numbers(second)];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
