import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes, openFiles, residentBytes, settled } from "../support/settled.ts";
import { runShortSessions, startForShortSessions, startObedientBackend } from "../support/short-sessions.ts";

const rounds = 10;
const sessions = 10_000;

test(`${rounds * sessions} short sessions: files and memory stay where they are after the first ${2 * sessions}`, async () => {
  await using backend = await startObedientBackend();
  await using umay = await startForShortSessions(backend);
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
