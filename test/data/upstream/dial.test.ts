import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { own, SocketOwner } from "../../../src/data/sockets/owner.ts";
import { dial } from "../../../src/data/upstream/dial.ts";
import { patient } from "../../support/patience.ts";

/** A server on one address alone, which greets. @returns its port. */
async function serverAt(t: TestContext, host: string): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => {}).end("hello")).listen(0, host);
  t.after(() => server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const usual = { timeout: patient(5_000) };
const at = (host: string, port: number) => ({ kind: "tcp", host, port }) as const;

async function failed(socket: Socket): Promise<NodeJS.ErrnoException> {
  const [error] = await once(socket, "error");
  return error as NodeJS.ErrnoException;
}

for (const host of ["127.0.0.1", "::1"])
  test(`a backend that listens at ${host} alone is reached there, at whatever place it is`, async (t) => {
    const port = await serverAt(t, host);
    const hosts = ["127.0.0.2", "127.0.0.1", "::1"];
    for (const first of hosts) {
      const others = hosts.filter((other) => other !== first);
      const socket = dial({ target: at(first, port), others }, true, usual);
      t.after(() => socket.destroy());
      await once(socket, "connect");
      assert.equal(socket.remoteAddress, host);
      assert.equal(String(await once(socket, "data")), "hello");
    }
  });

test("what is read goes to the socket's owner, also at a further address", async (t) => {
  const port = await serverAt(t, "::1");
  const got = Promise.withResolvers<string>();
  class Reader extends SocketOwner {
    override upstreamBytes(bytes: number, buffer: Buffer): boolean {
      got.resolve(String(buffer.subarray(0, bytes)));
      return true;
    }
  }
  const socket = dial({ target: at("127.0.0.1", port), others: ["::1"] }, false, usual);
  t.after(() => socket.destroy());
  own(socket, new Reader());
  assert.equal(await got.promise, "hello");
});

test("an idle connection is probed after the time that its pool says, or as usual", {
  skip: process.platform !== "linux",
}, async (t) => {
  const port = await serverAt(t, "127.0.0.1");
  // The timer of the kernel: 02 is that of keep-alives, with the time that is left in hundredths of a second.
  const leftOf = async (keepAlive?: number): Promise<number> => {
    const socket = dial({ target: at("127.0.0.1", port) }, true, {
      ...usual,
      ...(keepAlive && { keepAlive }),
    });
    t.after(() => socket.destroy());
    await once(socket, "connect");
    // Another connection that waits out its time may have the same local port.
    const [local, remote] = [socket.localPort!, port].map((each) =>
      each.toString(16).toUpperCase().padStart(4, "0"),
    );
    const line = readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .find((each) => new RegExp(`^ *\\d+: 0100007F:${local} 0100007F:${remote} `).test(each))!;
    const [kind, left] = line.trim().split(/\s+/)[5]!.split(":");
    assert.equal(kind, "02", line);
    return Number.parseInt(left!, 16) / 100;
  };
  const usually = await leftOf();
  assert.ok(usually <= 15 && usually > 5, String(usually));
  const later = await leftOf(600_000);
  assert.ok(later <= 600 && later > 500, String(later));
});

test("when no address can be connected, the error has the system's code", async (t) => {
  const port = await serverAt(t, "127.0.0.1");
  for (const others of [[], ["127.0.0.3", "::1"]]) {
    const { code } = await failed(dial({ target: at("127.0.0.2", port), others }, true, usual));
    assert.equal(code, "ECONNREFUSED");
  }
});

for (const { host, others, sources, from } of [
  { host: "127.0.0.1", others: [], sources: ["127.0.0.9", "::1"], from: "127.0.0.9" },
  { host: "::1", others: [], sources: ["127.0.0.9", "::1"], from: "::1" },
  { host: "127.0.0.1", others: ["::1"], sources: ["::1"], from: "::1" },
])
  test(`${[host, ...others].join(" or ")} is connected from ${sources.join(" or ")}`, async (t) => {
    const port = await serverAt(t, from === "::1" ? "::1" : "127.0.0.1");
    const socket = dial({ target: at(host, port), others }, true, { ...usual, sources });
    t.after(() => socket.destroy());
    await once(socket, "connect");
    assert.equal(socket.localAddress, from);
  });

test("a backend is not connected from an address of the other family, or of another machine", async (t) => {
  const port = await serverAt(t, "127.0.0.1");
  for (const source of ["::1", "192.0.2.1"]) {
    const socket = dial({ target: at("127.0.0.1", port), others: [] }, true, { ...usual, sources: [source] });
    assert.match((await failed(socket)).code!, /^(EINVAL|EADDRNOTAVAIL)$/);
  }
});
