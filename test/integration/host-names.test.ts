import assert from "node:assert/strict";
import { test } from "node:test";
import { startBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

test("a backend that is called localhost and listens on ::1 alone is up and serves, as one backend", async () => {
  await using backend = await startBackend({ host: "::1" });
  const port = backend.address.split(":").at(-1);
  await using umay = await startUmay(`
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", [`localhost:${port}`], 'health = { type = "tcp", interval = "100ms" }')}`);
  const backends = async () => (await umay.status()).pools["echo"]!.backends;
  await becomes(
    async () => (await backends())[0]?.state,
    (state) => state === "up",
    "the backend is up",
  );
  backend.drop();
  using client = await connectPlain(umay.port("echo"));
  await client.write("hello");
  for (;;) {
    const served = await backend.next();
    const got = await Promise.race([
      served.read(5).then(String),
      served.readToEnd().then(
        () => "",
        () => "",
      ),
    ]);
    if (got === "hello") break;
  }
  const [only, ...others] = await backends();
  assert.deepEqual([only!.address, others, only!.connect_failures_total], [`127.0.0.1:${port}`, [], 0]);
});
