import type { KubeObject } from "../meta.ts";

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** Without what nobody reads and what is often the larger part of an object. @throws where it is no object. */
export function trimmed(value: unknown): KubeObject {
  const object = value as KubeObject & { readonly endpoints?: unknown };
  if (typeof object?.metadata?.name !== "string") throw new Error("an object has no name");
  const { managedFields: _, ...metadata } = object.metadata as KubeObject["metadata"] & {
    managedFields?: unknown;
  };
  const { [lastApplied]: __, ...annotations } = metadata.annotations ?? {};
  return {
    ...object,
    metadata: { ...metadata, ...(metadata.annotations !== undefined && { annotations }) },
    ...(Array.isArray(object.endpoints) && { endpoints: object.endpoints.map(trimmedEndpoint) }),
  };
}

/** Of an endpoint of an EndpointSlice, which may have a thousand. */
function trimmedEndpoint(endpoint: unknown): unknown {
  const { addresses, conditions } = (endpoint ?? {}) as { addresses?: unknown; conditions?: unknown };
  return { addresses, conditions };
}
