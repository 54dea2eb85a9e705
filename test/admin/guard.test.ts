import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { refusal } from "../../src/admin/guard.ts";
import { parseAddress, type SocketAddress } from "../../src/lib/address.ts";
import type { AdminRights } from "../../src/model/model.ts";

interface Asked {
  readonly url?: string;
  readonly method?: string;
  /** Undefined: none, as HTTP/1.0 may have it. */
  readonly host?: string | undefined;
  readonly origin?: string;
  readonly from?: string;
  /** The address of the server that it came to. */
  readonly to?: string;
  /** Whose program it is; undefined: nobody's on this machine. */
  readonly user?: number | undefined;
}

const root = 0;
const self = process.geteuid!();

/** Whether the server that is bound so answers. */
async function answers(bind: string, asked: Asked, remote: AdminRights = "look"): Promise<boolean> {
  const { url = "/status", method = "GET", host, origin, from = "127.0.0.1", to = "127.0.0.1" } = asked;
  const user = "user" in asked ? asked.user : self;
  const request = {
    url,
    method,
    headers: { host, origin },
    socket: { remoteAddress: from, localAddress: to },
  };
  const address = parseAddress(bind) as SocketAddress;
  const message = request as unknown as IncomingMessage;
  return (await refusal(message, address, remote, async () => user)) === undefined;
}

const loopback = "127.0.0.1:9901";
const anywhere = "0.0.0.0:9901";

test("on a loopback address, only hosts are answered that DNS cannot have been made to say", async () => {
  const own = [
    "localhost:9901",
    "LOCALHOST",
    "umay.localhost:9901",
    "127.0.0.1:9901",
    "[::1]:9901",
    "10.1.2.3",
  ];
  const foreign = [
    "evil.example:9901",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "",
    "[evil]:9901",
  ];
  for (const method of ["GET", "HEAD", "POST"])
    for (const bind of [loopback, "[::1]:9901", "localhost:9901"]) {
      for (const host of own) assert.ok(await answers(bind, { method, host }), `${method} ${host}`);
      for (const host of foreign) assert.ok(!(await answers(bind, { method, host })), `${method} ${host}`);
      assert.ok(await answers(bind, { method, host: undefined }));
    }
});

test("on any other address, who only looks may call the server what they like, and who changes something may not", async () => {
  for (const bind of [anywhere, "10.0.0.1:9901", "admin.internal:9901"]) {
    assert.ok(await answers(bind, { host: "umay.monitoring:9901", from: "10.0.0.9", to: "10.0.0.1" }));
    assert.ok(!(await answers(bind, { method: "POST", host: "umay.monitoring:9901" })));
  }
  assert.ok(await answers("Admin.internal:9901", { method: "POST", host: "admin.internal:9901" }));
});

test("what changes something is for clients on this machine", async () => {
  const local = [
    { from: "127.0.0.1", to: "127.0.0.1" },
    { from: "127.0.0.53", to: "127.0.0.1" },
    { from: "::1", to: "::1" },
    { from: "::ffff:127.0.0.1", to: "::ffff:127.0.0.1" },
    { from: "10.0.0.1", to: "10.0.0.1" },
    { from: "::ffff:10.0.0.1", to: "::ffff:10.0.0.1" },
  ];
  const remote = [
    { from: "10.0.0.9", to: "10.0.0.1" },
    { from: "172.17.0.1", to: "172.17.0.2" },
    { from: "2001:db8::2", to: "2001:db8::1" },
    { from: "::ffff:10.0.0.9", to: "::ffff:10.0.0.1" },
  ];
  for (const bind of [anywhere, "[::]:9901"]) {
    for (const peer of local)
      assert.ok(await answers(bind, { method: "POST", host: "10.0.0.1:9901", ...peer }));
    for (const peer of remote) {
      for (const method of ["POST", "PUT", "DELETE"])
        assert.ok(!(await answers(bind, { method, host: "10.0.0.1:9901", ...peer })));
      assert.ok(await answers(bind, { host: "10.0.0.1:9901", ...peer }));
    }
  }
});

test("on this machine, what changes something is for programs of umay's own user and of root", async () => {
  const asked = { method: "POST", host: "10.0.0.1:9901" };
  for (const bind of [loopback, anywhere])
    for (const ends of [
      { from: "127.0.0.1", to: "127.0.0.1" },
      { from: "10.0.0.1", to: "10.0.0.1" },
    ]) {
      for (const user of [root, self]) assert.ok(await answers(bind, { ...asked, ...ends, user }));
      for (const user of [self + 1, undefined])
        assert.ok(!(await answers(bind, { ...asked, ...ends, user })));
      assert.ok(await answers(bind, { host: "127.0.0.1", ...ends, user: self + 1 }));
    }
});

test("a system that does not tell whose program a client is gets nothing changed, and says why", async () => {
  const socket = { remoteAddress: "127.0.0.1", localAddress: "127.0.0.1" };
  const request = { url: "/drain", method: "POST", headers: {}, socket } as unknown as IncomingMessage;
  const failing = (): Promise<never> => Promise.reject(new Error("ENOENT: no such file"));
  const said = await refusal(request, parseAddress(loopback) as SocketAddress, "look", failing);
  assert.match(String(said), /cannot tell whose program this is \(ENOENT: no such file\).*unix socket/);
});

test("what a worker has to answer, and the configuration, are for clients on this machine, too", async () => {
  for (const url of ["/explain", "/explain?listener=web", "/config", "/sessions"]) {
    assert.ok(await answers(anywhere, { url, host: "10.0.0.1:9901" }));
    assert.ok(!(await answers(anywhere, { url, host: "10.0.0.1:9901", from: "10.0.0.9", to: "10.0.0.1" })));
    assert.ok(!(await answers(anywhere, { url, host: "umay.monitoring:9901" })));
  }
});

test("where others may only scrape, they get probes and metrics, and nothing else", async () => {
  const from = { host: "10.0.0.1:9901", from: "10.0.0.9", to: "10.0.0.1" };
  for (const url of ["/livez", "/readyz", "/metrics", "/metrics?name=x", "/ready", "/stats/prometheus"])
    assert.ok(await answers(anywhere, { ...from, url }, "scrape"), url);
  for (const url of ["/", "/status", "/history", "/config", "/stats", "/clusters", "/metrics/", "/nowhere"]) {
    assert.ok(!(await answers(anywhere, { ...from, url }, "scrape")), url);
    assert.ok(await answers(anywhere, { ...from, url, from: "127.0.0.1", to: "127.0.0.1" }, "scrape"), url);
  }
  assert.ok(await answers("unix:/run/a.sock", { url: "/status" }, "scrape"));
});

test("another web page's requests are refused, the server's own are not", async () => {
  const host = "localhost:9901";
  for (const method of ["GET", "POST"])
    for (const bind of [loopback, anywhere]) {
      assert.ok(await answers(bind, { method, host, origin: "http://localhost:9901" }));
      for (const origin of ["http://localhost:9902", "https://localhost:9901", "http://evil.example", "null"])
        assert.ok(!(await answers(bind, { method, host, origin })), origin);
    }
});

test("a unix socket is guarded by the rights of its file", async () => {
  assert.ok(await answers("unix:/run/a.sock", { method: "POST", host: "whatever", origin: "http://x" }));
});
