import assert from "node:assert/strict";
import { copyFileSync, mkdtempDisposableSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { before, test } from "node:test";
import { createProgram } from "../src/cli/program.ts";
import { ConfigError } from "../src/providers/provider.ts";
import { loadConfigText } from "../src/providers/toml/load.ts";
import { type TestCertificates, testCertificates } from "./support/certificates.ts";
import { ask, startHttpBackend, tellRequest } from "./support/http.ts";
import { startUmay } from "./support/umay.ts";

const folder = resolve(import.meta.dirname, "../docs/guides");
const pages = readdirSync(folder).filter((name) => name.endsWith(".md"));

/** The configurations of a page, each with the heading above it. */
function configurationsOf(page: string): readonly { readonly title: string; readonly toml: string }[] {
  const parts = readFileSync(join(folder, page), "utf8").split(/^#+ /m);
  return parts.flatMap((part) =>
    [...part.matchAll(/```toml\n(.*?)```/gs)].map(([, toml], index) => ({
      title: `${page}: ${part.split("\n", 1)[0]} ${index + 1}`,
      toml: toml!,
    })),
  );
}

let certificates: TestCertificates;
before(async () => {
  certificates = await testCertificates();
});

/** With the files that the pages name. */
function withFiles(): Disposable & { readonly path: string } {
  const dir = mkdtempDisposableSync(join(tmpdir(), "umay-guides-"));
  copyFileSync(certificates.ecdsa.cert, join(dir.path, "web.pem"));
  copyFileSync(certificates.ecdsa.key, join(dir.path, "web.key"));
  copyFileSync(certificates.ca, join(dir.path, "ca.pem"));
  copyFileSync(resolve(folder, "../../config/examples/htpasswd"), join(dir.path, "htpasswd"));
  writeFileSync(join(dir.path, "sorry.html"), "<h1>Back soon</h1>");
  return { path: dir.path, [Symbol.dispose]: () => dir.remove() };
}

for (const page of pages)
  for (const { title, toml } of configurationsOf(page))
    test(`${title} is a good configuration, with nothing to warn of`, async () => {
      using dir = withFiles();
      const loaded = await loadConfigText(toml, { name: page, directory: dir.path, env: {} }).catch(
        (error: unknown) => {
          if (error instanceof ConfigError)
            assert.fail(error.problems.map(({ where, message }) => `${where}: ${message}`).join("\n"));
          throw error;
        },
      );
      // The certificate of the tests has other names, and is about to expire.
      const others = loaded.warnings.filter(({ message }) => !/expire|covers|certificate/.test(message));
      assert.deepEqual(
        others.map(({ message }) => message),
        [],
      );
    });

test("each page about another program has three configurations of it and of umay", () => {
  for (const page of pages.filter((name) => name.startsWith("from-"))) {
    assert.equal(configurationsOf(page).length, 3, page);
    assert.equal(readFileSync(join(folder, page), "utf8").match(/^```text$/gm)?.length, 3, page);
  }
});

test("every command that the pages name is there, with the options that they give it", () => {
  const program = createProgram(false, () => {});
  const commands = new Map(program.commands.map((command) => [command.name(), command]));
  for (const page of pages)
    for (const [, name, rest] of readFileSync(join(folder, page), "utf8").matchAll(
      /`umay ([a-z]+)([^`]*)`/g,
    )) {
      const command = commands.get(name!);
      assert.ok(command !== undefined, `${page}: umay ${name}`);
      for (const [option] of rest!.matchAll(/(?<= )--?[a-zA-Z][a-z-]*/g))
        assert.ok(
          command.options.some(({ short, long }) => option === short || option === long),
          `${page}: umay ${name} ${option}`,
        );
    }
});

const elsewhere = /"10\.0\.0\.\d+:\d+"/g;

/** With every address on this machine: listeners anywhere, each backend at one of its own. */
function here(toml: string, backends: readonly string[]): string {
  const named = [...new Set(toml.match(elsewhere))];
  return toml
    .replaceAll(/bind = "0\.0\.0\.0:\d+"/g, 'bind = "127.0.0.1:0"')
    .replaceAll(elsewhere, (address) => `"${backends[named.indexOf(address)]}"`)
    .replaceAll(/\nhealth = [^\n]*/g, "");
}

for (const [page, index, listener, host, path, seen] of [
  ["from-haproxy.md", 2, "web", "any.test", "/x", "/x"],
  ["from-nginx.md", 2, "web", "any.test", "/x", "/x"],
  ["from-traefik.md", 1, "web", "any.test", "/x", "/x"],
  ["from-caddy.md", 1, "web", "any.test", "/x", "/x"],
  ["tasks.md", 2, "web", "any.test", "/x", "/x"],
  ["tasks.md", 3, "web", "any.test", "/api/x", "/api/x"],
  ["tasks.md", 8, "web", "any.test", "/x", "/x"],
] as const)
  test(`a request goes where ${page} says`, async () => {
    const { toml } = configurationsOf(page)[index]!;
    await using stack = new AsyncDisposableStack();
    const addresses: string[] = [];
    for (const _ of new Set(toml.match(elsewhere)))
      addresses.push(stack.use(await startHttpBackend(tellRequest("app"))).address);
    const umay = stack.use(await startUmay(here(toml, addresses)));
    const { status, body } = await ask(umay.port(listener), { path, headers: { host } });
    assert.equal(status, 200);
    assert.equal((JSON.parse(body) as { url: string }).url, seen);
  });
