import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createCertificate } from "../../../src/cli/create-certificate.ts";
import type { SessionTickets } from "../../../src/model/listener.ts";
import { load, smallest } from "./loading.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-config-tickets-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, "tickets.key");

before(async () => {
  const notAfter = new Date(Date.now() + 99 * 86_400_000);
  const { cert, key } = await createCertificate({ commonName: "localhost", notAfter });
  writeFileSync(join(dir, "cert.pem"), cert);
  writeFileSync(join(dir, "cert.key"), key);
});

async function ticketsOf(
  settings: string,
): Promise<{ tickets: SessionTickets | undefined; lines: readonly string[] }> {
  const text = `${smallest}[listeners.echo.tls]\nsession_tickets = { ${settings} }\ncertificates = [{ cert = "cert.pem", key = "cert.key" }]\n`;
  const { model, problems } = await load(text, {}, dir);
  return {
    tickets: model?.listeners[0]?.tls[0]?.sessionTickets,
    lines: problems.map(
      ({ severity, path, message }) =>
        `${severity} ${path.replace("listeners.echo.tls.session_tickets.", "")}: ${message.replaceAll(`${dir}/`, "")}`,
    ),
  };
}

test("tickets have a key of umay's own for twelve hours unless said otherwise", async () => {
  const unset = { keys: undefined };
  assert.deepEqual((await ticketsOf("")).tickets, { rotate: 43_200_000, ...unset });
  assert.deepEqual((await ticketsOf('rotate = "1h"')).tickets, { rotate: 3_600_000, ...unset });
});

test("without tickets the file of keys is not read", async () => {
  assert.deepEqual(await ticketsOf('enabled = false, keys_file = "absent"'), {
    tickets: undefined,
    lines: [],
  });
});

const key = randomBytes(48);
const base64 = key.toString("base64");
for (const [what, content] of [
  ["raw bytes", key],
  ["base64", base64],
  ["base64 in a line", `${base64}\n`],
] as const)
  test(`a key as ${what} is read`, async () => {
    writeFileSync(file, content);
    const { tickets, lines } = await ticketsOf('keys_file = "tickets.key"');
    assert.deepEqual(lines, []);
    assert.equal(tickets?.keys?.source.file, file);
    assert.deepEqual(tickets.keys.bytes, new Uint8Array(key));
  });

const expected = "expected one key, 48 random bytes or their base64; make one with: openssl rand -base64 48";
for (const [what, content, problem] of [
  ["empty", "", "is empty"],
  ["raw and too long", randomBytes(80).fill(0xff), "holds 80 bytes"],
  ["raw and too short", Buffer.alloc(47), "holds 47 bytes"],
  ["base64 and too long", randomBytes(80).toString("base64"), "holds a key of 80 bytes"],
  ["text", "half a key", "holds words"],
  ["a list", `${base64}\n${base64}\n${base64}\n`, "holds 3 keys"],
] as const)
  test(`a file of keys that is ${what} is an error`, async () => {
    writeFileSync(file, content);
    const { tickets, lines } = await ticketsOf('keys_file = "tickets.key"');
    assert.equal(tickets, undefined);
    assert.deepEqual(lines, [`error keys_file: tickets.key ${problem}; ${expected}`]);
  });

test("a file of keys that is missing or a folder is an error", async () => {
  mkdirSync(join(dir, "folder"), { recursive: true });
  for (const [name, problem] of [
    ["absent", "does not exist; check the path"],
    ["folder", "is a folder; name a file in it"],
  ] as const) {
    const { tickets, lines } = await ticketsOf(`keys_file = "${name}"`);
    assert.equal(tickets, undefined);
    assert.deepEqual(lines, [`error keys_file: ${name} ${problem}`]);
  }
});
