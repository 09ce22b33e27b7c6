PRAGMA application_id = 1131836530;
PRAGMA user_version = 3;
PRAGMA foreign_keys = OFF;
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
CREATE TABLE run_texts (
  run INTEGER PRIMARY KEY REFERENCES runs (seq) ON DELETE CASCADE,
  experiment TEXT NOT NULL,
  provenance TEXT NOT NULL DEFAULT 'null',
  notes TEXT NOT NULL DEFAULT '',
  error TEXT
) STRICT;
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
CREATE INDEX runs_by_setup ON runs (setup, created, deleted, archived);
CREATE INDEX runs_by_status ON runs (status, deleted, archived, project);
INSERT INTO "projects" ("seq", "id", "name", "folded", "description", "created", "archived", "deleted") VALUES (1, '1m82v7nyg1xdnjzs', 'MNIST', 'mnist', 'first light', 1795392003000, 0, NULL);
INSERT INTO "runs" ("seq", "id", "name", "project", "status", "colour", "seed", "setup", "priority", "created", "started", "resumed", "ended", "updated", "seconds", "step", "steps", "parent", "relation", "archived", "deleted", "pid", "host", "next_batch", "revision") VALUES (1, '1m82v7rw82xwh707', 'frozen', 1, 'done', 0, 7, '3aecac45f9d58a2f', 0, 1795392004000, 1795392006000, NULL, 1795392016000, 1795392016000, 10.0, 3, NULL, NULL, NULL, 0, NULL, NULL, NULL, 1, 0);
INSERT INTO "runs" ("seq", "id", "name", "project", "status", "colour", "seed", "setup", "priority", "created", "started", "resumed", "ended", "updated", "seconds", "step", "steps", "parent", "relation", "archived", "deleted", "pid", "host", "next_batch", "revision") VALUES (2, 'imported1', 'imported', NULL, 'done', 1, 7, '3aecac45f9d58a2f', 0, 1795392004000, 1795392006000, NULL, 1795392016000, 1795392016000, 10.0, 3, NULL, NULL, 'import', 0, NULL, NULL, NULL, 1, 0);
INSERT INTO "run_texts" ("run", "experiment", "provenance", "notes", "error") VALUES (1, '{"name":"first light","seed":7,"dataset":{"kind":"idx","name":"mnist"},"model":{"input":[784],"layers":[{"type":"dense","name":"fc1","units":50,"bias":false},{"type":"activation","function":"relu"},{"type":"dense","name":"fc2","units":10,"bias":false}],"loss":"cross-entropy"},"optimiser":{"lr":0.1,"momentum":0,"nesterov":false},"batch_size":50,"epochs":20}', '{"version":"0.1.0"}', 'γ', NULL);
INSERT INTO "run_texts" ("run", "experiment", "provenance", "notes", "error") VALUES (2, '{"name":"first light","seed":7,"dataset":{"kind":"idx","name":"mnist"},"model":{"input":[784],"layers":[{"type":"dense","name":"fc1","units":50,"bias":false},{"type":"activation","function":"relu"},{"type":"dense","name":"fc2","units":10,"bias":false}],"loss":"cross-entropy"},"optimiser":{"lr":0.1,"momentum":0,"nesterov":false},"batch_size":50,"epochs":20}', '{"version":"0.1.0"}', 'γ', NULL);
INSERT INTO "run_search" ("run", "folded") VALUES (1, 'frozen
paper
γ
first light idx mnist [784] dense fc1 activation relu fc2 cross-entropy');
INSERT INTO "run_search" ("run", "folded") VALUES (2, 'imported
paper
γ
first light idx mnist [784] dense fc1 activation relu fc2 cross-entropy');
INSERT INTO "tags" ("seq", "name") VALUES (1, 'paper');
INSERT INTO "run_tags" ("run", "tag") VALUES (1, 1);
INSERT INTO "run_tags" ("run", "tag") VALUES (2, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (1, 'dataset.kind', 0, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (2, 'dataset.name', 0, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (3, 'model.input', 0, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (4, 'model.loss', 0, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (5, 'optimiser.lr', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (6, 'optimiser.momentum', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (7, 'optimiser.nesterov', 0, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (8, 'batch_size', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (9, 'epochs', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (10, 'dataset', 0, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (11, 'loss', 1, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (12, 'model', 0, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (13, 'activation', 0, 1);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (14, 'gamma.fc2', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (15, 'gamma_Q.fc2', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (16, 'C_on_Q.fc2', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (17, 'gamma.fc2.cross_fitted', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (18, 'gamma.training_set.fc2@1e-2', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (19, 'gamma.training_set.fc2@1e-4', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (20, 'gamma.cross_fitted.fc2@1e-2', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (21, 'gamma.cross_fitted.fc2@1e-4', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (22, 'cosine_CH.fc2', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (23, 'cosine_CQ.fc2', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (24, 'commutator_ratio.fc2', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (25, 'sharpness.fc2', 1, 0);
INSERT INTO "summary_keys" ("seq", "key", "numbers", "texts") VALUES (26, 'trace.fc2', 1, 0);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (1, 1, NULL, 'idx', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (1, 2, NULL, 'idx', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (2, 1, NULL, 'mnist', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (2, 2, NULL, 'mnist', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (3, 1, NULL, '[784]', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (3, 2, NULL, '[784]', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (4, 1, NULL, 'cross-entropy', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (4, 2, NULL, 'cross-entropy', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (5, 1, 0.1, NULL, NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (5, 2, 0.1, NULL, NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (6, 1, 0.0, NULL, NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (6, 2, 0.0, NULL, NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (7, 1, NULL, 'false', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (7, 2, NULL, 'false', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (8, 1, 50.0, NULL, NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (8, 2, 50.0, NULL, NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (9, 1, 20.0, NULL, NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (9, 2, 20.0, NULL, NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (10, 1, NULL, 'mnist', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (10, 2, NULL, 'mnist', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (11, 1, 0.5, 'cross-entropy', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (11, 2, 0.5, 'cross-entropy', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (12, 1, NULL, '784-50-10', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (12, 2, NULL, '784-50-10', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (13, 1, NULL, 'relu', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (13, 2, NULL, 'relu', NULL, NULL, NULL);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (14, 1, 1.2, NULL, 1.18, 1.22, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (14, 2, 1.2, NULL, 1.18, 1.22, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (15, 1, 1.22, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (15, 2, 1.22, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (16, 1, 0.97, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (16, 2, 0.97, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (17, 1, 1.0999999999999999, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (17, 2, 1.0999999999999999, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (18, 1, 1.2, NULL, 1.18, 1.22, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (18, 2, 1.2, NULL, 1.18, 1.22, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (19, 1, 1.05, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (19, 2, 1.05, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (20, 1, 1.0999999999999999, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (20, 2, 1.0999999999999999, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (21, 1, 1.01, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (21, 2, 1.01, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (22, 1, 0.86, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (22, 2, 0.86, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (23, 1, 0.9, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (23, 2, 0.9, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (24, 1, 0.16, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (24, 2, 0.16, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (25, 1, 12.5, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (25, 2, 12.5, NULL, NULL, NULL, 2);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (26, 1, 2.0, NULL, NULL, NULL, 1);
INSERT INTO "summary" ("key", "run", "value", "text", "low", "high", "source") VALUES (26, 2, 2.0, NULL, NULL, NULL, 2);
INSERT INTO "series" ("seq", "run", "name", "points", "last_step") VALUES (1, 1, 'loss', 3, 3);
INSERT INTO "series" ("seq", "run", "name", "points", "last_step") VALUES (2, 2, 'loss', 3, 3);
INSERT INTO "chunks" ("series", "number", "points", "first_step", "last_step", "step_bytes", "crc", "data") VALUES (1, 0, 3, 1, 3, 4, 3095256283, X'01000000020000000300000066666666666602409A9999999999F13F000000000000E03F');
INSERT INTO "chunks" ("series", "number", "points", "first_step", "last_step", "step_bytes", "crc", "data") VALUES (2, 0, 3, 1, 3, 4, 3095256283, X'01000000020000000300000066666666666602409A9999999999F13F000000000000E03F');
INSERT INTO "logs" ("run", "number", "lines", "data") VALUES (1, 0, 1, '[[1,"info","started"]]');
INSERT INTO "logs" ("run", "number", "lines", "data") VALUES (2, 0, 1, '[[1,"info","started"]]');
INSERT INTO "artifacts" ("seq", "run", "kind", "name", "path", "bytes", "sha256", "state", "created") VALUES (1, 1, 'checkpoint', '3', '1m82v7rw82xwh707/checkpoint-step-3-1m82v7vt02sf5wch.safetensors', 10, '47320987f9a49d5b00119b960f247a956773f57543982b8bfcb6da5bb3afd9ef', 'present', 1795392010000);
INSERT INTO "artifacts" ("seq", "run", "kind", "name", "path", "bytes", "sha256", "state", "created") VALUES (2, 1, 'measurement', 'fc2.kernel', '1m82v7rw82xwh707/fc2.kernel-step-3-1m82v7zq03xs1zar.safetensors', 6, '381d5d94e168a810f723a90993e1a424589391db725bf0a4d9b91579f757ddc6', 'present', 1795392014000);
INSERT INTO "artifacts" ("seq", "run", "kind", "name", "path", "bytes", "sha256", "state", "created") VALUES (3, 2, 'measurement', 'fc2.kernel', 'imported1/fc2.kernel-step-3-1m82v86hr0ydpnnw.safetensors', 6, '381d5d94e168a810f723a90993e1a424589391db725bf0a4d9b91579f757ddc6', 'present', 1795392021000);
INSERT INTO "artifacts" ("seq", "run", "kind", "name", "path", "bytes", "sha256", "state", "created") VALUES (4, 2, 'checkpoint', '3', 'imported1/checkpoint-step-3-1m82v89fg1mm59va.safetensors', 10, '47320987f9a49d5b00119b960f247a956773f57543982b8bfcb6da5bb3afd9ef', 'present', 1795392024000);
INSERT INTO "measurements" ("seq", "id", "run", "parameter", "step", "epoch", "method", "origin", "state", "samples", "summary", "error", "options", "artifact", "created") VALUES (1, '1m82v7zq03xs1zar', 1, 'fc2.kernel', 3, NULL, 'exact', 'schedule', 'done', 8000, '{"format":"covature-measurement","version":1,"parameter":"fc2.kernel","shape":[50,10],"d":500,"method":"exact","precision":"float64","samples":8000,"halves":{"seed":1,"sizes":[4000,4000]},"loss":0.02,"accuracy":0.99,"norm_mean_gradient":0.001,"trace":{"C":1,"H":2,"Q":3},"cosine_CH":0.86,"cosine_CQ":0.9,"commutator_ratio":0.16,"commutator_baseline":{"mean":0.6,"standard_deviation":0.01,"percentile_1":0.58,"median":0.6,"rotations":200,"seed":1,"truncated_C":0,"truncated_H":0},"eigenvalues":{"largest":12.5,"smallest":-1e-12,"positive":450,"zero":50,"negative":0},"floor":{"H":1e-14,"C":1e-14,"Q":1e-14},"gamma":{"training_set":[{"cutoff":0.01,"selected":100,"non_positive":1,"below_floor":0,"n":99,"decades":3,"gamma":{"ols":1.2,"r_squared":0.9,"intercept":0,"interval":{"ols":[1.18,1.22]}},"gamma_Q":{"ols":1.22,"r_squared":0.9,"intercept":0},"C_on_Q":{"ols":0.97,"r_squared":0.9,"intercept":0}},{"cutoff":0.0001,"selected":100,"non_positive":1,"below_floor":0,"n":99,"decades":3,"gamma":{"ols":1.05,"r_squared":0.9,"intercept":0},"gamma_Q":{"ols":1.07,"r_squared":0.9,"intercept":0},"C_on_Q":{"ols":0.97,"r_squared":0.9,"intercept":0}}],"cross_fitted":[{"cutoff":0.01,"selected":100,"non_positive":1,"below_floor":0,"n":99,"decades":3,"gamma":{"ols":1.0999999999999999,"r_squared":0.9,"intercept":0},"gamma_Q":{"ols":1.1199999999999999,"r_squared":0.9,"intercept":0},"C_on_Q":{"ols":0.97,"r_squared":0.9,"intercept":0}},{"cutoff":0.0001,"selected":100,"non_positive":1,"below_floor":0,"n":99,"decades":3,"gamma":{"ols":1.01,"r_squared":0.9,"intercept":0},"gamma_Q":{"ols":1.03,"r_squared":0.9,"intercept":0},"C_on_Q":{"ols":0.97,"r_squared":0.9,"intercept":0}}]},"engine":{"blas":"reference","backend":"cpu","threads":1},"seconds":{"total":1}}', NULL, 'null', 2, 1795392015000);
INSERT INTO "measurements" ("seq", "id", "run", "parameter", "step", "epoch", "method", "origin", "state", "samples", "summary", "error", "options", "artifact", "created") VALUES (2, '1m82v86hr0ydpnnw', 2, 'fc2.kernel', 3, NULL, 'exact', 'schedule', 'done', 8000, '{"format":"covature-measurement","version":1,"parameter":"fc2.kernel","shape":[50,10],"d":500,"method":"exact","precision":"float64","samples":8000,"halves":{"seed":1,"sizes":[4000,4000]},"loss":0.02,"accuracy":0.99,"norm_mean_gradient":0.001,"trace":{"C":1,"H":2,"Q":3},"cosine_CH":0.86,"cosine_CQ":0.9,"commutator_ratio":0.16,"commutator_baseline":{"mean":0.6,"standard_deviation":0.01,"percentile_1":0.58,"median":0.6,"rotations":200,"seed":1,"truncated_C":0,"truncated_H":0},"eigenvalues":{"largest":12.5,"smallest":-1e-12,"positive":450,"zero":50,"negative":0},"floor":{"H":1e-14,"C":1e-14,"Q":1e-14},"gamma":{"training_set":[{"cutoff":0.01,"selected":100,"non_positive":1,"below_floor":0,"n":99,"decades":3,"gamma":{"ols":1.2,"r_squared":0.9,"intercept":0,"interval":{"ols":[1.18,1.22]}},"gamma_Q":{"ols":1.22,"r_squared":0.9,"intercept":0},"C_on_Q":{"ols":0.97,"r_squared":0.9,"intercept":0}},{"cutoff":0.0001,"selected":100,"non_positive":1,"below_floor":0,"n":99,"decades":3,"gamma":{"ols":1.05,"r_squared":0.9,"intercept":0},"gamma_Q":{"ols":1.07,"r_squared":0.9,"intercept":0},"C_on_Q":{"ols":0.97,"r_squared":0.9,"intercept":0}}],"cross_fitted":[{"cutoff":0.01,"selected":100,"non_positive":1,"below_floor":0,"n":99,"decades":3,"gamma":{"ols":1.0999999999999999,"r_squared":0.9,"intercept":0},"gamma_Q":{"ols":1.1199999999999999,"r_squared":0.9,"intercept":0},"C_on_Q":{"ols":0.97,"r_squared":0.9,"intercept":0}},{"cutoff":0.0001,"selected":100,"non_positive":1,"below_floor":0,"n":99,"decades":3,"gamma":{"ols":1.01,"r_squared":0.9,"intercept":0},"gamma_Q":{"ols":1.03,"r_squared":0.9,"intercept":0},"C_on_Q":{"ols":0.97,"r_squared":0.9,"intercept":0}}]},"engine":{"blas":"reference","backend":"cpu","threads":1},"seconds":{"total":1}}', NULL, 'null', 3, 1795392015000);
INSERT INTO "checkpoints" ("seq", "id", "run", "step", "epoch", "state", "artifact", "created") VALUES (1, '1m82v7vt02sf5wch', 1, 3, 1.0, 'null', 1, 1795392011000);
INSERT INTO "checkpoints" ("seq", "id", "run", "step", "epoch", "state", "artifact", "created") VALUES (2, '1m82v89fg1mm59va', 2, 3, 1.0, 'null', 4, 1795392011000);
INSERT INTO "imports" ("sha256", "run") VALUES ('c9e20960a649cb4f60323a513529d8697383256d45287b8c4efa17e2f130caa4', 2);
INSERT INTO "settings" ("key", "value", "updated") VALUES ('theme', '"dark"', 1795392025000);
INSERT INTO "calibrations" ("machine", "name", "value", "measured") VALUES ('machine', 'dgemm', '100000000000', 1795392026000);
INSERT INTO "figures" ("id", "name", "project", "recipe", "created", "updated", "deleted") VALUES ('1m82v8fb01q3twas', 'scatter', 1, '{"kind":"scatter"}', 1795392027000, 1795392027000, NULL);
INSERT INTO "datasets" ("name", "spec", "sha256", "counts", "created", "updated") VALUES ('mnist', '{"kind":"idx"}', NULL, '{"train":60000}', 1795392029000, 1795392029000);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('projects', 1);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('runs', 2);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('checkpoints', 2);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('measurements', 2);
