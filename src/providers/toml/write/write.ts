import { stringify } from "smol-toml";
import { formatAddress } from "../../../lib/address.ts";
import type { Model } from "../../../model/model.ts";
import { Writing } from "./context.ts";
import { writeListener } from "./listener.ts";
import { writePool } from "./pool.ts";
import { writeRoutes } from "./routes.ts";

/** A configuration as text. */
export interface Written {
  readonly text: string;
  /** How many things TOML can't say. Each is a comment at the head of the text. */
  readonly omitted: number;
}

/** Writes the TOML that makes this model, as far as TOML can say it. Only what differs from a default stands there. */
export function modelToToml(model: Model): Written {
  const writing = new Writing();
  const tree = {
    ...(model.admin !== undefined && { admin: { bind: formatAddress(model.admin.bind) } }),
    listeners: Object.fromEntries(
      model.listeners.map((listener) => [writing.name(listener.name), writeListener(listener, writing)]),
    ),
    routes: writeRoutes(model, writing),
    pools: Object.fromEntries(model.pools.map((pool) => [writing.name(pool.name), writePool(pool, writing)])),
  };
  const notes = writing.omitted.map((note) => `# left out: ${note}\n`).join("");
  return { text: `${notes}${notes === "" ? "" : "\n"}${stringify(tree)}`, omitted: writing.omitted.length };
}
