/**
 * The published data sets that can be fetched by name. Checksums are those of the files on the publishers' mirrors, as pinned by many public loaders
 * (torchvision, TensorFlow Datasets and others agree); MNIST's were also compared with a copy's content. Every download is checked by size and
 * SHA-256, so that a plain-http mirror does no harm.
 */

export interface PublishedFile {
  /** The name it is kept under. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** Addresses to download it from, tried in this order. */
  readonly urls: readonly string[];
  /** SHA-256 of what a .gz file unpacks to: another packing of the same content is as good. */
  readonly contentSha256?: string | undefined;
}

/** Files inside an archive that are kept in its place. */
export interface Unpacked {
  readonly name: string;
  readonly size: number;
}

export interface PublishedDataset {
  /** The `source` of a specification, and the name of its folder. */
  readonly key: string;
  readonly title: string;
  readonly authors: string;
  readonly home: string;
  readonly description: string;
  readonly files: readonly PublishedFile[];
  /** Where `files` is one tar.gz archive: what is taken out of it. */
  readonly unpacked?: readonly Unpacked[];
}

const idxNames = [
  'train-images-idx3-ubyte.gz',
  'train-labels-idx1-ubyte.gz',
  't10k-images-idx3-ubyte.gz',
  't10k-labels-idx1-ubyte.gz',
] as const;

function idxFiles(
  mirrors: readonly string[],
  rows: readonly (readonly [size: number, sha256: string, contentSha256?: string])[],
): PublishedFile[] {
  return rows.map(([size, sha256, contentSha256], i) => ({
    name: idxNames[i],
    size,
    sha256,
    urls: mirrors.map((mirror) => mirror + idxNames[i]),
    contentSha256,
  }));
}

export const publishedDatasets = [
  {
    key: 'mnist',
    title: 'MNIST',
    authors: 'Y. LeCun, C. Cortes, C. Burges',
    home: 'http://yann.lecun.com/exdb/mnist/',
    description: 'Handwritten digits: 60,000 + 10,000 grey images of 28 x 28 in 10 classes.',
    files: idxFiles(
      ['https://storage.googleapis.com/cvdf-datasets/mnist/', 'https://ossci-datasets.s3.amazonaws.com/mnist/'],
      [
        [
          9_912_422,
          '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
          'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
        ],
        [
          28_881,
          '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
          '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
        ],
        [
          1_648_877,
          '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
          '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
        ],
        [
          4_542,
          'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
          'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
        ],
      ],
    ),
  },
  {
    key: 'fashion-mnist',
    title: 'Fashion-MNIST',
    authors: 'H. Xiao, K. Rasul, R. Vollgraf (Zalando Research; MIT licence)',
    home: 'https://github.com/zalandoresearch/fashion-mnist',
    description: 'Articles of clothing: 60,000 + 10,000 grey images of 28 x 28 in 10 classes.',
    files: idxFiles(
      [
        'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
        'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
      ],
      [
        [26_421_880, '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84'],
        [29_515, 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845'],
        [4_422_102, '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073'],
        [5_148, '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5'],
      ],
    ),
  },
  {
    key: 'cifar-10',
    title: 'CIFAR-10',
    authors: 'A. Krizhevsky, V. Nair, G. Hinton',
    home: 'https://www.cs.toronto.edu/~kriz/cifar.html',
    description: 'Photographs: 50,000 + 10,000 colour images of 32 x 32 in 10 classes.',
    files: [
      {
        name: 'cifar-10-binary.tar.gz',
        size: 170_052_171,
        sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
        urls: [
          'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
          'https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz',
        ],
      },
    ],
    unpacked: ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch'].map(
      (name) => ({
        name: `${name}.bin`,
        size: 30_730_000,
      }),
    ),
  },
] as const satisfies readonly PublishedDataset[];

export type PublishedKey = (typeof publishedDatasets)[number]['key'];

export function publishedDataset(key: PublishedKey): PublishedDataset {
  return publishedDatasets.find((set) => set.key === key)!;
}
