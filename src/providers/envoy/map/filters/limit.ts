import { fieldText } from "../../../../http/edits.ts";
import { bytesOf } from "../../../../lib/byte-text.ts";
import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { RateLimit } from "../../../../model/http/guard.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { foldSteps, optionSteps } from "../fields.ts";
import { runtimePercent } from "../fraction.ts";
import type { ApplyFilter } from "./registry.ts";
import { statusOf } from "./status.ts";

/** Each says for how many requests the limit counts. */
const shares = ["filter_enabled", "filter_enforced"] as const;

/** `LocalRateLimit`: one bucket for all requests of the routes that have it. */
export const applyLimit: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  const from = own ?? config;
  if (!from.has("token_bucket")) return;
  const guard = await guards.nameOf(from, "rate_limits", name, (label) => limitOf(from, label, mapping));
  if (guard !== undefined) parts.guards.push([guard]);
};

function limitOf(from: Node, name: string, mapping: Mapping): RateLimit | undefined {
  const { report } = mapping;
  // Envoy limits nothing unless both are said, which few expect.
  const unsaid = shares.find((key) => !from.has(key));
  if (unsaid !== undefined)
    report(warningAt(from.at("token_bucket"), `limits nothing, as in Envoy: there is no ${unsaid}`));
  if (shares.some((key) => (runtimePercent(from.node(key)) ?? 0) === 0)) return undefined;
  for (const key of shares)
    if ((runtimePercent(from.node(key)) ?? 0) < 100)
      report(errorAt(from.at(key), "umay limits all requests or none; expected 0 or 100 %"));
  if (from.flag("local_rate_limit_per_downstream_connection") === true)
    report(
      errorAt(
        from.at("local_rate_limit_per_downstream_connection"),
        "umay has one bucket for all connections",
      ),
    );
  const bucket = from.node("token_bucket")!;
  const most = bucket.number("max_tokens") ?? 0;
  const requests = bucket.number("tokens_per_fill") ?? 1;
  const period = bucket.number("fill_interval") ?? 0;
  if (most < 1 || requests < 1 || period < 1) {
    report(errorAt(bucket.path, "expected max_tokens, tokens_per_fill and fill_interval, each above 0"));
    return undefined;
  }
  const { set, add } = foldSteps(optionSteps(from.nodes("response_headers_to_add"), mapping));
  const fields = Object.entries({ ...set, ...add });
  if (fields.some(([, value]) => value.some((piece) => typeof piece !== "string")))
    report(errorAt(from.at("response_headers_to_add"), "umay takes values without variables here"));
  const lines = fields.map(([field, value]) => `${field}: ${fieldText(bytesOf(value.join("")))}\r\n`);
  return {
    kind: "rate-limit",
    name,
    key: [[]],
    rate: { requests, period },
    burst: most,
    concurrent: undefined,
    keys: 1,
    fields: from.text("enable_x_ratelimit_headers") === "DRAFT_VERSION_03" ? "always" : "never",
    refusal: { status: statusOf(from.node("status")) ?? 429, lines: lines.join("") },
  };
}
