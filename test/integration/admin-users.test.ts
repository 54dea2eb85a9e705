import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { poolToml } from "../support/client.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { startUmay } from "../support/umay.ts";

const nobody = 65_534;
const skip = process.geteuid?.() !== 0 && "only root can act for another user";

/** Runs a script of Node's for another user. @returns its first line. */
async function firstLine(
  script: string,
  user: number,
  ...args: readonly string[]
): Promise<[string, () => void]> {
  const child = endWithTest(
    spawn(process.execPath, ["--input-type=module", "--eval", script, ...args], {
      uid: user,
      gid: user,
      cwd: "/",
      env: {},
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  return [line, () => void child.kill()];
}

const asks = `
  const [url, method] = process.argv.slice(1);
  const { status } = await fetch(url, { method });
  console.log(status);`;

/** As nginx or a sidecar stands in front of it. */
const proxies = `
  import { connect, createServer } from "node:net";
  const port = Number(process.argv[1]);
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on("error", () => {});
  }).listen(0, "127.0.0.1", () => console.log(server.address().port));`;

test("on 0.0.0.0, another user of the machine and a proxy on it may look and change nothing", {
  skip,
}, async () => {
  await using umay = await startUmay(`
    workers = 1
    admin.bind = "0.0.0.0:0"
    listeners.web = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", ["127.0.0.1:9", "127.0.0.1:10"])}`);
  const admin = `http://127.0.0.1:${new URL(umay.admin).port}`;
  const [proxy, stop] = await firstLine(proxies, nobody, new URL(admin).port);
  const drain = "/pools/echo/backends/127.0.0.1:9/drain";
  try {
    for (const [path, method, other] of [
      ["/status", "GET", 200],
      ["/metrics", "GET", 200],
      ["/config", "GET", 403],
      ["/sessions", "GET", 403],
      ["/explain?listener=web", "GET", 403],
      [drain, "POST", 403],
      ["/drain", "POST", 403],
    ] as const) {
      const [status] = await firstLine(asks, nobody, `${admin}${path}`, method);
      assert.equal(status, String(other), path);
      const proxied = await fetch(`http://127.0.0.1:${proxy}${path}`, {
        method,
        headers: { connection: "close" },
      });
      assert.equal(proxied.status, other, path);
    }
    assert.equal((await umay.status()).pools["echo"]!.backends[0]!.state, "up");
    for (const [path, method] of [
      ["/config", "GET"],
      [drain, "POST"],
    ] as const)
      assert.equal((await fetch(`${admin}${path}`, { method })).status, 200, path);
  } finally {
    stop();
  }
});
