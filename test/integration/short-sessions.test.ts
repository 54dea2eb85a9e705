import assert from "node:assert/strict";
import { test } from "node:test";
import { patient } from "../support/patience.ts";
import { becomes, openFiles, residentBytes, settled } from "../support/settled.ts";
import {
  runShortSessions,
  type ShortSessions,
  startForShortSessions,
  startObedientBackend,
} from "../support/short-sessions.ts";

const sessions = 5000;
const warmUp = 500;

test(`${sessions} short sessions leave no connection, no file and no memory behind`, {
  timeout: patient(240_000),
}, async () => {
  await using backend = await startObedientBackend();
  await using umay = await startForShortSessions(backend);
  const run = (count: number): Promise<void> => {
    const how: ShortSessions = {
      count,
      atOnce: 32,
      plain: umay.port("plain"),
      tls: umay.port("tls13"),
      tlsOfTen: 2,
    };
    return runShortSessions(how);
  };

  await run(warmUp);
  await settled(umay);
  const filesAtFirst = openFiles(umay.pid);
  const bytesAtFirst = residentBytes(umay.pid);

  await run(sessions);
  await settled(umay);
  const all = warmUp + sessions;
  assert.equal(await umay.metric("umay_listener_connections_total"), all);
  assert.equal(await umay.metric("umay_backend_connections_total"), all);
  assert.equal(await umay.metric("umay_worker_restarts_total"), 0);
  await becomes(
    () => openFiles(umay.pid),
    (files) => files <= filesAtFirst,
    "open files",
  );
  // A session takes 50 kB while it lives with TLS, 10 kB without; the C library keeps some memory of its own.
  const grown = (residentBytes(umay.pid) - bytesAtFirst) / 2 ** 20;
  assert.ok(grown < 50, `grew by ${grown} MiB`);
});
