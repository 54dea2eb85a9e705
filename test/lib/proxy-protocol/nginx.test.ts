import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { encodeProxyV1, encodeProxyV2 } from "../../../src/lib/proxy-protocol/writer.ts";
import { answer, HeaderBackend, missing, type Peer, say, startPeer } from "./peers.ts";

const modules = "/usr/lib/nginx/modules";
const skip =
  missing("nginx") ||
  (existsSync(`${modules}/ngx_stream_module.so`) ? false : "nginx has no stream module here");

function startNginx(context: TestContext, portCount: number, servers: (peer: Peer) => string): Promise<Peer> {
  return startPeer(context, {
    command: ["nginx", "-p", ".", "-c", "{config}"],
    portCount,
    config: (peer) => `
load_module ${modules}/ngx_stream_module.so;
daemon off;
master_process off;
pid ${peer.folder}/pid;
error_log stderr;
events {}
stream {
${servers(peer)}
}
`,
  });
}

test("nginx's proxy_protocol is read, over IPv4, over IPv6 and from a unix socket", {
  skip,
}, async (context) => {
  const backend = await HeaderBackend.start(context);
  const { folder, ports } = await startNginx(
    context,
    2,
    ({ folder, ports }) => `
  server {
    listen 127.0.0.1:${ports[0]};
    listen [::1]:${ports[1]};
    listen unix:${folder}/socket;
    proxy_pass 127.0.0.1:${backend.port};
    proxy_protocol on;
  }`,
  );
  for (const [address, port] of [
    ["127.0.0.1", ports[0]!],
    ["::1", ports[1]!],
  ] as const) {
    const { client, ...seen } = await say(connect(port, address), backend);
    assert.deepEqual(seen, {
      header: { version: 1, command: "proxy", source: client, destination: { address, port }, tlvs: {} },
      line: "hello\n",
    });
  }
  const { header } = await say(connect(join(folder, "socket")), backend);
  assert.deepEqual(header, { version: 1, command: "proxy", tlvs: {} });
});

test("nginx takes the headers of both versions that are written", { skip }, async (context) => {
  const variables = ["addr", "port", "server_addr", "server_port"].map((name) => `$proxy_protocol_${name}`);
  const { ports } = await startNginx(
    context,
    1,
    ({ ports }) => `
  server {
    listen 127.0.0.1:${ports[0]} proxy_protocol;
    return "taken: ${variables.join(" ")}";
  }`,
  );
  const header = {
    command: "proxy",
    source: { address: "192.0.2.1", port: 1234 },
    destination: { address: "198.51.100.2", port: 443 },
    // nginx 1.22 reads no header of more than 107 bytes.
    tlvs: { alpn: "h2", authority: "a.example", uniqueId: Buffer.from("id-1") },
  } as const;
  const mixed = { ...header, source: { address: "2001:db8::1", port: 65535 } };
  const ask = (bytes: Buffer): Promise<string> => answer(ports[0]!, bytes);
  assert.equal(await ask(encodeProxyV1(header)), "taken: 192.0.2.1 1234 198.51.100.2 443");
  assert.equal(await ask(encodeProxyV1(mixed)), "taken: 2001:db8::1 65535 ::ffff:c633:6402 443");
  assert.equal(await ask(encodeProxyV2(header)), "taken: 192.0.2.1 1234 198.51.100.2 443");
  assert.equal(
    await ask(encodeProxyV2(mixed, { crc32c: true })),
    "taken: 2001:db8::1 65535 ::ffff:198.51.100.2 443",
  );
  for (const bytes of [encodeProxyV1({}), encodeProxyV2({ command: "local", tlvs: {} })])
    assert.equal((await ask(bytes)).trim(), "taken:");
  assert.equal(await ask(Buffer.from("hello\n")), "");
});
