import { relative } from "node:path";
import { styleText } from "node:util";
import type {
  AdmissionExplanation,
  BackendExplanation,
  Explanation,
  PoolExplanation,
  RouteExplanation,
  RouteMismatch,
  RouteTrial,
  TlsExplanation,
} from "../model/explanation.ts";
import { httpRefusals } from "../model/http/refusals.ts";
import { endReasons, handshakeResults, rejectReasons } from "../model/reasons.ts";
import { httpSections } from "./explain-http/text.ts";

type Format = Parameters<typeof styleText>[0];
export type Style = (format: Format, text: string) => string;

/** A word on the left, and the lines beside it. */
export type Section = readonly [label: string, lines: readonly string[]];

/** Aligned lines for people: the verdict first, then its reasons in the order of a session's life. */
export function formatExplanation(explanation: Explanation, options: { readonly color: boolean }): string {
  const style: Style = (format, text) =>
    options.color ? styleText(format, text, { validateStream: false }) : text;
  const { admission, tls, route, pool, notes } = explanation;
  const sections: Section[] = [
    ["asked", [asked(explanation.request)]],
    [admission.admitted ? "admitted" : "refused", [admissionText(admission)]],
  ];
  if (tls !== null) sections.push(["TLS", [tlsText(tls, explanation.request.sni)]]);
  if (route !== null) sections.push(["route", routeLines(route, style)]);
  if (explanation.http !== null) sections.push(...httpSections(explanation.http, style));
  if (pool !== null) sections.push(["pool", poolLines(pool, explanation.worker, style)]);
  for (const note of notes) sections.push(["note", [style("dim", note)]]);
  const width = Math.max(...sections.map(([label]) => label.length)) + 2;
  const lines = sections.flatMap(([label, [first, ...rest]]) => [
    style("cyan", label.padEnd(width)) + first,
    ...rest.map((line) => " ".repeat(width) + line),
  ]);
  return `${verdict(explanation, style)}\n\n${lines.join("\n")}\n`;
}

/** The meanings of the codes of ends; a request has some of the same name. */
const reasons: Readonly<Partial<Record<NonNullable<Explanation["reason"]>, { readonly text: string }>>> = {
  ...endReasons,
  ...handshakeResults,
  ...rejectReasons,
};

function verdict({ reason, pool, http }: Explanation, style: Style): string {
  if (reason !== null) {
    const { text } = { ...reasons, ...(http === null ? undefined : httpRefusals) }[reason]!;
    return `${style(["bold", "red"], `not served: ${reason}`)}, ${text}`;
  }
  const route = http?.route == null ? "" : `, route ${http.route}`;
  if (pool === null) {
    const { status, location } = http?.answer ?? { status: undefined, location: null };
    const to = location === null ? "" : ` to ${location}`;
    const text = status === undefined ? "accepted" : `answered with ${status}${to}${route}`;
    return style(["bold", "green"], text);
  }
  const { name, backend, by, backends, waits } = pool;
  if (waits !== null)
    return style(["bold", "yellow"], `waits for ${waitTexts[waits]} in pool ${name}${route}`);
  const candidates = backends.filter(({ skipped }) => skipped === null).length;
  const who = backend ?? (by === "load" ? "the least loaded of several" : `one of ${candidates} backends`);
  return style(["bold", "green"], `served by ${who} of pool ${name}${route}`);
}

const waitTexts = { room: "room", check: "a first check" };

function asked({ listener, client, via, sni, alpn, protocol }: Explanation["request"]): string {
  const parts = [
    `listener ${listener}`,
    client === "" ? "a client without an address" : `client ${client}`,
    via === null ? "" : `via ${via}`,
    `speaking ${protocol}`,
    sni === "" ? "" : `server name ${sni}`,
    alpn.length === 0 ? "" : `ALPN ${alpn.join(", ")}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

const admissionText = ({ rule, reason }: AdmissionExplanation): string =>
  reason === null ? rule : `${rule} (${reason})`;

function tlsText({ handling, certificate, alpn, client_auth: auth }: TlsExplanation, sni: string): string {
  if (handling === "passed_through") return "passed through, as it comes";
  if (handling === "none") return "none is terminated: bytes go on as they come";
  if (certificate === null) return "refused";
  const { files, by, name } = certificate;
  const shown = files.map(near).join(" or ");
  const why = {
    exact: `which covers ${name}`,
    wildcard: `whose ${name} covers ${sni}`,
    default: sni === "" ? "the default" : `the default, because none covers ${sni}`,
  }[by];
  const more = [
    alpn === null ? "" : `; ALPN ${alpn}`,
    auth === null ? "" : `; client certificate: ${auth === "require" ? "required" : "optional"}`,
  ];
  return `${handling}, with ${shown}, ${why}${more.join("")}`;
}

/** The path from the working folder, for a file below it. */
export function near(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith("..") || process.cwd() === "/" ? file : path;
}

const mismatchTexts: { readonly [M in RouteMismatch]: string } = {
  sni: "another server name",
  alpn: "another ALPN protocol",
  protocol: "another protocol",
  from: "another client address",
  port: "another port",
  hello: "an earlier route, or none, took the hello",
};

function routeLines({ routes, matched, more, pool }: RouteExplanation, style: Style): string[] {
  const fallback = pool === "" ? "the connection is refused" : `the listener's own pool, ${pool}`;
  if (routes.length === 0) return [fallback];
  const rows = routes.map((route) => [String(route.number), conditionsText(route), ""] as const);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = routes.map((route, index) => {
    const [number, conditions] = rows[index]!;
    const start = `${number.padStart(widths[0]!)}  ${conditions.padEnd(widths[1]!)}  `;
    if (route.mismatches.length > 0)
      return style("dim", `${start}no: ${route.mismatches.map((one) => mismatchTexts[one]).join(", ")}`);
    const to = route.pool === "" ? "refused" : `to pool ${route.pool}`;
    return start + style("green", `yes${route.passthrough ? ", passed through" : ""}, ${to}`);
  });
  if (more > 0)
    lines.splice(matched === null ? lines.length : -1, 0, style("dim", `and ${more} more that do not match`));
  if (matched === null) lines.push(`none matches: ${fallback}`);
  return lines;
}

function conditionsText({ sni, alpn, protocol, from, port }: RouteTrial): string {
  const parts = Object.entries({ sni, alpn, protocol, from, port }).map(([name, values]) =>
    values.length === 0 ? "" : `${name} ${short(values)}`,
  );
  return parts.filter((part) => part !== "").join(", ") || "any";
}

const mostValues = 3;

function short(values: readonly string[]): string {
  const more = values.length > mostValues ? ` and ${values.length - mostValues} more` : "";
  return values.slice(0, mostValues).join("|") + more;
}

const mostBackends = 20;

function poolLines(pool: PoolExplanation, worker: number | null, style: Style): string[] {
  const { name, backends } = pool;
  const lines = [`${name}, ${pickText(pool, worker)}`];
  if (pool.fails_open) lines.push(style("yellow", "too few backends are up, so that health is ignored"));
  if (backends.length === 0) lines.push("it has no backend");
  const chosen = (address: string): boolean => address === pool.backend || address === pool.next;
  const shown = [
    ...backends.filter(({ address }) => chosen(address)),
    ...backends.filter(({ address }) => !chosen(address)),
  ].slice(0, mostBackends);
  const ordered = backends.filter((backend) => shown.includes(backend));
  const width = Math.max(0, ...ordered.map(({ address }) => address.length));
  for (const backend of ordered) {
    const [format, text] = fate(backend, pool, worker);
    lines.push(`${backend.address.padEnd(width)}  ${style(format, text)}`);
  }
  if (backends.length > shown.length)
    lines.push(style("dim", `and ${backends.length - shown.length} more; --json has all`));
  return lines;
}

function pickText({ picker, by, key }: PoolExplanation, worker: number | null): string {
  switch (by) {
    case "key":
      return `${picker} of ${key === "" ? "no address" : key}`;
    case "turn":
      return `${picker}: whose turn it is ${worker === null ? "first" : `in worker ${worker}`}`;
    case "load":
      return `${picker}: the least loaded`;
    case "chance":
      return `${picker}: by chance`;
  }
}

function fate(backend: BackendExplanation, pool: PoolExplanation, worker: number | null): [Format, string] {
  const { address, weight, connections, state, skipped, share } = backend;
  const details = [
    shareText(share, pool, skipped !== null),
    pool.backends.every((other) => other.weight === weight) ? "" : `weight ${weight}`,
    worker === null ? "" : `${connections} open`,
    backend.tier > 0 ? "backup" : "",
    skipped === null && state !== "up" ? state : "",
  ].filter((detail) => detail !== "");
  const [format, word] = fateWord(address, skipped, pool);
  return [format, [word, ...details].join(", ")];
}

/** The least loaded one is no matter of shares: those that have more than it get nothing until that has changed. */
function shareText(share: number | null, { by }: PoolExplanation, skipped: boolean): string {
  if (skipped || share === null || share === 1) return "";
  if (by !== "load") return `about ${Math.round(share * 100)} %`;
  return share === 0 ? "would be picked when the others have more" : "would be next, in turn with its equals";
}

function fateWord(
  address: string,
  skipped: BackendExplanation["skipped"],
  { backend, next }: PoolExplanation,
): [Format, string] {
  if (skipped !== null) return ["yellow", skipped === "standby" ? "not needed" : `skipped: ${skipped}`];
  if (address === backend) return ["green", "picked"];
  return address === next ? ["reset", "next"] : ["reset", "candidate"];
}
