import { stringify } from "smol-toml";
import { formatAddress } from "../../../lib/address.ts";
import type { AdminSettings, Model } from "../../../model/model.ts";
import type { OtlpSettings } from "../../../model/tracing.ts";
import { Writing } from "./context.ts";
import { writeGuards } from "./guards.ts";
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
  const { otlp } = model;
  if (otlp?.protocol === "grpc") writing.omit("traces over gRPC");
  const tree = {
    ...(otlp !== undefined && otlp.protocol === undefined && { otlp: writeCollector(otlp) }),
    ...(model.admin !== undefined && { admin: writeAdmin(model.admin) }),
    listeners: Object.fromEntries(
      model.listeners.map((listener) => [writing.name(listener.name), writeListener(listener, writing)]),
    ),
    ...writeGuards(model, writing),
    routes: writeRoutes(model, writing),
    pools: Object.fromEntries(model.pools.map((pool) => [writing.name(pool.name), writePool(pool, writing)])),
  };
  const notes = writing.omitted.map((note) => `# left out: ${note}\n`).join("");
  return { text: `${notes}${notes === "" ? "" : "\n"}${stringify(tree)}`, omitted: writing.omitted.length };
}

const writeAdmin = ({ bind, remote }: AdminSettings): object => ({
  bind: formatAddress(bind),
  ...(remote !== "look" && { remote }),
});

/** Routes say how many of their requests are traced. */
const writeCollector = ({ traces, headers, serviceName }: OtlpSettings): object => ({
  endpoint: traces.replace(/\/v1\/traces$/, ""),
  service_name: serviceName,
  percent: 0,
  metrics_interval: "0s",
  ...(Object.keys(headers).length > 0 && { headers }),
});
