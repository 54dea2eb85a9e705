import assert from "node:assert/strict";
import { test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { listenersToml, poolToml } from "../support/client.ts";
import { becomes, openFiles, residentBytes, settled } from "../support/settled.ts";
import { runShortSessions, startObedientBackend } from "../support/short-sessions.ts";
import { startUmay } from "../support/umay.ts";

const rounds = 10;
const sessions = 10_000;

test(`${rounds * sessions} short sessions: files and memory stay where they are after the first ${2 * sessions}`, async () => {
  await using backend = await startObedientBackend();
  await using umay = await startUmay(
    `
    workers = 2
    log = { sessions = false }
    [admin]
    bind = "127.0.0.1:0"
    ${listenersToml("obedient", await testCertificates())}
    ${poolToml("obedient", [backend.address])}`,
    // Otherwise V8 lets what is garbage already grow to 128 MiB for each worker.
    { nodeArgs: ["--max-semi-space-size=2"] },
  );
  const resident: number[] = [];
  let filesAtFirst = 0;
  for (let round = 0; round < rounds; round++) {
    await runShortSessions({
      count: sessions,
      atOnce: 48,
      plain: umay.port("plain"),
      tls: umay.port("tls13"),
      tlsOfTen: 5,
    });
    backend.drop();
    await settled(umay);
    resident.push(residentBytes(umay.pid) / 2 ** 20);
    if (round === 0) filesAtFirst = openFiles(umay.pid);
  }
  // A kilobyte that each of the 80,000 left behind would be more; the C library's heaps account for the rest.
  const grown = resident.at(-1)! - resident[1]!;
  assert.ok(grown < 60, `grew by ${grown} MiB: ${resident.map(Math.round).join(", ")}`);
  await becomes(
    () => openFiles(umay.pid),
    (files) => files <= filesAtFirst,
    "open files",
  );
  assert.equal(await umay.metric("umay_worker_restarts_total"), 0);
});
