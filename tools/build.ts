import { spawnSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type BuildOptions, build } from "esbuild";

/*
 * Makes dist/, which bin/umay.js runs, from src/ and the packages that it imports: `npm run build`. Why in few files:
 * docs/adr/0018-one-build-step.md. They lie one folder deep, like the sources, so that what is found from
 * `import.meta.url` is found from there, too.
 */
const root = resolve(import.meta.dirname, "..");
const dist = join(root, "dist");

/** `REVISION` of the environment, else that of the checkout; empty where there is neither. */
const revision =
  process.env["REVISION"] ??
  spawnSync("git", ["rev-parse", "--short=12", "HEAD"], { cwd: root, encoding: "utf8" }).stdout?.trim() ??
  "";

rmSync(dist, { recursive: true, force: true });
const shared: BuildOptions = {
  absWorkingDir: root,
  outbase: "src",
  outdir: dist,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  // Lines of stack traces: `node --enable-source-maps bin/umay.js`.
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  define: { "process.env.UMAY_BUILD_REVISION": JSON.stringify(revision) },
  logLevel: "warning",
};
const builds = await Promise.all([
  build({
    ...shared,
    entryPoints: ["src/cli/main.ts"],
    splitting: true,
    chunkNames: "shared/[name]-[hash]",
    // CommonJS packages load Node's modules with it.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  }),
  build({
    ...shared,
    entryPoints: [
      "src/data/worker.ts",
      "src/lib/regex-engine.ts",
      "src/lib/bcrypt-thread.ts",
      "src/lib/jose-engine.ts",
      "src/lib/wire-engine.ts",
    ],
  }),
]);

mkdirSync(join(dist, "admin"));
copyFileSync(join(root, "src/admin/dashboard.html"), join(dist, "admin/dashboard.html"));

/** The folder of the package that a file belongs to; undefined for umay's own. */
const packageOf = (file: string): string | undefined => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];

const packages = new Set(
  builds
    .flatMap(({ metafile }) => Object.keys(metafile!.inputs))
    .map(packageOf)
    .filter((folder) => folder !== undefined),
);
writeFileSync(
  join(dist, "THIRD-PARTY-LICENSES"),
  [...packages]
    .sort()
    .map(licence)
    .join(`\n${"-".repeat(80)}\n\n`),
);

/** @throws for a package without a licence, which must not be passed on. */
function licence(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const [file] = globSync("{LICENSE,LICENCE,License,license}*", { cwd: join(root, folder) });
  if (license === undefined && file === undefined) throw new Error(`${folder} has no licence`);
  const text = file === undefined ? "" : `\n${readFileSync(join(root, folder, file), "utf8").trim()}\n`;
  return `${name} ${version} (${license})\n${text}`;
}
