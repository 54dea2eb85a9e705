#!/usr/bin/env node
// Runs under any Node that knows ES modules, so that an old one can be told what is needed.
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";

const needed = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).engines.node;
const [major, minor] = needed.match(/\d+/g).map(Number);
const [ownMajor, ownMinor] = process.versions.node.split(".").map(Number);
const entry = new URL("../dist/cli/main.js", import.meta.url);

/** Exits with 78, as for a wrong configuration: a supervisor need not try again. */
function refuse(message) {
  process.stderr.write(`umay: ${message}\n`);
  process.exitCode = 78;
}

/** A checkout brings a Node of its own, which npx and npm put first. */
const brought = existsSync(new URL("../package-lock.json", import.meta.url))
  ? "; npx umay, in the folder of this checkout, has one"
  : "; get one from https://nodejs.org/en/download";

if (ownMajor < major || (ownMajor === major && ownMinor < minor)) {
  refuse(`needs Node ${needed}, this is Node ${process.versions.node} (${process.execPath})${brought}`);
} else if (!existsSync(entry)) {
  refuse("is not built yet; run `npm run build` first");
} else {
  module.enableCompileCache();
  void import(entry.href);
}
