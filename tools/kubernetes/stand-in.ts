import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { clusterResources } from "../../test/support/kubernetes/resources.ts";
import { KubernetesServer, type ServerOptions } from "../../test/support/kubernetes/server.ts";
import type { TestObject } from "../../test/support/kubernetes/store.ts";

/** The parts of an OpenAPI schema that give defaults. */
interface Schema {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

interface Definition extends TestObject {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

/**
 * A stand-in for an API server, where there is no real one: it fills in defaults as the custom resource definitions of a
 * folder have them, and checks nothing.
 */
export async function startStandIn(
  definitions: string,
  port: number,
  logOf: NonNullable<ServerOptions["logOf"]>,
): Promise<KubernetesServer> {
  const all = globSync("*.yaml", { cwd: definitions })
    .flatMap((file) => parseAllDocuments(readFileSync(join(definitions, file), "utf8")))
    .map((document) => document.toJS() as Definition & { readonly kind?: string })
    .filter(({ kind }) => kind === "CustomResourceDefinition");
  const schemas = new Map(
    all.map(({ spec }) => [
      spec.names.kind,
      spec.versions.find(({ name }) => name === "v1")?.schema.openAPIV3Schema,
    ]),
  );
  const server = await KubernetesServer.start({
    port,
    resources: clusterResources,
    logOf,
    completed: (object, { kind }) => {
      const schema = schemas.get(kind);
      const whole = kind === "Secret" ? withData(object) : kind === "Namespace" ? withLabel(object) : object;
      return schema === undefined ? whole : (filled(whole, schema) as TestObject);
    },
  });
  server.notes = false;
  for (const definition of all)
    server.putRaw("apiextensions.k8s.io/v1/customresourcedefinitions", {
      ...definition,
      status: { conditions: [{ type: "Established", status: "True" }] },
    });
  return server;
}

/** With the defaults of a schema where there is nothing. */
function filled(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((each) => filled(each, items));
  }
  if (typeof value !== "object" || value === null) return value;
  const result: Record<string, unknown> = { ...value };
  for (const [key, below] of Object.entries(schema.properties ?? {})) {
    if (result[key] === undefined && below.default !== undefined)
      result[key] = structuredClone(below.default);
    if (result[key] !== undefined) result[key] = filled(result[key], below);
  }
  return result;
}

/** By which namespaces are selected. */
const withLabel = ({ metadata, ...object }: TestObject): TestObject => ({
  ...object,
  metadata: {
    ...metadata,
    labels: { ...(metadata["labels"] as object), "kubernetes.io/metadata.name": metadata.name },
  },
});

/** The text of a Secret is kept in base64. */
function withData({ stringData, data, ...object }: TestObject): TestObject {
  const given = Object.entries((stringData ?? {}) as Readonly<Record<string, string>>);
  const encoded = Object.fromEntries(given.map(([key, text]) => [key, Buffer.from(text).toString("base64")]));
  return { ...object, data: { ...(data as object), ...encoded } };
}
