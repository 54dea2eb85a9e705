import { access, constants } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname, resolve } from "node:path";
import type { SocketAddress } from "../../../lib/address.ts";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { canonicalName } from "../../../lib/host-name.ts";
import { describeReadError } from "../../../lib/read-file.ts";
import type { XdsCache, XdsServer, XdsSettings } from "../../../model/xds.ts";
import type { XdsTable } from "../schema/xds.ts";
import { placeAddress } from "./addresses.ts";
import { resolvePoolTls } from "./pool-tls.ts";

type Report = (finding: Finding) => void;

/** How a control plane is asked. */
export async function resolveXds(table: XdsTable, directory: string, report: Report): Promise<XdsSettings> {
  const { protocol, node, initial, initial_timeout: initialTimeout, unknown } = table;
  const servers = table.servers.map((server, index) =>
    serverOf(placeAddress(server, ["xds", "servers", index], directory, report)),
  );
  const path: Path = ["xds", "tls"];
  const named = servers.map(({ target }) => ({ address: "", target, weight: 1, tier: 0 }));
  const tls =
    table.tls &&
    (await resolvePoolTls(
      { ...table.tls, alpn: ["h2"] },
      { type: "static", backends: named },
      path,
      directory,
      report,
    ));
  if (tls === undefined && servers.some(({ target }) => isElsewhere(target)))
    report(
      warningAt(
        ["xds", "servers"],
        "is asked in the clear on another machine: whoever is on the way decides what is served; add [xds.tls]",
      ),
    );
  const { id, cluster, metadata, locality } = node;
  return {
    servers,
    tls,
    protocol,
    node: { id, cluster, ...(metadata && { metadata }), ...(locality && { locality }) },
    initial,
    initialTimeout,
    cache: await resolveCache(table, directory, report),
    unknown,
  };
}

function serverOf(target: SocketAddress): XdsServer {
  const isNamed = target.kind === "tcp" && isIP(target.host) === 0;
  return { target, hostName: isNamed ? canonicalName(target.host) : undefined };
}

const isElsewhere = (target: SocketAddress): boolean =>
  target.kind === "tcp" && !/^(127\.|::1$|localhost$|\[::1\]$)/.test(target.host);

async function resolveCache(
  { cache_file: file, cache_secrets: secrets, cache_key_file: keyFile }: XdsTable,
  directory: string,
  report: Report,
): Promise<XdsCache | undefined> {
  const at = (key: string): Path => ["xds", key];
  if (secrets === "encrypt" && keyFile === undefined)
    report(errorAt(at("cache_secrets"), "needs cache_key_file, with the key"));
  if (secrets !== "encrypt" && keyFile !== undefined)
    report(errorAt(at("cache_key_file"), 'has no effect; add cache_secrets = "encrypt", or remove it'));
  if (file === undefined) {
    if (secrets !== "omit") report(errorAt(at("cache_secrets"), "has no effect without cache_file"));
    return undefined;
  }
  const cache = { file: resolve(directory, file), secrets, keyFile: keyFile && resolve(directory, keyFile) };
  try {
    await access(dirname(cache.file), constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : "may not be written";
    report(errorAt(at("cache_file"), `can't be made, because its folder ${dirname(cache.file)} ${why}`));
  }
  if (cache.keyFile !== undefined) await checkKey(cache.keyFile, report);
  return cache;
}

async function checkKey(file: string, report: Report): Promise<void> {
  const { readCacheKey } = await import("../../xds/cache.ts");
  await readCacheKey(file).catch((error: Error) =>
    report(errorAt(["xds", "cache_key_file"], error.message || `${file} ${describeReadError(error)}`)),
  );
}
