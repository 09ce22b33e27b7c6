import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { publishedDatasets, type PublishedDataset, type PublishedFile } from '../../../src/data/downloads/catalogue.ts';
import {
  downloadPublished,
  offlineAdvice,
  publishedStatus,
  unpackIfThere,
  type DownloadProgress,
} from '../../../src/data/downloads/published.ts';
import { partialName, transfer, TransferError } from '../../../src/data/downloads/transfer.ts';
import { resolveDataset } from '../../../src/data/resolve.ts';
import { parseDataset } from '../../../src/shared/dataset.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { describeWhere } from '../../support/skips.ts';
import { idxBytes, range, sharedData, tarBytes, temporaryFolder } from '../support.ts';

const temporary = temporaryFolder();
let folder: string;
let count = 0;

const content = Buffer.from(range(200_000).map((i) => (i * i + (i >> 8)) & 255));
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What the server does under each path; it logs every request. */
type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;
const log: { url: string; range: string | undefined }[] = [];
/** Bytes served under a path, with ranges, as a good server does. */
const files = new Map<string, Buffer>();
const handlers: Record<string, Handler> = {
  '/cut': (_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 70_000), () => setTimeout(() => response.destroy(), 100));
  },
  '/short': (_, response) => {
    // In chunks, without its length.
    response.write(content.subarray(0, 70_000));
    response.end();
  },
  '/another': (request, response) => {
    const bytes = content.subarray(0, 70_000);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from >= bytes.length) response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    else response.end(bytes);
  },
  '/stall': (_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 50_000));
  },
  '/silent': () => undefined,
  '/slow': (_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    let at = 0;
    const send = () => {
      if (response.destroyed) return;
      response.write(content.subarray(at, (at += 20_000)));
      if (at >= content.length) response.end();
      else setTimeout(send, 60);
    };
    send();
  },
  '/wrong': (_, response) => response.end(Buffer.alloc(content.length)),
  '/long': (_, response) => response.end(Buffer.concat([content, content])),
  '/endless': (_, response) => {
    const send = () => {
      while (!response.destroyed && response.write(content));
    };
    response.on('drain', send);
    send();
  },
  '/norange': (_, response) => response.end(content),
  '/otherrange': (_, response) => {
    response.writeHead(206, { 'content-range': `bytes 5-${content.length - 1}/${content.length}` });
    response.end(content.subarray(5));
  },
  '/packed': (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    response.end(gzipSync(content));
  },
  '/moved': (_, response) => {
    response.writeHead(302, { location: '/good' });
    response.end();
  },
  '/broken': (_, response) => {
    response.writeHead(503);
    response.end('come back later');
  },
};

const server = http.createServer((request, response) => {
  const url = request.url!;
  log.push({ url, range: request.headers.range });
  const handler = handlers[url];
  if (handler) return handler(request, response);
  const bytes = url === '/good' ? content : files.get(url);
  if (!bytes) {
    response.writeHead(404);
    return void response.end();
  }
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  if (!range) return void response.end(bytes);
  const from = Number(range[1]);
  response.writeHead(206, { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
  response.end(bytes.subarray(from));
});
let base = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(async () => {
  folder = temporary.at(`d${count++}`);
  await fs.mkdir(folder);
  log.length = 0;
});

const fileAt = (...paths: string[]): PublishedFile => ({
  name: 'data.bin',
  size: content.length,
  sha256: sha(content),
  urls: paths.map((path) => (path.startsWith('http') ? path : base + path)),
});
const part = () => `${folder}/${partialName('data.bin')}`;
const there = async () => (await fs.readdir(folder)).sort();
/** The lines of the TransferError that it must raise. */
async function failures(file: PublishedFile, options = {}): Promise<readonly string[]> {
  const error: unknown = await transfer(file, folder, { silence: 400, ...options }).then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TransferError);
  return (error as TransferError).failures;
}

describe('a transfer', () => {
  it.each(['/good', '/moved', '/slow'])('from %s gives the file and nothing beside it', async (path) => {
    const seen: number[] = [];
    await transfer(fileAt(path), folder, { progress: (n) => seen.push(n) });
    expect(sha(await fs.readFile(`${folder}/data.bin`))).toBe(sha(content));
    expect(await there()).toEqual(['data.bin']);
    expect(seen.at(-1)).toBe(content.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('does nothing where the right file is, and replaces a wrong one', async () => {
    await fs.writeFile(`${folder}/data.bin`, content);
    await transfer(fileAt('/good'), folder);
    expect(log).toEqual([]);
    await fs.writeFile(`${folder}/data.bin`, Buffer.alloc(content.length));
    await transfer(fileAt('/good'), folder);
    expect(log).toHaveLength(1);
    expect(sha(await fs.readFile(`${folder}/data.bin`))).toBe(sha(content));
  });

  it.each(['/cut', '/short'])('%s is reported, and the next one goes on where it ended', async (path) => {
    expect((await failures(fileAt(path)))[0]).toMatch(
      path === '/cut' ? /terminated|closed|reset/ : /ended after 70000 of 200000 bytes/,
    );
    expect(await there()).toEqual([partialName('data.bin')]);
    const have = (await fs.stat(part())).size;
    expect(have).toBeGreaterThan(0);
    await transfer(fileAt('/good'), folder);
    expect(log.at(-1)).toEqual({ url: '/good', range: `bytes=${have}-` });
    expect(sha(await fs.readFile(`${folder}/data.bin`))).toBe(sha(content));
  });

  it('goes on at a second mirror within one call', async () => {
    await transfer(fileAt('/broken', '/short', '/good'), folder);
    expect(log.map(({ range }) => range)).toEqual([undefined, undefined, 'bytes=70000-']);
    expect(await there()).toEqual(['data.bin']);
  });

  it('starts again where a server does not know ranges', async () => {
    await fs.writeFile(part(), content.subarray(0, 1000));
    await transfer(fileAt('/norange'), folder);
    expect(log).toEqual([{ url: '/norange', range: 'bytes=1000-' }]);
    expect(sha(await fs.readFile(`${folder}/data.bin`))).toBe(sha(content));
  });

  it('throws wrong bytes away: a wrong checksum, also of a part from before', async () => {
    expect((await failures(fileAt('/wrong')))[0]).toMatch(
      /wrong checksum: expected SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}/,
    );
    expect(await there()).toEqual([]);
    await fs.writeFile(part(), Buffer.alloc(1000));
    await transfer(fileAt('/good', '/good'), folder);
    expect(log.map(({ range }) => range)).toEqual([undefined, 'bytes=1000-', undefined]);
    await fs.rm(`${folder}/data.bin`);
    await fs.writeFile(part(), Buffer.alloc(content.length + 5));
    await transfer(fileAt('/good'), folder);
    expect(await there()).toEqual(['data.bin']);
  });

  it.each([
    ['/long', /has a file of 400000 bytes; expected 200000/],
    ['/another', /has a file of 70000 bytes; expected 200000/],
    ['/endless', /sends more than the 200000 bytes expected/],
    ['/packed', /answered in the encoding "gzip"/],
    ['/broken', /127\.0\.0\.1:\d+: answered 503/],
    ['/nowhere', /answered 404/],
  ])('refuses what %s sends', async (path, message) => {
    expect((await failures(fileAt(path)))[0]).toMatch(message);
    expect((await fs.stat(part()).catch(() => ({ size: 0 }))).size).toBe(0);
  });
  it('refuses another range than it asked for', async () => {
    await fs.writeFile(part(), content.subarray(0, 1000));
    expect((await failures(fileAt('/otherrange')))[0]).toMatch(/another range \(bytes 5-199999\/200000\)/);
    expect((await fs.stat(part())).size).toBe(1000);
  });

  it('keeps what came from elsewhere when a mirror has another file, whose end may lie before it', async () => {
    await fs.writeFile(part(), content.subarray(0, 100_000));
    const found = await failures(fileAt('/another', '/long'));
    expect(found[0]).toMatch(/has a file of 70000 bytes; expected 200000/);
    expect(found[1]).toMatch(/has a file of 400000 bytes; expected 200000/);
    await transfer(fileAt('/another', '/good'), folder);
    expect(log.map(({ range }) => range)).toEqual(Array.from({ length: 4 }, () => 'bytes=100000-'));
    expect(await there()).toEqual(['data.bin']);
  });

  it('gives up in silence, in the time of one mirror for all together, and keeps what came', async () => {
    const start = Date.now();
    expect(await failures(fileAt('/silent', '/silent', '/silent'), { silence: 1000 })).toHaveLength(3);
    const took = Date.now() - start;
    expect(took).toBeGreaterThan(900);
    // One second, and slack for a busy machine; three mirrors each with all of it would take three.
    expect(took).toBeLessThan(2500);
    expect((await failures(fileAt('/stall')))[0]).toMatch(/no answer in time/);
    expect((await fs.stat(part())).size).toBe(50_000);
  });
  it('is patient with what is slow but alive', async () => {
    await transfer(fileAt('/slow'), folder, { silence: 400 });
    expect(await there()).toEqual(['data.bin']);
  });

  it('stops when told to, with what came kept', async () => {
    const stop = new AbortController();
    const reason = new Error('the user stopped it');
    const work = transfer(fileAt('/slow'), folder, { signal: stop.signal, progress: () => stop.abort(reason) });
    await expect(work).rejects.toBe(reason);
    expect(await there()).toEqual([partialName('data.bin')]);
    await expect(transfer(fileAt('/good'), folder, { signal: stop.signal })).rejects.toBe(reason);
    await transfer(fileAt('/good'), folder);
    expect(await there()).toEqual(['data.bin']);
  });

  it('names what cannot be reached', async () => {
    const closed = http.createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect((await failures(fileAt(`http://127.0.0.1:${port}/x`)))[0]).toMatch(/ECONNREFUSED/);
  });
  it('names a folder that does not take the file', async () => {
    await expect(transfer(fileAt('/good'), `${folder}/none`)).rejects.toThrow(
      /cannot be written: no such file or folder/,
    );
  });
});

/** A small set in the layout of MNIST, its files on the server. */
function smallMnist(withContent: boolean): PublishedDataset {
  const images = (n: number) => gzipSync(idxBytes('u8', [n, 2, 2], range(4 * n)));
  const labels = (n: number) => gzipSync(idxBytes('u8', [n], range(n)));
  const parts = {
    'train-images-idx3-ubyte.gz': images(5),
    'train-labels-idx1-ubyte.gz': labels(5),
    't10k-images-idx3-ubyte.gz': images(3),
    't10k-labels-idx1-ubyte.gz': labels(3),
  };
  const listed = Object.entries(parts).map(([name, bytes]): PublishedFile => {
    files.set(`/mnist/${name}`, bytes);
    const all = { name, size: bytes.length, sha256: sha(bytes), urls: [`${base}/mnist/${name}`] };
    return withContent ? { ...all, contentSha256: sha(gunzipSync(bytes)) } : all;
  });
  return { key: 'mnist', title: 'Small MNIST', authors: '', home: '', description: '', files: listed };
}

describe('a published set', () => {
  it('is fetched, with progress over all files, and is then complete', async () => {
    const set = smallMnist(false);
    const total = set.files.reduce((sum, file) => sum + file.size, 0);
    expect(await publishedStatus(set, folder)).toMatchObject({ state: 'absent', bytesToFetch: total });
    const seen: DownloadProgress[] = [];
    await downloadPublished(set, `${folder}/deep/mnist`, { progress: (p) => seen.push(p) });
    expect(seen.at(-1)).toEqual({ stage: 'downloading', file: 't10k-labels-idx1-ubyte.gz', received: total, total });
    expect(await publishedStatus(set, `${folder}/deep/mnist`)).toMatchObject({
      state: 'complete',
      missing: [],
      bytesToFetch: 0,
    });
    const data = await resolveDataset(parseDataset({ source: 'mnist' }), { dataFolder: `${folder}/deep` });
    expect([data.name, data.train.count, data.test!.count, data.outputs]).toEqual(['MNIST', 5, 3, 10]);
    log.length = 0;
    await downloadPublished(set, `${folder}/deep/mnist`);
    expect(log).toEqual([]);
  });

  it('fetches only what is missing, and takes other packings of the same content for it', async () => {
    const set = smallMnist(true);
    const bytes = (i: number) => gunzipSync(files.get(`/mnist/${set.files[i].name}`)!);
    await fs.writeFile(`${folder}/train-images-idx3-ubyte`, bytes(0));
    await fs.writeFile(`${folder}/train-labels-idx1-ubyte.gz`, gzipSync(bytes(1), { level: 0 }));
    await fs.writeFile(`${folder}/t10k-images-idx3-ubyte.gz`, 'damaged');
    expect(await publishedStatus(set, folder)).toMatchObject({
      state: 'partial',
      missing: ['t10k-labels-idx1-ubyte.gz'],
    });
    await downloadPublished(set, folder);
    expect(log.map(({ url }) => url)).toEqual(['/mnist/t10k-images-idx3-ubyte.gz', '/mnist/t10k-labels-idx1-ubyte.gz']);
  });

  it('says without a network which files to put where', async () => {
    const set = {
      ...smallMnist(false),
      files: smallMnist(false).files.map((file) => ({ ...file, urls: ['http://127.0.0.1:9/x'] })),
    };
    const error: unknown = await downloadPublished(set, folder, { silence: 400 }).catch((reason: unknown) => reason);
    expect(error).not.toBeInstanceOf(InputError);
    const message = (error as Error).message;
    expect(message).toMatch(/^Small MNIST could not be downloaded \(127\.0\.0\.1:9: .+\)\.\nWithout a network/);
    for (const file of set.files) for (const piece of [file.name, file.sha256]) expect(message).toContain(piece);
    expect(message).toContain(folder);
  });

  it('is asked for by name in the message of an experiment that lacks it', async () => {
    const act = resolveDataset(parseDataset({ source: 'fashion-mnist' }), { dataFolder: folder });
    await expect(act).rejects.toThrow(InputError);
    await expect(act).rejects.toThrow(/Fashion-MNIST is not on this machine yet: .*fashion-mnist lacks train-images/);
    await expect(act).rejects.toThrow(/raw\.githubusercontent\.com/);
  });
});

/** A set in the layout of CIFAR-10: two images a file. */
function smallCifar(entries = ['data_batch_1.bin', 'test_batch.bin'], size = 2 * 3073): PublishedDataset {
  const batch = (first: number) =>
    Buffer.concat([Buffer.of(first), Buffer.alloc(3072, 7), Buffer.of(9), Buffer.alloc(3072, 8)]);
  const archive = gzipSync(
    tarBytes([
      { name: 'cifar-10-batches-bin/', type: '5', data: '' },
      { name: 'cifar-10-batches-bin/readme.html', data: 'hello' },
      ...entries.map((name, i) => ({ name: `../../cifar-10-batches-bin/${name}`, data: batch(i) })),
    ]),
  );
  files.set('/cifar.tar.gz', archive);
  return {
    key: 'cifar-10',
    title: 'Small CIFAR',
    authors: '',
    home: '',
    description: '',
    files: [{ name: 'cifar.tar.gz', size: archive.length, sha256: sha(archive), urls: [`${base}/cifar.tar.gz`] }],
    unpacked: ['data_batch_1.bin', 'test_batch.bin'].map((name) => ({ name, size })),
  };
}

describe('a set in an archive', () => {
  it('is unpacked into its folder, nowhere else, and the archive goes', async () => {
    const set = smallCifar();
    const stages = new Set<string>();
    await downloadPublished(set, `${folder}/cifar-10`, { progress: ({ stage }) => stages.add(stage) });
    expect([...stages]).toEqual(['downloading', 'unpacking']);
    expect((await fs.readdir(`${folder}/cifar-10`)).sort()).toEqual(['data_batch_1.bin', 'test_batch.bin']);
    expect(await there()).toEqual(['cifar-10']);
    expect((await publishedStatus(set, `${folder}/cifar-10`)).state).toBe('complete');
    const data = await resolveDataset(parseDataset({ source: 'cifar-10', path: 'cifar-10' }), { baseFolder: folder });
    expect([...data.train.targets.values, ...data.test!.targets.values]).toEqual([0, 9, 1, 9]);
    log.length = 0;
    await downloadPublished(set, `${folder}/cifar-10`);
    expect(log).toEqual([]);
  });
  it('is taken from an archive that someone put there, without a network', async () => {
    const set = smallCifar();
    await unpackIfThere(set, folder);
    expect(await there()).toEqual([]);
    await fs.writeFile(`${folder}/cifar.tar.gz`, files.get('/cifar.tar.gz')!);
    await unpackIfThere(set, folder);
    expect(await there()).toEqual(['data_batch_1.bin', 'test_batch.bin']);
    expect(log).toEqual([]);
  });
  it('is refused when it is not the published one, or does not hold what it should', async () => {
    await fs.writeFile(`${folder}/cifar.tar.gz`, 'x');
    await expect(unpackIfThere(smallCifar(), folder)).rejects.toThrow(
      /cifar\.tar\.gz: expected \d+ bytes with SHA-256 .*, found 1 bytes/,
    );
    await expect(downloadPublished(smallCifar(['data_batch_1.bin']), `${folder}/a`)).rejects.toThrow(
      /expected test_batch\.bin in it/,
    );
    await expect(downloadPublished(smallCifar(undefined, 5000), `${folder}/b`)).rejects.toThrow(
      /expected 5000 bytes, found 6146/,
    );
  });
});

describe('the catalogue', () => {
  it('is well formed, and says offline what to do', () => {
    for (const set of publishedDatasets as readonly PublishedDataset[]) {
      for (const file of set.files) {
        expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(file.size).toBeGreaterThan(1000);
        for (const url of file.urls) expect(new URL(url).pathname.split('/').at(-1)).toBe(file.name);
      }
      expect(offlineAdvice(set, '/somewhere')).toMatch(/into the folder \/somewhere/);
      expect(parseDataset({ source: set.key }).source).toBe(set.key);
    }
  });
});

const mnist = sharedData('mnist');
describeWhere(mnist.available, 'the catalogue against MNIST itself', () => {
  it('knows the content of the files', async () => {
    for (const file of publishedDatasets[0].files) {
      const bytes = await fs.readFile(`${mnist.folder}/${file.name}`);
      expect(sha(gunzipSync(bytes))).toBe(file.contentSha256);
    }
  });
});
