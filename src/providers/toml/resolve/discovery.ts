import { resolve } from "node:path";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { canonicalName } from "../../../lib/host-name.ts";
import type { DiscoverySpec, DnsDiscovery } from "../../../model/pool.ts";
import { loadBackends } from "../backends-file.ts";
import type { PoolSettings } from "../schema/pool.ts";
import { resolveBackends } from "./addresses.ts";

type Settings = PoolSettings["discovery"];
type Report = (finding: Finding) => void;

export async function resolveDiscovery(
  settings: Settings,
  path: Path,
  directory: string,
  report: Report,
): Promise<DiscoverySpec> {
  switch (settings.type) {
    case "static": {
      const backends = resolveBackends(settings.backends, [...path, "backends"], directory, report);
      return { type: "static", backends };
    }
    case "file": {
      const file = resolve(directory, settings.path);
      const loaded = await loadBackends(file);
      // The file may come later, so umay starts without it.
      if (!loaded.ok)
        report(
          warningAt([...path, "path"], `until the file is good this pool has no backend: ${loaded.error}`),
        );
      return { type: "file", path: file };
    }
    case "dns":
      return resolveDns(settings, path, report);
  }
}

function resolveDns(settings: Extract<Settings, { type: "dns" }>, path: Path, report: Report): DnsDiscovery {
  const { record, port, refresh } = settings;
  if (refresh.min > refresh.max)
    report(errorAt([...path, "refresh"], "min is longer than max; raise max or lower min"));
  if (record === "srv" && port !== undefined)
    report(errorAt([...path, "port"], "SRV records have ports of their own; remove this key"));
  if (record !== "srv" && port === undefined)
    report(errorAt([...path, "port"], "is missing; expected the port of every backend, from 1 to 65535"));
  return { ...settings, port, nameservers: settings.nameservers ?? [] };
}

/**
 * The name of the service that discovery looks up, which certificates cover and servers know; undefined where it looks
 * up none. In the name of an SRV record, labels for service and protocol come before it (RFC 2782). The target's name is
 * not used, because a forged answer could choose it (RFC 6125 section 6.2.1).
 */
export function serviceName(discovery: DiscoverySpec): string | undefined {
  if (discovery.type !== "dns") return undefined;
  const name = canonicalName(discovery.name);
  return discovery.record === "srv" ? name.replace(/^(?:_[^.]+\.)+/, "") : name;
}
