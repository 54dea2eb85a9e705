import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { formatAddress } from "../../src/lib/address.ts";
import { testCertificates } from "../support/certificates.ts";
import { Child } from "../support/child.ts";
import { listenersToml, poolToml } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { becomes, openFiles, residentBytes, settled } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

const aim = 4000;
/** Two for each session, and what umay keeps free. */
const filesNeeded = aim * 2 + 200;
const filesAllowed = Number(
  /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? 0,
);
const enough = filesAllowed >= filesNeeded;
const skip = !enough && `the hard limit on open files is ${filesAllowed}, ${filesNeeded} are needed`;

test(`${aim} TLS sessions at once are held and echoed, and leave nothing behind`, {
  skip,
  timeout: patient(240_000),
}, async () => {
  const echo = await startEcho({ bind: "127.0.0.1:0" });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => echo.close());
  await using umay = await startUmay(
    `
    workers = 2
    log = { sessions = false }
    [admin]
    bind = "127.0.0.1:0"
    ${listenersToml("echo", await testCertificates())}
    ${poolToml("echo", [formatAddress(echo.address)])}`,
    { openFiles: filesAllowed },
  );
  const filesAtFirst = openFiles(umay.pid);
  const bytesAtFirst = residentBytes(umay.pid);
  await using holder = new Child("session-holder-child.ts", [umay.port("tls13"), aim]);

  assert.equal(await holder.line(100_000), `held ${aim}`);
  const { listeners, workers, pools } = await umay.status();
  assert.equal(listeners["tls13"]!.connections, aim);
  assert.equal(pools["echo"]!.backends[0]!.connections, aim);
  // The kernel spreads connections over the workers' sockets by their addresses and ports.
  for (const { id, connections } of workers)
    assert.ok(connections > aim * 0.4, `worker ${id} has ${connections} of ${aim}`);
  const bytesEach = (residentBytes(umay.pid) - bytesAtFirst) / aim;
  assert.ok(bytesEach < 120_000, `${bytesEach} bytes for each session`);

  holder.say("echo");
  assert.equal(await holder.line(100_000), `echoed ${aim}`);
  assert.equal(await umay.metric("umay_listener_rejected_total"), 0);

  holder.say("end");
  assert.equal(await holder.line(100_000), `ended ${aim}`);
  await settled(umay);
  await becomes(
    () => openFiles(umay.pid),
    (files) => files <= filesAtFirst + 2,
    "open files",
  );
});
