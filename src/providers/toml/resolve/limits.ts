import { formatCidr } from "../../../lib/cidr.ts";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import type { ConnectionRate, ListenerLimits } from "../../../model/listener.ts";
import type { ListenerSettings } from "../schema/listener.ts";

type CidrSettings = ListenerSettings["deny"];

/** @param path of the listener. */
export function resolveLimits(
  settings: ListenerSettings,
  path: Path,
  report: (finding: Finding) => void,
): ListenerLimits {
  for (const key of ["allow", "deny"] as const)
    for (const finding of trimmedBits(settings[key] ?? [], [...path, key])) report(finding);
  const { connection_rate_per_ip: rate, connection_burst_per_ip: burst } = settings;
  if (burst !== undefined && rate === undefined)
    report(errorAt([...path, "connection_burst_per_ip"], "needs connection_rate_per_ip"));
  return {
    allow: (settings.allow ?? []).map(({ cidr }) => cidr),
    deny: settings.deny.map(({ cidr }) => cidr),
    maxConnectionsPerIp: settings.max_connections_per_ip || undefined,
    connectionRatePerIp: rate && { ...rate, burst: burst ?? usualBurst(rate) },
    maxHandshakes: settings.max_handshakes,
  };
}

/** The single address may have been intended. */
export function trimmedBits(cidrs: CidrSettings, path: Path): Finding[] {
  return cidrs.flatMap(({ cidr, trimmed, text }, index) =>
    trimmed
      ? [
          warningAt(
            [...path, index],
            `${JSON.stringify(text)} has bits set behind its prefix and is taken for "${formatCidr(cidr)}"; write that, or the address without a prefix`,
          ),
        ]
      : [],
  );
}

function usualBurst({ connections, period }: Omit<ConnectionRate, "burst">): number {
  return Math.max(1, Math.floor((connections * 1000) / period));
}
