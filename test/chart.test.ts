import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { kinds } from "../src/providers/kubernetes/client/kinds.ts";
import { loadConfigText } from "../src/providers/toml/load.ts";

const chart = join(import.meta.dirname, "../contrib/helm/umay");
const read = (file: string): string => readFileSync(join(chart, file), "utf8");
const helm = spawnSync("helm", ["version"]).status === 0;
/** A helm that was built from its module takes the cluster for an old one. */
const template = ["template", "--kube-version", "1.36.0"] as const;
const skip = helm ? false : "there is no helm on this machine";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

interface Deployed {
  readonly strategy: { readonly rollingUpdate: unknown };
  readonly template: {
    readonly spec: {
      readonly containers: readonly [
        { readonly readinessProbe: { readonly httpGet: unknown }; readonly ports: unknown },
      ];
    };
  };
}

/** How the plain manifests are made. */
const rendered = {
  "cluster.yaml": [],
  "namespaces.yaml": ["--set", "kubernetes.namespaces={shop,blog}"],
} as const;

const parsed = (text: string): readonly Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((each) => each !== null);

const manifestsOf = (file: string): readonly Manifest[] => parsed(read(`manifests/${file}`));

const byName = (manifests: readonly Manifest[]): ReadonlyMap<string, Manifest> =>
  new Map(
    manifests
      .map(
        (each) => [JSON.stringify([each.kind, each.metadata.namespace, each.metadata.name]), each] as const,
      )
      .sort(([left], [right]) => (left < right ? -1 : 1)),
  );

test("templates use the values that there are, and every value is used", () => {
  const templates = readdirSync(join(chart, "templates")).map((name) => read(`templates/${name}`));
  const used = new Set(
    templates.flatMap((text) => [...text.matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, name]) => name!)),
  );
  const values = parse(read("values.yaml")) as Record<string, unknown>;
  for (const name of used) {
    const parts = name.split(".");
    const owner = parts
      .slice(0, -1)
      .reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], values);
    assert.ok(owner !== undefined && parts.at(-1)! in (owner as object), `there is no value ${name}`);
  }
  const isUsed = (name: string): boolean =>
    [...used].some((each) => each === name || name.startsWith(`${each}.`) || each.startsWith(`${name}.`));
  for (const [name, value] of Object.entries(values)) {
    assert.ok(isUsed(name), name);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      for (const key of Object.keys(value)) assert.ok(isUsed(`${name}.${key}`), `${name}.${key}`);
  }
});

/** The rights that rules grant, as `group/resource verb`. */
const granted = (rules: readonly Rule[]): ReadonlySet<string> =>
  new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`)),
      ),
    ),
  );

test("the rights are those that umay uses: it lists and watches what it reads, and patches statuses", () => {
  const written = Object.values(kinds).filter(({ group, plural }) =>
    group.startsWith("gateway") ? plural !== "referencegrants" : plural === "ingresses",
  );
  const wanted = (isCluster: boolean): ReadonlySet<string> => {
    const own = Object.values(kinds).filter(({ namespaced }) => isCluster || namespaced);
    const groupOf = (group: string): string => (group === "v1" ? "" : group.replace("/v1", ""));
    return new Set([
      ...own.flatMap(({ group, plural }) =>
        ["list", "watch"].map((verb) => `${groupOf(group)}/${plural} ${verb}`),
      ),
      ...own
        .filter((kind) => written.includes(kind))
        .map(({ group, plural }) => `${groupOf(group)}/${plural}/status patch`),
      "/events create",
    ]);
  };
  const cluster = manifestsOf("cluster.yaml");
  const role = cluster.find(({ kind }) => kind === "ClusterRole");
  assert.deepEqual([...granted(role!.rules!)].sort(), [...wanted(true)].sort());
  const some = manifestsOf("namespaces.yaml");
  assert.equal(
    some.some(({ kind }) => kind.startsWith("ClusterRole")),
    false,
  );
  const roles = some.filter(({ kind, metadata }) => kind === "Role" && metadata.namespace !== "umay");
  assert.deepEqual(
    roles.map(({ metadata }) => metadata.namespace),
    ["shop", "blog"],
  );
  for (const { rules } of roles) assert.deepEqual([...granted(rules!)].sort(), [...wanted(false)].sort());
});

test("the manifests have umay's classes, and a configuration that umay takes", async () => {
  for (const file of Object.keys(rendered)) {
    const manifests = manifestsOf(file);
    const of = (kind: string): Manifest => manifests.find((each) => each.kind === kind)!;
    const text = of("ConfigMap").data!["umay.toml"]!;
    const { model } = await loadConfigText(text, {
      name: "umay.toml",
      directory: "/",
      env: {},
      terminal: false,
    });
    assert.deepEqual(model.kubernetes?.namespaces, file === "cluster.yaml" ? [] : ["shop", "blog"]);
    assert.equal(model.kubernetes?.service, "umay/umay");
    assert.equal(of("GatewayClass").spec?.["controllerName"], model.kubernetes.gatewayController);
    assert.equal(of("IngressClass").spec?.["controller"], model.kubernetes.ingressController);
    const leases = manifests
      .flatMap(({ rules = [] }) => rules)
      .filter(({ resources }) => resources.includes("leases"));
    assert.deepEqual(
      leases.map(({ verbs, resourceNames }) => [verbs, resourceNames]),
      [
        [["get", "update"], [model.kubernetes.lease]],
        [["create"], undefined],
      ],
    );
    assert.equal(model.admin?.remote, "scrape");
  }
});

test("helm finds no fault, and renders the manifests", { skip }, () => {
  const lint = spawnSync("helm", ["lint", "--strict", chart], { encoding: "utf8" });
  assert.equal(lint.status, 0, lint.stdout + lint.stderr);
  for (const [file, values] of Object.entries(rendered)) {
    const made = spawnSync("helm", [...template, "umay", chart, "--namespace", "umay", ...values], {
      encoding: "utf8",
    });
    assert.deepEqual(byName(parsed(made.stdout)), byName(manifestsOf(file)));
  }
});

test("on the ports of nodes, a roll-out takes a pod away first, and the admin server may be for the node alone", {
  skip,
}, () => {
  const values = ["hostNetwork=true", "admin.host=127.0.0.1", "admin.port=9902"];
  const args = [...template, "umay", chart, ...values.flatMap((value) => ["--set", value])];
  const made = spawnSync("helm", args, { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  const manifests = parsed(made.stdout);
  const text = manifests.find(({ kind }) => kind === "ConfigMap")!.data!["umay.toml"]!;
  assert.match(text, /bind = "127\.0\.0\.1:9902"/);
  const spec = manifests.find(({ kind }) => kind === "Deployment")!.spec as unknown as Deployed;
  assert.deepEqual(spec.strategy.rollingUpdate, { maxUnavailable: 1, maxSurge: 0 });
  const [umay] = spec.template.spec.containers;
  assert.deepEqual(umay.readinessProbe.httpGet, { path: "/readyz", host: "127.0.0.1", port: "admin" });
  assert.deepEqual(umay.ports, [{ name: "admin", containerPort: 9902 }]);
});

test("every option renders", { skip }, () => {
  const dir = mkdtempSync(join(tmpdir(), "umay-chart-"));
  try {
    const values = join(dir, "values.yaml");
    writeFileSync(
      values,
      JSON.stringify({
        kind: "DaemonSet",
        hostNetwork: true,
        kubernetes: { ingressClass: "", status: false, addressPool: ["10.0.0.1"] },
        config: '[log]\nlevel = "debug"',
        serviceMonitor: { enabled: true },
        service: { type: "ClusterIP" },
      }),
    );
    const made = spawnSync("helm", [...template, "x", chart, "--values", values], { encoding: "utf8" });
    assert.equal(made.status, 0, made.stderr);
    const names = parsed(made.stdout).map(({ kind }) => kind);
    assert.ok(names.includes("DaemonSet") && names.includes("ServiceMonitor"));
    assert.equal(names.includes("IngressClass"), false);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
