import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../src/lib/version.ts";
import { makeDebianPackage } from "./package/debian.ts";
import { type Architecture, architectures, licences, makeExecutable, root } from "./package/executable.ts";

/*
 * Makes what machines without Node install, in packages/: `npm run package [-- x64 arm64]`. For each architecture that
 * is one executable, and a Debian package that installs it as a service.
 */
const given = process.argv.slice(2);
const unknown = given.find((name) => !(name in architectures));
if (unknown !== undefined)
  throw new Error(`there is no package for ${unknown}, only for ${Object.keys(architectures).join(", ")}`);

const out = join(root, "packages");
rmSync(out, { recursive: true, force: true });
mkdirSync(out);
writeFileSync(join(out, "LICENSES"), licences());
for (const architecture of (given.length > 0 ? given : Object.keys(architectures)) as Architecture[]) {
  const executable = join(out, `umay-${version}-linux-${architecture}`);
  makeExecutable(architecture, executable);
  report(executable);
  const file = join(out, `umay_${version}_${architectures[architecture]}.deb`);
  makeDebianPackage({ version, architecture, executable, file });
  report(file);
}

function report(file: string): void {
  console.log(`${file}: ${Math.round(statSync(file).size / 1_000_000)} MB`);
}
