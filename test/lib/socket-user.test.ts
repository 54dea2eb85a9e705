import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { userOfPeer } from "../../src/lib/socket-user.ts";

/** A connection: its client, and as its server accepted it. */
async function connected(
  bind: string,
  host: string,
): Promise<[client: Socket, accepted: Socket, Disposable]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, bind);
  await once(server, "listening");
  const client = connect({ port: (server.address() as AddressInfo).port, host, allowHalfOpen: true });
  const [accepted] = (await once(server, "connection")) as [Socket];
  const end = (): void => {
    client.destroy();
    accepted.destroy();
    server.close();
  };
  return [client, accepted, { [Symbol.dispose]: end }];
}

describe("the user whose program has the other end of a connection", () => {
  for (const [bind, host] of [
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["::", "127.0.0.1"],
    ["::", "::1"],
    ["::", "::ffff:127.0.0.1"],
  ] as const)
    test(`is known: a client of ${host} at a server on ${bind}`, async () => {
      const [client, accepted, ends] = await connected(bind, host);
      using _ = ends;
      assert.equal(await userOfPeer(accepted), process.geteuid!());
      client.end();
      await once(accepted.resume(), "end");
      assert.equal(await userOfPeer(accepted), process.geteuid!());
    });

  test("is nobody, once it has closed its socket", async () => {
    const [client, accepted, ends] = await connected("127.0.0.1", "127.0.0.1");
    using _ = ends;
    const { remoteAddress, remotePort, localAddress, localPort } = accepted;
    client.destroy();
    await once(client, "close");
    assert.equal(await userOfPeer({ remoteAddress, remotePort, localAddress, localPort }), undefined);
  });

  test("is nobody for a connection that this machine does not have, and for no address", async () => {
    const ends = { remoteAddress: "192.0.2.1", remotePort: 1, localAddress: "127.0.0.1", localPort: 2 };
    assert.equal(await userOfPeer(ends), undefined);
    assert.equal(await userOfPeer({}), undefined);
  });
});
