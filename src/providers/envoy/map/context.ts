import type { Finding } from "../../../lib/findings.ts";
import type { Defaults } from "../../toml/defaults.ts";
import type { Node } from "../node.ts";
import type { EndpointTraits } from "./endpoints.ts";

/** The things that every part of the mapping has at hand. */
export interface Mapping {
  readonly defaults: Defaults;
  /** Where relative paths start. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  report(finding: Finding): void;
  /** Whether a control plane may still bring what is not there yet: then it is waited for, and no error. */
  readonly isDynamic: boolean;
  /** A secret by its name; undefined: there is none. */
  secret(name: string): Node | undefined;
  /** A route configuration by its name, where it comes from elsewhere; undefined: there is none (yet). */
  routes(name: string): Node | undefined;
  /** The name of the cluster that this umay is a part of (`node.cluster`); empty: it has none. */
  readonly cluster: string;
  /** umay's own locality, and the pool of all umays; undefined: it is not known which there are. */
  readonly zone?: { readonly own: string; readonly peers: string } | undefined;
  /** The `BindConfig` of clusters that have none of their own; undefined: the system chooses. */
  readonly bind?: Node | undefined;
  /** Traits of the endpoints of a service, where they come from elsewhere; undefined: they have not come. */
  endpoints(service: string): EndpointTraits | undefined;
  /** Bytes of a body that may be collected, of the listener that is mapped; undefined: as Envoy has it where none says so. */
  readonly buffer?: number;
  /** Whether what has not come is not waited for any more: connections that need a secret that is missing are closed. */
  readonly isLate?: boolean;
}
