import { errorAt } from "../../../lib/findings.ts";
import type { ClientField, Forwarded } from "../../../model/http/front.ts";
import type { Node } from "../node.ts";
import { everybody, mapCidrs } from "./address.ts";
import type { Mapping } from "./context.ts";
import { statusOf } from "./filters/status.ts";

/** Where the client's address is found. */
type Detection = Pick<Forwarded, "trust" | "hops" | "clientFields">;

const key = "original_ip_detection_extensions";

/** Extensions that find the client, asked in their order. @returns undefined where there are none. */
export function mapDetection(manager: Node, mapping: Mapping): Partial<Detection> | undefined {
  const extensions = manager.nodes(key);
  if (extensions.length === 0) return undefined;
  if (manager.flag("use_remote_address") === true || (manager.number("xff_num_trusted_hops") ?? 0) > 0)
    mapping.report(errorAt(manager.at(key), "can't stand beside use_remote_address or xff_num_trusted_hops"));
  const clientFields: ClientField[] = [];
  let list: Partial<Detection> = { trust: everybody, hops: 0 };
  for (const [index, extension] of extensions.entries()) {
    const config = extension.extension("typed_config");
    const kind = config !== undefined && "type" in config ? config.kind : undefined;
    if (kind === "CustomHeaderConfig") clientFields.push(...fieldOf(config as Node, mapping));
    else if (kind === "XffConfig") {
      if (index < extensions.length - 1)
        mapping.report(errorAt(extension.path, "has to be the last: what follows would be asked too late"));
      list = listOf(config as Node, clientFields.length > 0, mapping);
    } else
      mapping.report(errorAt(extension.path, "umay finds clients by XffConfig and CustomHeaderConfig only"));
  }
  return { ...list, ...(clientFields.length > 0 && { clientFields }) };
}

/** Other statuses are 403, as in Envoy. */
const highestRefusal = 511;

function fieldOf(config: Node, { report }: Mapping): readonly ClientField[] {
  const name = config.text("header_name").toLowerCase();
  if (name === "") report(errorAt(config.path, "expected header_name"));
  const rejects = config.node("reject_with_status");
  const status = statusOf(rejects) ?? 403;
  return [{ name, refusal: rejects && (status > highestRefusal ? 403 : status) }];
}

/** Entries of X-Forwarded-For. The one in front of those of proxies is the client's, whoever sends it. */
function listOf(config: Node, isBehindFields: boolean, mapping: Mapping): Partial<Detection> {
  const ranges = config.node("xff_trusted_cidrs")?.nodes("cidrs") ?? [];
  const hops = config.number("xff_num_trusted_hops") ?? 0;
  if (ranges.length === 0) return { trust: everybody, hops: hops + 1 };
  if (hops > 0) mapping.report(errorAt(config.path, "expected xff_num_trusted_hops or xff_trusted_cidrs"));
  if (isBehindFields)
    mapping.report(
      errorAt(
        config.at("xff_trusted_cidrs"),
        "can't stand behind CustomHeaderConfig, which believes everybody",
      ),
    );
  return { trust: mapCidrs(ranges, mapping) };
}
