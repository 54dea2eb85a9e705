import { kinds } from "../../../src/providers/kubernetes/client/kinds.ts";

/** A collection that a stand-in serves. */
export interface Resource {
  /** `v1`, `apps/v1`. */
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const of = (group: string, plural: string, kind: string, namespaced = true): Resource => ({
  group,
  plural,
  kind,
  namespaced,
});

/** Those that umay asks for. */
export const ownResources: readonly Resource[] = [
  ...Object.values(kinds),
  of("coordination.k8s.io/v1", "leases", "Lease"),
  of("v1", "events", "Event"),
];

/** Those of a cluster in which there are workloads. */
export const clusterResources: readonly Resource[] = [
  ...ownResources,
  of("v1", "nodes", "Node", false),
  of("v1", "pods", "Pod"),
  of("v1", "serviceaccounts", "ServiceAccount"),
  of("apps/v1", "deployments", "Deployment"),
  of("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", false),
];

/** The documents by which clients find out what a server has; undefined: the path is none of them. */
export function discoveryAt(path: string, resources: readonly Resource[]): unknown {
  const groups = [...new Set(resources.map(({ group }) => group))];
  if (path === "/version") return { major: "1", minor: "36", gitVersion: "v1.36.0" };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  const named = groups.filter((group) => group.includes("/")).map(groupDocument);
  if (path === "/apis") return { kind: "APIGroupList", apiVersion: "v1", groups: named };
  const document = named.find(({ name }) => path === `/apis/${name}`);
  if (document !== undefined) return document;
  const group = groups.find((each) => path === (each === "v1" ? "/api/v1" : `/apis/${each}`));
  if (group === undefined) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: group,
    resources: resources
      .filter((resource) => resource.group === group)
      .map(({ plural, kind, namespaced }) => ({
        name: plural,
        singularName: kind.toLowerCase(),
        kind,
        namespaced,
        verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
      })),
  };
}

function groupDocument(groupVersion: string) {
  const [name, version] = groupVersion.split("/");
  const versions = [{ groupVersion, version }];
  return { kind: "APIGroup", apiVersion: "v1", name: name!, versions, preferredVersion: versions[0] };
}
