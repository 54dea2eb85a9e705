import assert from "node:assert/strict";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { ensureDevCertificates } from "../src/cli/dev-certificates.ts";
import { logSession } from "../src/observe/session-log.ts";
import { createWorkerLogger } from "../src/observe/worker-logger.ts";
import { loadConfigText } from "../src/providers/toml/load.ts";
import { alternatives, below, type SchemaNode } from "../src/providers/toml/schema/nodes.ts";
import { jsonSchema } from "../src/providers/toml/schema.ts";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const documents = globSync(["*.md", "docs/**/*.md", "certs/*.md", "bench/*.md"], { cwd: root }).sort();
const sources = globSync(["{src,test,bench,tools}/**/*.ts", "bin/*.js"], { cwd: root });

const withoutBlocks = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, "");

/** A heading's anchor, as Git forges make it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
}

function anchors(path: string): string[] {
  return [...withoutBlocks(read(path)).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading!));
}

function brokenLinks(path: string): string[] {
  const links = [...withoutBlocks(read(path)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file = "", fragment] = link.split("#");
    const target = file === "" ? path : join(dirname(path), file);
    if (!existsSync(join(root, target))) return true;
    return fragment !== undefined && !anchors(target).includes(fragment);
  });
}

/** Texts between backticks that look like a file or a name of the code. */
function mentions(path: string): string[] {
  return [...withoutBlocks(read(path)).matchAll(/`([^`\n]+)`/g)].map(([, text]) => text!);
}

/** Sentences in comments and documents that name nothing before they say something of it; questions may begin so. */
function headless(path: string, text: string): string[] {
  const sentences = /(?:^[ */>-]*|[.:?!] |\/\/ |\* )(?:What|Whom|Who|Of those|Those who)\s(?![^.!?]*\?)/gm;
  return [...text.matchAll(sentences)].map(
    ({ index, 0: beginning }) =>
      `${path}:${text.slice(0, index).split("\n").length}: begins with "${/\w.*/.exec(beginning)![0].trim()}"`,
  );
}

test("sentences name the thing before they say something of it", () => {
  assert.deepEqual(headless("a.ts", `// Asked.\n/** It is read. ${"What"} is told. */`), [
    'a.ts:2: begins with "What"',
  ]);
  assert.deepEqual(headless("a.md", "# What is told\n\nWhat is told? It is read."), []);
  const paths = [...sources, ...documents.filter((path) => !path.startsWith("docs/adr/"))];
  assert.deepEqual(
    paths.flatMap((path) => headless(path, read(path))),
    [],
    "name the thing first: the answer of a backend, not what a backend answers",
  );
});

test("every link between the documents leads somewhere", () => {
  assert.ok(documents.length > 15);
  assert.deepEqual(
    documents.flatMap((path) => brokenLinks(path).map((link) => `${path}: ${link}`)),
    [],
  );
});

test("source files that the documents name are there", () => {
  const missing = documents.flatMap((path) =>
    mentions(path)
      .filter((text) => /^[\w./-]+\.ts$/.test(text))
      .filter((text) => !sources.some((source) => source === text || source.endsWith(`/${text}`)))
      .map((text) => `${path}: ${text}`),
  );
  assert.deepEqual(missing, []);
});

test("names of the code in the life of a session are names of the code", () => {
  const code = sources.filter((path) => path.startsWith("src/")).map(read);
  const words = new Set(code.join("\n").match(/\w+/g));
  const unknown = mentions("docs/life-of-a-session.md")
    .filter((text) => /^[A-Za-z]+(\.[A-Za-z]+)*$/.test(text))
    .flatMap((text) => text.split("."))
    .filter((word) => !words.has(word));
  assert.deepEqual(unknown, []);
});

test("tables of the configuration that the documents and the hints name are there", () => {
  const table = /\[\[?([a-z_]+(?:\.(?:[a-z_0-9]+|<name>))*)\]\]?/g;
  const hints = "src/providers/toml/report/foreign.ts";
  const named = [
    ...documents.flatMap((path) => mentions(path).map((text) => [path, text] as const)),
    [hints, read(hints)] as const,
  ].flatMap(([path, text]) =>
    [...text.matchAll(table)]
      .filter(([whole, name]) => name!.includes(".") && (path === hints || text === whole))
      .map(([, name]) => [path, name!] as const),
  );
  assert.ok(named.length > 100, `${named.length}`);
  const step = (nodes: readonly SchemaNode[], key: string): readonly SchemaNode[] => {
    const there = below(nodes, key);
    return there.length > 0 ? there : below(below(nodes, 0), key);
  };
  assert.deepEqual(
    named.filter(([, name]) => name.split(".").reduce(step, alternatives(jsonSchema())).length === 0),
    [],
  );
});

test("the README says how many lines of code there are", () => {
  const [, told] = /about ([\d,]+) lines of TypeScript/.exec(read("README.md"))!;
  const code = sources.filter((path) => path.startsWith("src/")).map((path) => read(path).split("\n").length);
  const ratio = code.reduce((sum, lines) => sum + lines, 0) / Number(told!.replaceAll(",", ""));
  assert.ok(ratio > 0.9 && ratio < 1.1, `${ratio} of what it says`);
});

test("every dependency has its reason, and nothing else is listed as one", () => {
  const manifests = ["package.json", "tools/node/package.json"].map(
    (path) => JSON.parse(read(path)) as Record<string, Record<string, string> | undefined>,
  );
  const declared = manifests.flatMap((manifest) =>
    ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
      Object.keys(manifest[kind] ?? {}),
    ),
  );
  const [packages = ""] = read("docs/dependencies.md").split("## Done in own code");
  const rows = [...packages.matchAll(/^\| (`.+?`) \|/gm)].flatMap(([, cell]) => cell!.split(", "));
  assert.deepEqual(rows.map((cell) => cell.slice(1, -1)).sort(), declared.sort());
});

test("the fields of a session's log line are those that the documentation explains", () => {
  let line = "";
  const { logger, flush } = createWorkerLogger({ level: "debug" }, (bytes) => {
    line = Buffer.from(bytes).toString();
  });
  logSession(logger, {
    id: "3fa9c1-1z",
    client: "10.0.0.1:1",
    listener: "web",
    serverName: "a.test",
    alpn: "h2",
    tlsVersion: "TLSv1.3",
    tlsError: "x",
    clientCertificate: "CN=a",
    via: "10.0.0.3",
    httpError: "x",
    glitches: 1,
    proxyError: "x",
    pool: "app",
    backend: "10.0.0.2:80",
    pick: { picker: "random", key: undefined, candidates: 1, skipped: undefined },
    attempts: [{ backend: "10.0.0.2:80", ms: 1, error: undefined }],
    received: 1,
    sent: 1,
    handshake: 1,
    queue: 2,
    connect: 1,
    duration: 1,
    requests: 1,
    reason: "client_closed",
  });
  flush();
  const written = Object.keys(JSON.parse(line) as object).filter(
    (name) => !["level", "time", "msg"].includes(name),
  );
  const [, table = ""] = /<!-- fields: begin -->([\s\S]*)<!-- fields: end -->/.exec(
    read("docs/operations.md"),
  )!;
  const explained = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(explained, written);
});

test("the configurations in the readme and in the operations page are valid", async (context) => {
  const dir = mkdtempSync(join(tmpdir(), "umay-docs-"));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  await ensureDevCertificates(join(dir, "certs"));
  const blocks = (path: string): string[] =>
    [...read(path).matchAll(/^```toml\n([\s\S]*?)^```/gm)].map(([, text]) => text!);
  const [whole, ...others] = blocks("README.md");
  assert.equal(others.length, 1);
  const options = { name: "README.md", directory: dir, env: {} };
  const wholes = ["", ...blocks("docs/operations.md")].map((addition) => whole! + addition);
  for (const text of [...wholes, ...others]) {
    // The folder for logs is there where umay is installed.
    const { warnings } = await loadConfigText(text.replace("/var/log/umay", dir), options);
    assert.deepEqual(warnings, []);
  }
});
