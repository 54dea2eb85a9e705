import { mostFields } from "../../../http/span-fields.ts";
import { formatAddress } from "../../../lib/address.ts";
import { formatCidr } from "../../../lib/cidr.ts";
import { type Chain, type Rule, relayTarget, rulesOf } from "../../../model/chain.ts";
import type { ClientAuth, ClientRule } from "../../../model/client-auth.ts";
import type { HttpFront } from "../../../model/http/front.ts";
import type { Listener, ListenerTls } from "../../../model/listener.ts";
import type { Certificate } from "../../../model/material.ts";
import { duration, list, table, type Writing } from "./context.ts";

/** A listener of TOML has one TLS setting, and rules by server name and protocol. */
export function writeListener(listener: Listener, writing: Writing): object {
  const { name, bind, detect, chains, proxyProtocol, timeouts } = listener;
  const rules = rulesOf(chains);
  const served = rules.filter(({ chains: [{ serve }] }) => serve.kind !== "refuse");
  const last =
    served.findLast(({ chains: [{ match }] }) => match.sni.length + match.from.length === 0) ?? served.at(-1);
  const others = served.filter((rule) => rule !== last);
  const main = last?.chains[0];
  if (rules.length > served.length)
    writing.omit(`listener ${name}: connections that no filter chain takes are refused`);
  const http = main?.serve.kind === "http" ? main.serve.front : undefined;
  const tls = mergeTls(listener, writing);
  return table({
    bind: formatAddress(bind),
    mode:
      http !== undefined
        ? "http"
        : main?.tls === "passthrough" && tls === undefined
          ? "passthrough"
          : undefined,
    pool: http === undefined && main !== undefined ? poolOf(main, name, writing) : undefined,
    detect: detect && tls !== undefined ? true : undefined,
    proxy_protocol: proxyProtocol && { trust: proxyProtocol.trust.map(formatCidr) },
    timeouts: table({
      handshake: duration(timeouts.handshake),
      idle: duration(http?.timeouts.idle ?? main?.timeouts.idle ?? 3_600_000),
      request_header: http && duration(http.timeouts.requestHeader),
      keep_alive: http && duration(http.timeouts.keepAlive),
    }),
    http: http && writeFront(http, name, writing),
    routes: list(others.flatMap((rule) => writeRule(rule, name, writing) ?? [])),
    tls,
    max_requests_per_connection: http?.maxRequests,
    max_connection_age: http?.maxAge === undefined ? undefined : duration(http.maxAge),
  })!;
}

function poolOf(chain: Chain, listener: string, writing: Writing): string | undefined {
  const [first, ...others] = relayTarget(chain.serve);
  if (others.length > 0)
    writing.omit(`listener ${listener}: weights of several pools for connections that are relayed`);
  return first && writing.name(first.pool);
}

function writeRule({ chains: [chain] }: Rule, listener: string, writing: Writing): object | undefined {
  const { sni, alpn, from, port, to = [], fromPort = [], origin = [] } = chain.match;
  if (from.length + port.length + to.length + fromPort.length + origin.length > 0) {
    writing.omit(`listener ${listener}: a filter chain for some addresses or ports alone (${chain.name})`);
    return undefined;
  }
  if (chain.serve.kind === "http") {
    writing.omit(`listener ${listener}: a second filter chain that speaks HTTP (${chain.name})`);
    return undefined;
  }
  return table({
    sni: list(sni),
    alpn: list(alpn),
    pool: poolOf(chain, listener, writing),
    passthrough: chain.tls === "passthrough" ? true : undefined,
  });
}

/** All certificates in one table: the server name chooses among them. */
function mergeTls({ name, tls }: Listener, writing: Writing): object | undefined {
  const [first, ...others] = tls;
  if (first === undefined) return undefined;
  const settings = ({ minVersion, maxVersion, ciphers, alpn, clientAuth }: ListenerTls): string =>
    JSON.stringify([minVersion, maxVersion, ciphers, alpn, clientAuth?.ca?.pem, clientAuth?.mode]);
  if (others.some((other) => settings(other) !== settings(first)))
    writing.omit(
      `listener ${name}: TLS settings that differ between filter chains; those of the first stand here`,
    );
  return table({
    min_version: first.minVersion === "TLSv1.2" ? undefined : first.minVersion,
    max_version: first.maxVersion === "TLSv1.3" ? undefined : first.maxVersion,
    alpn: list(first.alpn),
    certificates: tls.flatMap(({ certificates }) =>
      certificates.map((each) => certificateOf(each, name, writing)),
    ),
    client_auth: first.clientAuth && writeClientAuth(first.clientAuth, name, writing),
  });
}

/** A certificate's files. PEM text of the configuration has to become files. */
export function certificateOf(
  { source }: Certificate,
  owner: string,
  writing: Writing,
): { cert: string; key: string } {
  if (source.given === undefined) return { cert: source.cert, key: source.key };
  writing.omit(
    `${owner}: ${source.cert} stood in the configuration itself; write it to the files that are named here`,
  );
  const file = writing.name(source.cert);
  return { cert: `${file}.pem`, key: `${file}.key` };
}

function writeClientAuth({ mode, ca, crl, allow }: ClientAuth, owner: string, writing: Writing): object {
  if (ca?.source.given !== undefined)
    writing.omit(`${owner}: ${ca.source.file} stood in the configuration itself; write it to a file`);
  return table({ mode, ca: ca?.source.file, crl: crl?.source.file, allow: allow?.map(ruleText) })!;
}

function ruleText(rule: ClientRule): string {
  if (rule.kind === "spiffe") return rule.id;
  if (rule.kind === "dns") return `dns:${rule.name}`;
  if (rule.kind === "sha256") return `sha256:${rule.pin}`;
  return rule.kind === "subject" ? `subject:${rule.attributes.join(",")}` : rule.kind;
}

function writeFront(front: HttpFront, listener: string, writing: Writing): object | undefined {
  const { versions, limits, underscores, ambiguousPaths, misdirected, via, server, errors, logs, forwarded } =
    front;
  if (errors.length > 0)
    writing.omit(`listener ${listener}: texts of umay's own answers; write them to files (errors)`);
  if (front.mergesSlashes === true) writing.omit(`listener ${listener}: slashes in a row are merged`);
  if (logs !== undefined) writing.omit(`listener ${listener}: its own logs; see [log.access]`);
  if (front.earlyFields !== undefined)
    writing.omit(`listener ${listener}: changes of requests' fields before routes are looked for`);
  for (const { name } of forwarded.clientFields ?? [])
    writing.omit(`listener ${listener}: ${name} names the client; have the proxy write X-Forwarded-For`);
  if ((forwarded.hops ?? 0) > 0)
    writing.omit(
      `listener ${listener}: ${forwarded.hops} proxies are believed, whoever they are; write their addresses to forwarded.trust`,
    );
  return table({
    versions,
    max_request_head: `${Math.round(limits.requestHead / 1024)}KiB`,
    max_fields: Math.min(mostFields, Math.max(8, limits.fields)),
    underscores,
    ambiguous_paths: ambiguousPaths === "pass" ? "pass" : undefined,
    misdirected: misdirected === "pass" ? "pass" : undefined,
    via,
    server: typeof server === "string" ? server : server.text,
  });
}
