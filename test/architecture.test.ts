import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "..");
const longest = 400;

/** Which folders of src a folder may import, besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  http: ["lib"],
  model: ["lib"],
  tls: ["model", "lib"],
  material: ["tls", "model", "lib"],
  acme: ["material", "model", "lib"],
  otlp: ["model", "lib"],
  sharing: ["model", "lib"],
  providers: ["material", "tls", "http", "model", "lib"],
  discovery: ["model", "lib"],
  health: ["http", "tls", "model", "lib"],
  channel: ["model", "lib"],
  observe: ["lib", "model"],
  admin: ["model", "observe", "lib"],
  data: ["channel", "tls", "http", "model", "observe", "lib"],
  control: [
    "lib",
    "http",
    "tls",
    "material",
    "acme",
    "otlp",
    "sharing",
    "model",
    "providers",
    "discovery",
    "health",
    "channel",
    "observe",
    "admin",
  ],
  cli: [
    "lib",
    "http",
    "tls",
    "material",
    "acme",
    "otlp",
    "sharing",
    "model",
    "providers",
    "discovery",
    "health",
    "channel",
    "observe",
    "admin",
    "data",
    "control",
  ],
};

/**
 * Which folders and files next to it a folder or a file may import: what stands on others is below them. A file is named
 * without its ending. A folder of `src` that is not here has no rules inside.
 */
const mayImportInside: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  data: {
    clock: [],
    open: [],
    sockets: [],
    decide: [],
    overload: ["decide"],
    pick: ["decide", "clock"],
    upstream: ["pick", "sockets", "clock", "open"],
    dispatch: ["upstream", "pick", "decide", "sockets", "clock", "open"],
    accept: ["decide", "sockets", "clock", "open"],
    guard: ["accept", "decide", "clock", "open"],
    serve: [
      "overload",
      "guard",
      "accept",
      "dispatch",
      "upstream",
      "pick",
      "decide",
      "sockets",
      "clock",
      "open",
    ],
    plane: ["overload", "serve", "guard", "accept", "dispatch", "upstream", "pick", "decide", "open"],
    explain: ["plane", "accept", "decide", "pick"],
    "open-sessions": ["open"],
    sweep: ["clock", "open"],
    "shortest-timeout": ["accept"],
    apply: ["shortest-timeout", "plane", "guard", "accept", "dispatch", "pick", "decide"],
    worker: [
      "overload",
      "apply",
      "sweep",
      "open-sessions",
      "plane",
      "explain",
      "serve",
      "guard",
      "accept",
      "upstream",
      "sockets",
    ],
  },
  control: {
    timers: [],
    state: ["timers"],
    workers: ["state", "timers"],
    backends: ["state", "workers", "timers"],
    change: ["state", "workers", "backends", "tell", "timers"],
    "control-plane": ["state", "workers", "backends", "change", "tell", "process", "timers"],
    // The admin server tells of reloads, and is told what expires: `change` and `tell` know each other.
    tell: ["state", "workers", "backends", "change", "control-plane", "timers"],
    process: ["state", "workers", "backends", "change", "tell", "control-plane", "timers"],
  },
};

/** Of other folders' files, whoever does not compose the program may import these alone. */
const doors: Readonly<Record<string, readonly string[]>> = { providers: ["src/providers/provider.ts"] };

const sources = globSync("src/**/*.ts", { cwd: root })
  .sort()
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

/** The imports of a source, static, dynamic or re-exported, as written. */
function specifiers(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g)].map((match) => match[1]!);
}

const folder = (path: string): string => path.split("/")[1]!;

function violations(path: string, text: string): string[] {
  const allowed = [folder(path), ...(mayImport[folder(path)] ?? [])];
  return specifiers(text)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => normalize(join(dirname(path), specifier)))
    .filter((target) => !allowed.includes(folder(target)) || !isOpen(folder(path), target))
    .map((target) => `${path} imports ${target}`);
}

/** The folder or file of `src/data`, say, that a path is in. */
const inside = (path: string): string => path.split("/")[2]!.replace(/\.ts$/, "");

function violationsInside(path: string, text: string): string[] {
  const rules = mayImportInside[folder(path)];
  if (rules === undefined) return [];
  const allowed = rules[inside(path)];
  if (allowed === undefined) return [`${path} has no rule`];
  return specifiers(text)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => normalize(join(dirname(path), specifier)))
    .filter((target) => folder(target) === folder(path) && inside(target) !== inside(path))
    .filter((target) => !allowed.includes(inside(target)))
    .map((target) => `${path} imports ${target}`);
}

/** Whether it is a source, and one that this folder may see. */
function isOpen(from: string, target: string): boolean {
  if (!target.startsWith("src/") || !target.endsWith(".ts")) return false;
  const seen = doors[folder(target)];
  return seen === undefined || from === folder(target) || from === "cli" || seen.includes(target);
}

test("a forbidden import is found in every form, and an allowed one is not", () => {
  const text = [
    'import { a } from "../cli/exit.ts";',
    'export * from "../providers/toml/errors.ts";',
    'const b = await import("../control/store.ts");',
    'import "../admin/server";',
    'import type { C } from "../lib/result.ts";',
    '// import { d } from "../cli/echo.ts";',
    'import { join } from "node:path";',
  ].join("\n");
  assert.deepEqual(violations("src/data/worker.ts", text), [
    "src/data/worker.ts imports src/cli/exit.ts",
    "src/data/worker.ts imports src/providers/toml/errors.ts",
    "src/data/worker.ts imports src/control/store.ts",
    "src/data/worker.ts imports src/admin/server",
  ]);
});

test("the control plane knows providers by their contract alone, and the commands know each of them", () => {
  const text =
    'import { a } from "../providers/provider.ts";\nimport { b } from "../providers/toml/load.ts";';
  assert.deepEqual(violations("src/control/run.ts", text), [
    "src/control/run.ts imports src/providers/toml/load.ts",
  ]);
  assert.deepEqual(violations("src/cli/run.ts", text), []);
});

test("the table of folders in the architecture page is the one that is enforced", () => {
  const text = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const rows = [...text.matchAll(/^\| `src\/(\w+)\/` \|.*\| (.+) \|$/gm)];
  const written = new Map(rows.map(([, name, allowed]) => [name!, foldersIn(allowed!).sort()]));
  const enforced = Object.entries(mayImport).map(([name, allowed]) => [name, [...allowed].sort()] as const);
  assert.deepEqual(written, new Map(enforced));
});

/** As the page names folders: one by one, or all but some. */
function foldersIn(allowed: string): string[] {
  const all = Object.keys(mayImport);
  const [words = ""] = allowed.split(";");
  if (words === "nothing") return [];
  if (words === "anything") return all.filter((name) => name !== "cli");
  const names = words.replace("all but ", "").split(", ");
  return words === names.join(", ") ? names : all.filter((name) => !["control", ...names].includes(name));
}

test("an arrow back inside a folder is found, in every direction that the table does not have", () => {
  const text = [
    'import { Leases } from "../pick/leases.ts";',
    'import { own } from "../sockets/owner.ts";',
    'import type { Session } from "../serve/relay/session.ts";',
    'import type { Plane } from "../plane.ts";',
    'import { Queue } from "./queue.ts";',
    'import type { Result } from "../../lib/result.ts";',
  ].join("\n");
  assert.deepEqual(violationsInside("src/data/dispatch/pool.ts", text), [
    "src/data/dispatch/pool.ts imports src/data/serve/relay/session.ts",
    "src/data/dispatch/pool.ts imports src/data/plane.ts",
  ]);
  assert.deepEqual(violationsInside("src/data/pick/leases.ts", 'import "../dispatch/queue.ts";'), [
    "src/data/pick/leases.ts imports src/data/dispatch/queue.ts",
  ]);
  assert.deepEqual(violationsInside("src/data/new/new.ts", ""), ["src/data/new/new.ts has no rule"]);
});

test("the tables of rules inside a folder name what is there, and that of src/data goes one way", () => {
  for (const [name, rules] of Object.entries(mayImportInside)) {
    const units = new Set(
      sources.filter(({ path }) => folder(path) === name).map(({ path }) => inside(path)),
    );
    assert.deepEqual(Object.keys(rules).sort(), [...units].sort());
  }
  const left = new Map(Object.entries(mayImportInside["data"]!));
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const [unit, allowed] of left) if (!allowed.some((other) => left.has(other))) left.delete(unit);
  }
  assert.deepEqual([...left.keys()], [], "a circle");
});

test("folders inside a folder of src keep its table", () => {
  assert.deepEqual(
    sources.flatMap(({ path, text }) => violationsInside(path, text)),
    [],
  );
});

test("every folder of src has import rules and keeps them", () => {
  assert.ok(sources.length > 0);
  const unknown = sources.filter(({ path }) => mayImport[folder(path)] === undefined);
  assert.deepEqual(
    unknown.map(({ path }) => path),
    [],
  );
  assert.deepEqual(
    sources.flatMap(({ path, text }) => violations(path, text)),
    [],
  );
});

test(`no source file is longer than ${longest} lines`, () => {
  const long = sources.filter(({ text }) => text.split("\n").length - 1 > longest);
  assert.deepEqual(
    long.map(({ path }) => path),
    [],
  );
});

test("half of the source files have at most 150 lines", () => {
  const lengths = sources.map(({ text }) => text.split("\n").length - 1).sort((a, b) => a - b);
  assert.ok(lengths[lengths.length >> 1]! <= 150);
});

test("sources export by name, and use no internals of Node", () => {
  const wrong = sources.filter(({ text }) =>
    /^export default|\bprocess\.binding\b|\bas default\b/m.test(text),
  );
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test("node:http is loaded by lib/node-modules.ts alone: importing it costs start-up 45 ms, and node:http2 loads it", () => {
  const importing = sources.filter(({ text }) =>
    /^import (?!type\b)[^;]*"node:http2?"|\bimport\("node:http2?"\)/m.test(text),
  );
  assert.deepEqual(
    importing.map(({ path }) => path),
    [],
  );
});
