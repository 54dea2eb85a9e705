/** The parts of every object that the client itself reads. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    /** Undefined where its kind has none. */
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    /** Counts changes of the specification, for kinds that have one. */
    readonly generation?: number;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** `namespace/name`; the name alone where its kind has no namespaces. */
export const keyOf = ({ metadata: { namespace, name } }: ApiObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** Without what nobody reads and what is often the larger part of an object. @throws where it is no object. */
export function trimmed(value: unknown): ApiObject {
  const object = value as ApiObject & { readonly endpoints?: unknown };
  if (typeof object?.metadata?.name !== "string") throw new Error("an object has no name");
  const { managedFields: _, ...metadata } = object.metadata as ApiObject["metadata"] & {
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
