import type { Model } from "../../model/model.ts";
import type { Proposal } from "../provider.ts";

/** A configuration that is whole only with what a control plane says. */
type Own = Pick<Proposal, "warnings" | "effective"> & { readonly model: Model };

/**
 * The part of a configuration that needs no control plane: threads, log and admin server. Nothing is accepted before the first
 * complete set has come, or has not come in time. @param controlPlanes where they are, for people.
 */
export const waitingFor = (
  controlPlanes: readonly string[],
  { model, warnings, effective }: Own,
): Proposal => ({
  model: {
    ...model,
    listeners: [],
    pools: [],
    routeTables: [],
    incomplete: `waits for the control plane at ${controlPlanes.join(", ")}`,
  },
  warnings,
  effective,
  heard: () => {},
});
