import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import fc from "fast-check";
import { agreedProtocol } from "../../../src/data/decide/alpn.ts";
import { testCertificates } from "../../support/certificates.ts";

const { ecdsa } = await testCertificates();
const secureContext = createSecureContext({ cert: readFileSync(ecdsa.cert), key: readFileSync(ecdsa.key) });

/** The protocol that OpenSSL agrees on; undefined: the handshake failed. */
async function agreed(known: readonly string[], offered: readonly string[]): Promise<string | undefined> {
  const [ours, theirs] = duplexPair();
  const ALPNProtocols = known.length === 0 ? {} : { ALPNProtocols: [...known] };
  const server = new TLSSocket(ours as never, { isServer: true, secureContext, ...ALPNProtocols });
  const offers = offered.length === 0 ? {} : { ALPNProtocols: [...offered] };
  const client = connect({ socket: theirs, rejectUnauthorized: false, ...offers });
  try {
    return await new Promise((resolve) => {
      server.on("error", () => resolve(undefined));
      client.on("error", () => resolve(undefined));
      client.on("secureConnect", () => resolve(client.alpnProtocol || ""));
    });
  } finally {
    client.destroy();
    server.destroy();
  }
}

test("a handshake agrees on a protocol as OpenSSL does", async () => {
  for (const known of [[], ["h2"], ["h2", "mqtt"], ["mqtt", "h2"]])
    for (const offered of [[], ["h2"], ["mqtt", "h2"], ["acme"], ["acme", "mqtt"]])
      assert.equal(agreedProtocol(known, offered), await agreed(known, offered), `${known} for ${offered}`);
});

test("the protocol is one of both lists, and the server has none in common that it likes better", () => {
  const names = fc.uniqueArray(fc.constantFrom("h2", "mqtt", "acme", "http/1.1"));
  fc.assert(
    fc.property(names, names, (known, offered) => {
      const common = known.filter((name) => offered.includes(name));
      const asked = known.length > 0 && offered.length > 0;
      assert.equal(agreedProtocol(known, offered), asked ? common[0] : "");
    }),
  );
});
