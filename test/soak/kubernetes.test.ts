import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { ApiServer } from "../../tools/kubernetes/api-server.ts";

const folder = process.env["KUBERNETES_FOLDER"];
const root = resolve(import.meta.dirname, "../..");
const skip = whyNot();

function whyNot(): string | false {
  if (folder === undefined) return "KUBERNETES_FOLDER names no folder of tools/kubernetes/build.sh";
  if (spawnSync("unshare", ["--net", "ip", "link"]).status !== 0)
    return "it takes root to make a network namespace";
  return ApiServer.missing(folder) ?? false;
}

for (const proof of [
  "chart",
  "client",
  "rights",
  "namespaced",
  "explain",
  "endpoints",
  "lease",
  "outage",
  "rollout",
  "churn",
  "scale",
])
  test(`beside a real API server: ${proof}`, { skip }, () => {
    const args = [resolve(root, "tools/kubernetes/proof.ts"), folder!, proof];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    console.log(stdout);
    assert.equal(status, 0, stderr);
  });
