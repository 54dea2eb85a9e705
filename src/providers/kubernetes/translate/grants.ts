import type { ReferenceGrant } from "../gateway-api.ts";
import type { Cluster } from "../objects.ts";

/** An object that refers to another one. */
export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

/** The object that a reference names. */
export interface Referent {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Which references into other namespaces are allowed there. */
export class Grants {
  readonly #byNamespace: ReadonlyMap<string, readonly ReferenceGrant[]>;

  constructor({ referenceGrants }: Pick<Cluster, "referenceGrants">) {
    this.#byNamespace = Map.groupBy(referenceGrants.values(), ({ metadata }) => metadata.namespace ?? "");
  }

  /** Whether the reference stays in its namespace, or the other one lets it in. */
  allows(from: Referrer, to: Referent): boolean {
    if (from.namespace === to.namespace) return true;
    return (this.#byNamespace.get(to.namespace) ?? []).some(
      ({ spec }) =>
        spec.from.some(
          ({ group, kind, namespace }) =>
            group === from.group && kind === from.kind && namespace === from.namespace,
        ) &&
        spec.to.some(
          ({ group, kind, name }) =>
            group === to.group && kind === to.kind && (name === undefined || name === "" || name === to.name),
        ),
    );
  }
}
