import assert from "node:assert/strict";
import { test } from "node:test";
import { readMessage } from "../../../src/providers/envoy/read/message.ts";
import { messageType } from "../../../src/providers/envoy/schema/registry.ts";
import { readDefaults } from "../../../src/providers/toml/defaults.ts";
import { Assembly } from "../../../src/providers/xds/assembly.ts";
import { judgeResource } from "../../../src/providers/xds/judge.ts";
import { ads } from "../../../src/providers/xds/origins.ts";
import { holdsSecret } from "../../../src/providers/xds/secrets.ts";

const nowhere = (): undefined => undefined;

/** The verdict on a listener whose HTTP has this filter before the router, or whose chain has this transport socket. */
async function judge(part: "filter" | "socket", unknown: "refuse" | "warn") {
  const typed = (name: string): object => ({ "@type": `type.googleapis.com/${name}` });
  const strange = { name: "strange", typed_config: typed("example.Strange") };
  const router = { name: "router", typed_config: typed("envoy.extensions.filters.http.router.v3.Router") };
  const manager = {
    ...typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, direct_response: { status: 204 } }],
        },
      ],
    },
    http_filters: part === "filter" ? [strange, router] : [router],
  };
  const tree = {
    name: "l",
    address: { socket_address: { address: "127.0.0.1", port_value: 4100 } },
    filter_chains: [
      {
        filters: [{ name: "http", typed_config: manager }],
        ...(part === "socket" && { transport_socket: strange }),
      },
    ],
  };
  const warnings: string[] = [];
  const mapping = {
    defaults: await readDefaults({}, false),
    directory: "/",
    env: {},
    report: nowhere,
    isDynamic: true,
    secret: nowhere,
    routes: nowhere,
    endpoints: nowhere,
  };
  const assembly = new Assembly(mapping, 1_000, nowhere, undefined);
  const verdict = await judgeResource(
    "listener",
    { name: "l", version: "1", bytes: Buffer.alloc(0), tree },
    ads,
    {
      mapping,
      findingsOf: (kind, node) => assembly.findingsOf(kind, node),
      faultOf: nowhere,
      unknown,
      warn: (_, __, told) => warnings.push(...told),
    },
  );
  return { refusal: "refusal" in verdict ? verdict.refusal : "", warnings: warnings.join() };
}

test("an extension that umay does not have is a refusal; where that is only to be warned of, a filter is left out", async () => {
  assert.match((await judge("filter", "refuse")).refusal, /http_filters\[0\].*example\.Strange/);
  const { refusal, warnings } = await judge("filter", "warn");
  assert.equal(refusal, "");
  assert.match(warnings, /example\.Strange/);
  // Without its transport socket a chain would be another one.
  assert.match((await judge("socket", "warn")).refusal, /example\.Strange/);
});

test("a resource holds a secret where a key stands in it, and not where it names a file or has what everybody may read", () => {
  const certificate = (key: object): object => ({
    name: "s",
    tls_certificate: { certificate_chain: { inline_string: "public" }, private_key: key },
  });
  const read = (tree: object) =>
    readMessage(messageType("envoy.extensions.transport_sockets.tls.v3.Secret"), tree, [], () => {});
  assert.ok(holdsSecret(read(certificate({ inline_string: "key" }))));
  assert.ok(holdsSecret(read(certificate({ inline_bytes: "AAAA" }))));
  assert.ok(!holdsSecret(read(certificate({ filename: "key.pem" }))));
  assert.ok(!holdsSecret(read({ name: "s", validation_context: { trusted_ca: { inline_string: "CA" } } })));
});
