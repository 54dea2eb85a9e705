import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HelloReader } from "../../../src/data/accept/hello.ts";
import { greet, greetingOf, usualProtocol } from "../../../src/data/decide/greeting.ts";
import { type Chain, protocols } from "../../../src/model/chain.ts";
import type { ListenerTls } from "../../../src/model/listener.ts";
import { chainTo } from "../../support/chains.ts";
import { clientHello } from "../../support/client-hello.ts";

const tls = { strictSni: false } as ListenerTls;
const strict = { strictSni: true } as ListenerTls;
const passes = chainTo("through", {}, { tls: "passthrough" });
const plain = chainTo("app");
const terminates = chainTo("app", {}, { tls: "terminate" });

/** Each way to learn what a client speaks, by the settings of its listener. */
const listeners = {
  "nothing is read": { detect: false, chains: [plain], tls: [] },
  "TLS begins": { detect: false, chains: [terminates], tls: [tls] },
  "TLS is read for a strict name": { detect: false, chains: [terminates], tls: [strict] },
  "TLS is read to pass it through": { detect: false, chains: [passes], tls: [] },
  "TLS is read to pass some through": { detect: false, chains: [passes, terminates], tls: [tls] },
  "protocols are told apart": { detect: true, chains: [terminates, plain], tls: [tls] },
} as const satisfies Record<
  string,
  { detect: boolean; chains: readonly Chain[]; tls: readonly ListenerTls[] }
>;

test("what is read of a client follows from the listener's settings", () => {
  const read = Object.values(listeners).map((listener) => {
    const { readsHello, presumes } = greetingOf(listener, false);
    return [readsHello, presumes];
  });
  assert.deepEqual(read, [
    [false, "other"],
    [false, "tls"],
    [true, "tls"],
    [true, "tls"],
    [true, "tls"],
    [true, undefined],
  ]);
  assert.equal(greetingOf(listeners["TLS begins"], true).readsHello, true, "a certificate by name");
});

test("a client that may decline TLS in its protocol is served without, and with it as others are", () => {
  for (const byName of [false, true]) {
    const greeting = greetingOf({ ...listeners["TLS begins"], tls: [{ ...tls, passesPlain: true }] }, byName);
    assert.deepEqual(greet(greeting, "other", "a.test"), { protocol: "other", hello: undefined });
    assert.deepEqual(greet(greeting, "tls", "a.test"), {
      protocol: "tls",
      hello: byName ? "a.test" : undefined,
    });
    assert.equal(greet(greeting, "http1", "a.test"), "not_tls");
  }
});

test("the usual protocol is TLS wherever a listener does something with TLS by default", () => {
  const usual = Object.values(listeners).map((one) => usualProtocol(greetingOf(one, false), one.chains));
  assert.deepEqual(usual, ["other", "tls", "tls", "tls", "tls", "tls"]);
  assert.equal(
    usualProtocol(greetingOf({ ...listeners["nothing is read"], detect: true }, false), [plain]),
    "other",
  );
});

const hello = await clientHello({ servername: "a.test" });
const first = {
  tls: hello,
  http1: Buffer.from("GET / HTTP/1.1\r\n\r\n"),
  http2: Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  other: Buffer.from("EHLO a.test\r\n"),
} as const;

describe("a client is taken for what its first bytes are read as", () => {
  for (const [name, listener] of Object.entries(listeners))
    for (const protocol of protocols)
      test(`${name}, ${protocol}`, () => {
        const greeting = greetingOf(listener, false);
        const told = greet(greeting, protocol, "a.test");
        if (!greeting.readsHello) {
          const refused = greeting.presumes === "tls" && protocol !== "tls";
          assert.deepEqual(told, refused ? "not_tls" : { protocol: greeting.presumes, hello: undefined });
          return;
        }
        const read: unknown[] = [];
        const reader = new HelloReader(
          {
            greeted: (spoken, its) => void read.push({ protocol: spoken, hello: its?.serverName }),
            handshakeFailed: (result) => void read.push(result),
            spokePlain: () => void read.push("not_tls"),
          },
          greeting.presumes,
        );
        if (reader.read(first[protocol]) !== undefined) reader.done();
        assert.deepEqual(read, [told]);
      });
});
