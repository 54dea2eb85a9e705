import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Manifest, manifestsOf } from "../apply.ts";
import { gatewayObject, namespace, service } from "./objects.ts";
import { check, type Figures, mustSay, umayUser, type World } from "./world.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The chart's rights are all that umay needs, and each of them is used: in the whole cluster. */
export const rights = (world: World): Promise<Figures> => prove(world, "cluster.yaml", "");

/** As {@link rights}, with some namespaces. */
export const namespacedRights = (world: World): Promise<Figures> =>
  prove(world, "namespaces.yaml", 'namespaces = ["shop", "blog"]\nservice = "umay/umay"');

async function prove(world: World, file: string, settings: string): Promise<Figures> {
  await world.apply(...objects());
  await using replica = await world.replica("10.244.1.21", settings);
  const gateways = "gateway.networking.k8s.io/v1";
  await world.until(async () => {
    mustSay(await world.get(`${gateways}/gateways`, "web"), "Accepted");
    for (const [plural, name] of [
      ["httproutes", "http"],
      ["grpcroutes", "grpc"],
      ["tlsroutes", "tls"],
      ["tcproutes", "tcp"],
    ])
      mustSay(await world.get(`${gateways}/${plural}`, name!), "Accepted");
    const used = usedOf(world);
    const missing = [...grantedIn(file)].filter((right) => !used.has(right));
    check(missing.length === 0, `not used: ${missing.join(", ")}`);
  });
  // Its later requests count, too.
  await sleep(5_000);
  const refused = world.server.audited(umayUser).filter(({ responseStatus }) => responseStatus?.code === 403);
  check(
    refused.length === 0,
    `refused: ${refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`).join(", ")}\n${replica.log}`,
  );
  const [used, granted] = [usedOf(world), grantedIn(file)];
  const beyond = [...used].filter((right) => !granted.has(right));
  check(beyond.length === 0, `asked for without a right: ${beyond.join(", ")}`);
  return { rights: granted.size, requests: world.server.audited(umayUser).length };
}

/** The rights of a manifest, as `group/resource verb`. */
function grantedIn(file: string): ReadonlySet<string> {
  const text = readFileSync(join(import.meta.dirname, "../../../contrib/helm/umay/manifests", file), "utf8");
  const rules = manifestsOf(text).flatMap((object) => (object["rules"] ?? []) as readonly Rule[]);
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`)),
      ),
    ),
  );
}

/** The rights of which use was made. */
const usedOf = (world: World): ReadonlySet<string> =>
  new Set(
    world.server.audited(umayUser).flatMap(({ objectRef, verb }) => {
      if (objectRef === undefined) return [];
      const { apiGroup = "", resource, subresource } = objectRef;
      return [`${apiGroup}/${resource}${subresource === undefined ? "" : `/${subresource}`} ${verb}`];
    }),
  );

/** One of each kind, and a reason for an event. */
function objects(): readonly Manifest[] {
  const gateway = "gateway.networking.k8s.io/v1";
  const of = (apiVersion: string, kind: string, name: string, spec: object): Manifest => ({
    apiVersion,
    kind,
    metadata: { name, namespace },
    spec,
  });
  const parentRefs = (sectionName: string): object[] => [{ name: "web", sectionName }];
  const backendRefs = [{ name: "app", port: 80 }];
  const ingress = (name: string): Manifest =>
    of("networking.k8s.io/v1", "Ingress", name, {
      ingressClassName: "umay",
      rules: [
        {
          host: "ingress.test",
          http: {
            paths: [
              { path: "/", pathType: "Prefix", backend: { service: { name: "app", port: { number: 80 } } } },
            ],
          },
        },
      ],
    });
  return [
    service("app"),
    {
      ...gatewayObject("web", 8000),
      spec: {
        gatewayClassName: "umay",
        allowedListeners: { namespaces: { from: "Same" } },
        listeners: [
          { name: "http", port: 8000, protocol: "HTTP" },
          { name: "https", port: 8443, protocol: "HTTPS", tls: { certificateRefs: [{ name: "web-tls" }] } },
          { name: "tls", port: 8444, protocol: "TLS", tls: { mode: "Passthrough" } },
          { name: "tcp", port: 8001, protocol: "TCP" },
        ],
      },
    },
    of(gateway, "ListenerSet", "more", {
      parentRef: { name: "web" },
      listeners: [{ name: "more", port: 8002, protocol: "HTTP" }],
    }),
    of(gateway, "HTTPRoute", "http", { parentRefs: parentRefs("http"), rules: [{ backendRefs }] }),
    of(gateway, "GRPCRoute", "grpc", {
      parentRefs: parentRefs("http"),
      hostnames: ["grpc.test"],
      rules: [{ backendRefs }],
    }),
    of(gateway, "TLSRoute", "tls", {
      parentRefs: parentRefs("tls"),
      hostnames: ["tls.test"],
      rules: [{ backendRefs }],
    }),
    of(gateway, "TCPRoute", "tcp", { parentRefs: parentRefs("tcp"), rules: [{ backendRefs }] }),
    of(gateway, "ReferenceGrant", "any", {
      from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "blog" }],
      to: [{ group: "", kind: "Service" }],
    }),
    of(gateway, "BackendTLSPolicy", "app", {
      targetRefs: [{ group: "", kind: "Service", name: "app" }],
      validation: {
        hostname: "app.test",
        caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "app-ca" }],
      },
    }),
    // The younger one has nothing left, and an event.
    ingress("first"),
    ingress("second"),
  ];
}
