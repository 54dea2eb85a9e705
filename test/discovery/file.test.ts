import assert from "node:assert/strict";
import { mkdtempDisposable, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createDiscovery } from "../../src/discovery/registry.ts";
import { FakeFileWatch } from "../support/fake-file-watch.ts";
import { fakeDependencies, Watching } from "./watching.ts";

/** A source over a file, and the file. */
class Scene implements AsyncDisposable {
  readonly path: string;
  readonly watch = new FakeFileWatch();
  readonly names = new Map<string, readonly string[]>();
  readonly #folder: AsyncDisposable;
  #watching: Watching | undefined;

  private constructor(folder: AsyncDisposable & { path: string }, name: string) {
    this.#folder = folder;
    this.path = join(folder.path, name);
  }

  static async create(text: string | undefined, name = "backends.toml"): Promise<Scene> {
    const scene = new Scene(await mkdtempDisposable(join(tmpdir(), "umay-file-")), name);
    if (text !== undefined) await writeFile(scene.path, text);
    const lookup = async (name: string) => {
      const addresses = scene.names.get(name);
      if (addresses === undefined) throw new Error(`${name}: NXDOMAIN from 10.0.0.2:53`);
      return addresses;
    };
    const dependencies = fakeDependencies({ watchFile: scene.watch.watchFile, lookup });
    const source = createDiscovery({ type: "file", path: scene.path }, dependencies);
    scene.#watching = new Watching(source, dependencies.clock);
    return scene;
  }

  get watching(): Watching {
    return this.#watching!;
  }

  /** The results of the next look at the file; undefined: the file is gone. */
  async write(text: string | undefined): Promise<readonly unknown[]> {
    if (text === undefined) await rm(this.path, { force: true });
    else {
      await writeFile(`${this.path}.new`, text);
      await rename(`${this.path}.new`, this.path);
    }
    return this.look();
  }

  async look(): Promise<readonly unknown[]> {
    await this.watch.change();
    await setImmediate();
    return this.watching.take();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watching.stop();
    assert.equal(this.watch.watching, 0, "it goes on watching");
    await this.#folder[Symbol.asyncDispose]();
  }
}

const two = 'backends = ["10.0.0.1:80", { address = "10.0.0.2:80", weight = 3, backup = true }]\n';

test("a TOML file and a JSON file give the same backends, with weight and backup", async () => {
  const json = JSON.stringify({
    backends: ["10.0.0.1:80", { address: "10.0.0.2:80", weight: 3, backup: true }],
  });
  for (const [text, name] of [
    [two, "backends.toml"],
    [
      `[[backends]]\naddress = "10.0.0.1:80"\n[[backends]]\naddress = "10.0.0.2:80"\nweight = 3\nbackup = true\n`,
      "list",
    ],
    [json, "backends.json"],
  ] as const) {
    await using scene = await Scene.create(text, name);
    await scene.watching.yielded(1);
    assert.deepEqual(
      scene.watching.sets[0]!.map(({ address, weight, tier }) => [address, weight, tier]),
      [
        ["10.0.0.1:80", 1, 0],
        ["10.0.0.2:80", 3, 1],
      ],
    );
  }
});

test("a unix socket's path starts at the file's folder", async () => {
  await using scene = await Scene.create('backends = ["unix:a.sock"]');
  await scene.watching.yielded(1);
  assert.deepEqual(scene.watching.take(), [[`unix:${join(scene.path, "../a.sock")}`]]);
});

test("a new list is taken whole, one that only looks different is not news", async () => {
  await using scene = await Scene.create(two);
  await scene.watching.yielded(1);
  scene.watching.take();
  assert.deepEqual(await scene.write(`# a comment\n${two}`), []);
  assert.deepEqual(await scene.write('backends = ["10.0.0.3:80"]'), [["10.0.0.3:80"]]);
});

const mistakes: readonly (readonly [what: string, name: string, text: string | undefined, RegExp])[] = [
  ["is empty", "b.toml", "", /^<file>: backends: is missing; expected a list of backends/],
  ["is empty JSON", "b.json", "", /^<file>:1:1: not valid JSON: Unexpected end of JSON input/],
  [
    "is half written",
    "b.toml",
    'backends = ["10.0.0.1:80", "10.0',
    /^<file>:1:28: the text that begins here needs " at its end/,
  ],
  ["is half written JSON", "b.json", '{\n  "backends": ["10.0.0.1:80",', /^<file>:2:\d+: not valid JSON: /],
  ["lists nothing", "b.toml", "\nbackends = []", /^<file>:2:12: backends: the list is empty/],
  [
    "has a bad weight",
    "b.toml",
    'backends = [\n  { address = "10.0.0.1:80", weight = 0 },\n]',
    /^<file>:2:39: backends\[0\]\.weight: expected a whole number from 1 to 256, got 0/,
  ],
  [
    "has a bad weight in JSON",
    "b.json",
    '{\n  "backends": [\n    "10.0.0.1:80",\n    { "address": "10.0.0.2:80", "weight": 999 }\n  ]\n}',
    /^<file>:4:43: backends\[1\]\.weight: expected a whole number from 1 to 256, got 999/,
  ],
  [
    "has a misspelt key",
    "b.json",
    '{ "backends": [{ "address": "10.0.0.2:80", "wieght": 9 }] }',
    /^<file>:1:44: backends\[0\]\.wieght: unknown key; did you mean "weight"\?/,
  ],
  [
    "has a backend twice",
    "b.toml",
    'backends = ["10.0.0.1:80", "10.0.0.1:80"]',
    /^<file>:1:28: backends\[1\]: 10\.0\.0\.1:80 is in the list twice/,
  ],
  ["is a list", "b.json", '["10.0.0.1:80"]', /^<file>: expected a table with backends, got a list/],
  ["is null", "b.json", "null", /^<file>: expected a table with backends, got null/],
  ["is gone", "b.toml", undefined, /^<file>: does not exist; check the path/],
  ["has more mistakes than fit into a line", "b.toml", `backends = [${'"x", '.repeat(9)}]`, /; and 6 more/],
];
for (const [what, name, text, expected] of mistakes)
  test(`a file that ${what} keeps the last good list, which is said once, with its place`, async () => {
    const good = name.endsWith(".json") ? '{ "backends": ["10.0.0.9:80"] }' : 'backends = ["10.0.0.9:80"]';
    await using scene = await Scene.create(good, name);
    await scene.watching.yielded(1);
    scene.watching.take();
    assert.deepEqual(await scene.write(text), [], "it may be half a change");
    scene.watching.clock.advance(1_000);
    const [error, ...others] = (await scene.look()) as [{ message: string; serving: string }];
    assert.deepEqual(others, []);
    assert.equal(error.serving, "last-good");
    assert.match(error.message.replace(scene.path, "<file>"), expected);
    assert.match(error.message, /; the last good list is kept$/);
    scene.watching.clock.advance(60_000);
    assert.deepEqual(await scene.look(), []);
    assert.deepEqual(await scene.write(good), [["10.0.0.9:80"]], "the same set says that all is well again");
  });

test("what is wrong for a moment only is not told", async () => {
  await using scene = await Scene.create(two);
  await scene.watching.yielded(1);
  scene.watching.take();
  for (let count = 0; count < 5; count++) {
    assert.deepEqual(await scene.write("backends = ["), []);
    scene.watching.clock.advance(900);
    assert.deepEqual(await scene.write(two), []);
  }
});

test("a file that is missing at the start is told at once, and served as soon as it is there", async () => {
  await using scene = await Scene.create(undefined);
  await scene.watching.yielded(1);
  const message = `${scene.path}: does not exist; check the path; no backend is known`;
  assert.deepEqual(scene.watching.take(), [{ message, serving: "nothing" }]);
  assert.deepEqual(await scene.write(two), [["10.0.0.1:80", "10.0.0.2:80"]]);
});

test("host names are looked up, and what is known of them outlives a new list", async () => {
  await using scene = await Scene.create('backends = ["db:80", "10.0.0.1:80"]');
  await scene.watching.yielded(1);
  scene.watching.take();
  scene.names.set("db", ["10.0.0.5"]);
  scene.watching.clock.advance(10_000);
  await scene.watching.yielded(3);
  assert.deepEqual(scene.watching.take().at(-1), ["10.0.0.5:80", "10.0.0.1:80"]);

  scene.names.delete("db");
  const seen = await scene.write('backends = ["10.0.0.2:80", "db:80"]');
  const message = "db: NXDOMAIN from 10.0.0.2:53; 10.0.0.5 is kept";
  assert.deepEqual(seen, [["10.0.0.2:80", "10.0.0.5:80"], { message, serving: "last-good" }]);
});

test("while the file is bad, its names are still followed", async () => {
  await using scene = await Scene.create('backends = ["db:80", "10.0.0.1:80"]');
  scene.names.set("db", ["10.0.0.5"]);
  await scene.watching.yielded(1);
  await scene.write(undefined);
  scene.watching.clock.advance(1_000);
  await scene.look();
  scene.watching.take();
  scene.names.set("db", ["10.0.0.6"]);
  scene.watching.clock.advance(11_000);
  await setImmediate();
  assert.deepEqual(scene.watching.take(), [["10.0.0.6:80", "10.0.0.1:80"]]);
});
