import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Finding } from "../../../src/lib/findings.ts";
import { longJson } from "../../../src/lib/long-json.ts";
import type { Mapping } from "../../../src/providers/envoy/map/context.ts";
import type { Node } from "../../../src/providers/envoy/node.ts";
import { readMessage } from "../../../src/providers/envoy/read/message.ts";
import { messageType } from "../../../src/providers/envoy/schema/registry.ts";
import { readDefaults } from "../../../src/providers/toml/defaults.ts";
import { Assembly } from "../../../src/providers/xds/assembly.ts";
import { dumpConfig } from "../../../src/providers/xds/dump.ts";
import { EndpointBoard } from "../../../src/providers/xds/endpoints.ts";
import type { Origin } from "../../../src/providers/xds/origins.ts";
import { XdsSource } from "../../../src/providers/xds/source.ts";
import { httpFilter, typed } from "../../support/envoy.ts";
import { wholeText } from "../../support/whole-text.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-guards-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const defaults = await readDefaults({}, false);
const nothing = (): undefined => undefined;
const mapping: Mapping = {
  defaults,
  directory: dir,
  env: {},
  report: nothing,
  isDynamic: true,
  cluster: "",
  secret: nothing,
  routes: nothing,
  endpoints: nothing,
};
let files = 0;

interface Sent {
  readonly filters: readonly object[];
  /** Fields of the one route. */
  readonly route?: object;
  readonly unknown?: "refuse" | "warn";
}

/** The rules that are served of a listener and of its routes, which come one after the other; and all that was told. */
async function servedOf({ filters, route, unknown = "refuse" }: Sent) {
  const file = join(dir, `${files++}.yaml`);
  const origin: Origin = { key: `file:${file}`, type: "file", path: file };
  const manager = typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    rds: { route_config_name: "r", config_source: { path_config_source: { path: file } } },
    http_filters: [...filters, httpFilter("router.v3.Router")],
  });
  const listener = typed("envoy.config.listener.v3.Listener", {
    name: "l",
    address: { socket_address: { address: "127.0.0.1", port_value: 4000 } },
    filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
  });
  const routes = typed("envoy.config.route.v3.RouteConfiguration", {
    name: "r",
    virtual_hosts: [
      { name: "h", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "a" }, ...route }] },
    ],
  });
  writeFileSync(file, JSON.stringify({ resources: [listener, routes] }));
  const told: string[] = [];
  const tell = (fields: object, message: string): void =>
    void told.push(`${message} ${JSON.stringify(fields)}`);
  const source = new XdsSource({
    mapping,
    node: { id: "umay", cluster: "edge" },
    ads: undefined,
    roots: { cluster: undefined, listener: origin },
    serversOf: () => [],
    initial: "wait",
    initialTimeout: 10_000,
    unknown,
    cache: undefined,
    board: new EndpointBoard(),
    logger: { info: () => {}, warn: tell },
  });
  try {
    await source.start();
    await source.ready();
    const { listeners } = await source.dynamic();
    const rules = listeners.flatMap(({ tables }) => tables.flatMap(({ hosts }) => hosts[0]?.rules ?? []));
    return { guards: rules.map(({ route: { guards } }) => guards.flat()), told: told.join("\n") };
  } finally {
    source.stop();
  }
}

const rbac = (rules: object): object =>
  httpFilter("rbac.v3.RBAC", { rules: { action: "ALLOW", ...rules } }, { name: "rbac" });
const anybody = { policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } };
const nobody = {
  policies: { all: { permissions: [{ any: true }], principals: [{ and_ids: { ids: [{}] } }] } },
};
const unknownInput = typed("xds.type.matcher.v3.HttpAttributesCelMatchInput");
const rbacOfUnknown = httpFilter("rbac.v3.RBAC", {
  matcher: {
    matcher_list: {
      matchers: [
        {
          predicate: {
            single_predicate: {
              input: { name: "x", typed_config: unknownInput },
              custom_match: { name: "c", typed_config: typed("xds.type.matcher.v3.CelMatcher") },
            },
          },
          on_match: {
            action: { name: "a", typed_config: typed("envoy.config.rbac.v3.Action", { name: "x" }) },
          },
        },
      ],
    },
  },
});
const oauth = { name: "oauth2", typed_config: typed("envoy.extensions.filters.http.oauth2.v3.OAuth2") };
const tokens = httpFilter("jwt_authn.v3.JwtAuthentication", {
  providers: {
    p: {
      issuer: "i",
      remote_jwks: { http_uri: { uri: "https://127.0.0.1/k", cluster: "a", timeout: "1s" } },
    },
  },
  rules: [{ match: { prefix: "/api" }, requires: { provider_name: "p" } }],
});
const perRoute = (type: string, fields: object = {}): object => ({
  typed_per_filter_config: { rbac: typed(`envoy.extensions.filters.http.${type}`, fields) },
});

describe("a listener of a control plane is not served without a guard that can't be mapped", () => {
  const cases: Readonly<Record<string, Sent & { readonly cause: RegExp }>> = {
    "a filter that umay does not know": {
      cause: /"listener".*umay has no HTTP filter .*OAuth2/,
      filters: [oauth],
    },
    "a matcher that umay does not know": { cause: /"listener"/, filters: [rbacOfUnknown] },
    "a matcher that umay does not know, where unknown extensions are left out": {
      cause: /"listener"/,
      filters: [rbacOfUnknown],
      unknown: "warn",
    },
    "an authorization without a server": {
      cause: /"listener"/,
      filters: [
        httpFilter("ext_authz.v3.ExtAuthz", { http_service: { server_uri: { uri: "x", timeout: "1s" } } }),
      ],
    },
    "a route's own rules that can't be mapped": {
      cause: /"routes"/,
      filters: [rbac(anybody)],
      route: perRoute("rbac.v3.RBACPerRoute", { rbac: { rules: { action: "ALLOW", ...nobody } } }),
    },
    "rules for tokens beside a route with a regular expression": {
      cause: /"routes"/,
      filters: [tokens],
      route: { match: { safe_regex: { regex: "/api/.*" } } },
    },
    "settings of a route that are another filter's": {
      cause: /"routes"/,
      filters: [rbac(anybody)],
      route: perRoute("buffer.v3.BufferPerRoute"),
    },
  };
  for (const [name, sent] of Object.entries(cases))
    test(name, async () => {
      const { guards, told } = await servedOf(sent);
      assert.deepEqual(guards, []);
      assert.match(told, sent.cause);
    });
});

test("a good listener of a control plane has its guards", async () => {
  const { guards, told } = await servedOf({ filters: [rbac(anybody)] });
  assert.deepEqual([guards, told], [[["rules.l/filter_chains[0]/rbac"]], ""]);
});

test("empty settings of a route switch on a filter that is off", async () => {
  const off = { ...rbac(anybody), disabled: true };
  const empty = { rbac: typed("envoy.config.route.v3.FilterConfig", { config: {} }) };
  const { guards, told } = await servedOf({ filters: [off], route: { typed_per_filter_config: empty } });
  assert.deepEqual([guards, told], [[["rules.l/filter_chains[0]/rbac"]], ""]);
});

test("endpoints that came from a file are shown", async () => {
  const resource = {
    name: "a",
    version: "",
    bytes: Buffer.from('{"@type":"type.googleapis.com/x","cluster_name":"a"}'),
    isSecret: false,
    references: [],
  };
  const source = {
    resources: (kind: string) =>
      kind === "endpoints" ? [{ origin: "file:/a", resource, refused: undefined }] : [],
  };
  const dump = dumpConfig({ bootstrap: undefined, source: source as unknown as XdsSource, endpoints: true });
  assert.match(
    await wholeText(longJson(dump, 0)),
    /"dynamic_endpoint_configs": \[\s*{"version_info":"","endpoint_config":{[^}]*"cluster_name":"a"}/,
  );
});

test("an unknown filter of a control plane is left out where that is wanted, and nothing else is", async () => {
  const { guards, told } = await servedOf({ filters: [oauth, rbac(anybody)], unknown: "warn" });
  assert.deepEqual(guards, [["rules.l/filter_chains[0]/rbac"]]);
  assert.match(told, /parts of a resource have no effect here/);
});

test("a guard that fails later leaves in service what was served before", async () => {
  const findings: Finding[] = [];
  const read = (type: string, tree: object): Node =>
    readMessage(messageType(type), tree, ["xds"], (finding) => void findings.push(finding));
  const manager = typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    rds: { route_config_name: "r", config_source: { ads: {} } },
    http_filters: [rbac(anybody), httpFilter("router.v3.Router")],
  });
  const node = read("envoy.config.listener.v3.Listener", {
    name: "l",
    address: { socket_address: { address: "127.0.0.1", port_value: 4000 } },
    filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
  });
  const routesOf = (route: object): Node =>
    read("envoy.config.route.v3.RouteConfiguration", {
      name: "r",
      virtual_hosts: [
        {
          name: "h",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, route: { cluster: "a" }, ...route }],
        },
      ],
    });
  let routes = routesOf({});
  const told: string[] = [];
  const assembly = new Assembly({ ...mapping, routes: () => routes }, "refuse", 1_000, () => {}, {
    info: () => {},
    warn: (fields) => void told.push(JSON.stringify(fields)),
  });
  const good = await assembly.put("dynamic", [], [{ name: "l", node }]);
  assembly.serves();
  assert.deepEqual([good.listeners.length, told, findings], [1, [], []]);
  for (const type of ["rbac.v3.RBACPerRoute", "buffer.v3.BufferPerRoute"]) {
    routes = routesOf(perRoute(type, type.startsWith("rbac") ? { rbac: { rules: nobody } } : {}));
    const now = await assembly.put("dynamic", [], [{ name: "l", node }]);
    assert.equal(now.listeners[0], good.listeners[0], type);
  }
  assert.equal(told.length, 2);
  assembly.stop();
});
