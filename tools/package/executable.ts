import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root: string = resolve(import.meta.dirname, "../..");

/** The machines that there are packages for, as Node and as Debian names them. */
export const architectures = { x64: "amd64", arm64: "arm64" } as const;
export type Architecture = keyof typeof architectures;

/** Everything that runs, and the licences that have to come with it. Source maps stay out: nothing in the file reads them. */
const contents = [
  "package.json",
  "LICENSE",
  "config/http-demo.toml",
  "config/umay.toml",
  "dist/**/*.{js,html}",
  "dist/THIRD-PARTY-LICENSES",
];

/**
 * Writes one file that is umay with its Node: docs/adr/0031-one-file.md. `dist/` must be built.
 * @throws when Node can't be had, or refuses to write it.
 */
export function makeExecutable(architecture: Architecture, file: string): void {
  using work = mkdtempDisposableSync(join(tmpdir(), "umay-executable-"));
  const configuration = {
    main: "packaging/executable.js",
    mainFormat: "module",
    output: resolve(file),
    executable: nodeFor(architecture, work.path),
    disableExperimentalSEAWarning: true,
    useVfs: true,
    assets: Object.fromEntries(globSync(contents, { cwd: root }).map((path) => [path, path])),
  };
  writeFileSync(join(work.path, "sea.json"), JSON.stringify(configuration));
  execFileSync(process.execPath, ["--build-sea", join(work.path, "sea.json")], { cwd: root, stdio: "pipe" });
}

/** The licences of everything in the file, umay's first. */
export function licences(): string {
  const node = readFileSync(join(root, `node_modules/node-linux-${arch()}/LICENSE`), "utf8");
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  return [read("LICENSE"), node, read("dist/THIRD-PARTY-LICENSES")].join(`\n${"-".repeat(80)}\n\n`);
}

/** This machine's Node is installed; another one's comes from the registry, and has to be the one in the lockfile. */
function nodeFor(architecture: Architecture, work: string): string {
  const name = `node-linux-${architecture}`;
  if (architecture === arch()) return join(root, "node_modules", name, "bin/node");
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Readonly<Record<string, { readonly version: string; readonly integrity: string }>>;
  };
  const { version, integrity } = packages[`node_modules/${name}`]!;
  execFileSync("npm", ["pack", `${name}@${version}`, "--pack-destination", work], { stdio: "pipe" });
  const tarball = join(work, `${name}-${version}.tgz`);
  const found = `sha512-${createHash("sha512").update(readFileSync(tarball)).digest("base64")}`;
  if (found !== integrity)
    throw new Error(`${name} ${version} is not the one in package-lock.json: ${found}`);
  execFileSync("tar", ["--extract", "--file", tarball, "--directory", work, "package/bin/node"]);
  return join(work, "package/bin/node");
}
