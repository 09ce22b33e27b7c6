/**
 * The schema, as the ordered list of steps that lead to it. A step that has been released is never edited (a test holds its hash): a
 * change is a new step at the end, with a dump of the version before it under test/main/store/versions.
 *
 * Ids that leave the store are texts; rows refer to one another by the integer `seq`. Summary values are clustered by key, so that a filter
 * or a sort by one key reads one stretch of pages, whatever the number of keys. Long texts lie apart from `runs`, so that a scan of
 * the runs stays short.
 */
import type Database from 'better-sqlite3';
import { readHeadlinesAgain } from './headline-step.ts';

export interface Migration {
  /** The version that it leads to: 1, 2, ... */
  readonly version: number;
  readonly sql: string;
  /** What SQL alone cannot do; runs after `sql`, in the same transaction. */
  readonly run?: (db: Database.Database) => void;
}

/** 'Cvtr', in the database's header. */
export const applicationId = 0x43767472;

export const migrations: readonly Migration[] = [
  {
    version: 1,
    sql: `
CREATE TABLE projects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  folded TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
  deleted INTEGER
) STRICT;

CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  project INTEGER REFERENCES projects (seq),
  status TEXT NOT NULL
    CHECK (status IN ('queued', 'running', 'paused', 'done', 'failed', 'diverged', 'cancelled', 'interrupted')),
  colour INTEGER NOT NULL,
  seed INTEGER,
  setup TEXT NOT NULL,
  priority INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  started INTEGER,
  resumed INTEGER,
  ended INTEGER,
  updated INTEGER NOT NULL,
  seconds REAL NOT NULL DEFAULT 0,
  step INTEGER NOT NULL DEFAULT 0,
  steps INTEGER,
  parent TEXT,
  relation TEXT CHECK (relation IN ('rerun', 'clone', 'import')),
  archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
  deleted INTEGER,
  pid INTEGER,
  host TEXT,
  next_batch INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_by_project ON runs (project, created);
CREATE INDEX runs_by_created ON runs (created);
CREATE INDEX runs_by_status ON runs (status);
CREATE INDEX runs_by_setup ON runs (setup);

CREATE TABLE run_texts (
  run INTEGER PRIMARY KEY REFERENCES runs (seq) ON DELETE CASCADE,
  experiment TEXT NOT NULL,
  provenance TEXT NOT NULL DEFAULT 'null',
  notes TEXT NOT NULL DEFAULT '',
  error TEXT
) STRICT;
-- What a search for text looks through: folded name, tags, notes, error, texts of the experiment.
CREATE TABLE run_search (
  run INTEGER PRIMARY KEY REFERENCES runs (seq) ON DELETE CASCADE,
  folded TEXT NOT NULL
) STRICT;

CREATE TABLE tags (
  seq INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE run_tags (
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  tag INTEGER NOT NULL REFERENCES tags (seq),
  PRIMARY KEY (run, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_tags_by_tag ON run_tags (tag, run);

CREATE TABLE summary_keys (
  seq INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  -- Whether some run has had a number, or a text, under it.
  numbers INTEGER NOT NULL DEFAULT 0,
  texts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE summary (
  key INTEGER NOT NULL REFERENCES summary_keys (seq),
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  value REAL,
  text TEXT,
  low REAL,
  high REAL,
  -- The measurement that it was read off, if any.
  source INTEGER,
  PRIMARY KEY (key, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX summary_by_run ON summary (run);

CREATE TABLE series (
  seq INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  name TEXT NOT NULL,
  points INTEGER NOT NULL DEFAULT 0,
  last_step INTEGER,
  UNIQUE (run, name)
) STRICT;
-- One batch's points of one series: steps (signed little-endian integers of step_bytes each), then as many float64 values.
CREATE TABLE chunks (
  series INTEGER NOT NULL REFERENCES series (seq) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  points INTEGER NOT NULL,
  first_step INTEGER NOT NULL,
  last_step INTEGER NOT NULL,
  step_bytes INTEGER NOT NULL CHECK (step_bytes IN (4, 8)),
  crc INTEGER NOT NULL,
  data BLOB NOT NULL,
  CHECK (length(data) = points * (step_bytes + 8)),
  UNIQUE (series, number)
) STRICT;

-- One batch's log lines: a JSON list of [time, level, text].
CREATE TABLE logs (
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  data TEXT NOT NULL,
  UNIQUE (run, number)
) STRICT;

CREATE TABLE artifacts (
  seq INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('measurement', 'checkpoint', 'file')),
  name TEXT NOT NULL,
  -- Below the folder of artifacts, with slashes.
  path TEXT NOT NULL UNIQUE,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'present' CHECK (state IN ('present', 'missing', 'damaged')),
  created INTEGER NOT NULL
) STRICT;
CREATE INDEX artifacts_by_run ON artifacts (run);
CREATE UNIQUE INDEX artifacts_files ON artifacts (run, name) WHERE kind = 'file';

CREATE TABLE measurements (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  parameter TEXT NOT NULL,
  step INTEGER NOT NULL,
  epoch REAL,
  method TEXT NOT NULL CHECK (method IN ('exact', 'projected')),
  origin TEXT NOT NULL CHECK (origin IN ('schedule', 'manual')),
  state TEXT NOT NULL CHECK (state IN ('done', 'failed')),
  samples INTEGER,
  summary TEXT,
  error TEXT,
  options TEXT NOT NULL DEFAULT 'null',
  artifact INTEGER REFERENCES artifacts (seq),
  created INTEGER NOT NULL,
  CHECK ((state = 'done') = (summary IS NOT NULL)),
  CHECK ((state = 'failed') = (error IS NOT NULL))
) STRICT;
CREATE INDEX measurements_by_run ON measurements (run, parameter, step);
CREATE INDEX measurements_by_artifact ON measurements (artifact);
CREATE UNIQUE INDEX measurements_scheduled ON measurements (run, parameter, step, method) WHERE origin = 'schedule';

CREATE TABLE checkpoints (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  step INTEGER NOT NULL,
  epoch REAL,
  state TEXT NOT NULL,
  artifact INTEGER NOT NULL REFERENCES artifacts (seq),
  created INTEGER NOT NULL,
  UNIQUE (run, step)
) STRICT;
CREATE INDEX checkpoints_by_artifact ON checkpoints (artifact);

-- Runs that were imported, by the hash of their content, so that importing twice adds nothing.
CREATE TABLE imports (
  sha256 TEXT PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_by_run ON imports (run);

CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Rates measured on a machine: what a forecast is made from.
CREATE TABLE calibrations (
  machine TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  measured INTEGER NOT NULL,
  PRIMARY KEY (machine, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE figures (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  project INTEGER REFERENCES projects (seq),
  recipe TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  deleted INTEGER
) STRICT;

CREATE TABLE datasets (
  name TEXT PRIMARY KEY,
  spec TEXT NOT NULL,
  sha256 TEXT,
  counts TEXT NOT NULL DEFAULT 'null',
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
  },
  { version: 2, sql: '-- Headline slopes at the cutoff 1e-2.', run: readHeadlinesAgain },
  {
    version: 3,
    sql: `
-- Groups by setup and counts by state are read from the index alone: of 20,000 runs in 4 ms rather than 9, and in 1 rather than 3.
DROP INDEX runs_by_setup;
CREATE INDEX runs_by_setup ON runs (setup, created, deleted, archived);
DROP INDEX runs_by_status;
CREATE INDEX runs_by_status ON runs (status, deleted, archived, project);
`,
  },
];

export const schemaVersion = migrations.at(-1)!.version;
