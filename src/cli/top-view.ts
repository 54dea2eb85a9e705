import { styleText } from "node:util";
import type { BackendStatus } from "../control/tell/status/pools.ts";
import type { Status } from "../control/tell/status/status.ts";
import { table } from "./table.ts";
import { bytes, duration, plural } from "./words.ts";

type Format = Parameters<typeof styleText>[0];

/** Two looks at a umay, and how they are shown. */
export interface TopFrame {
  readonly status: Status;
  /** The look before; undefined: this is the first one, and there are no rates. */
  readonly before: Status | undefined;
  /** Between the two. */
  readonly seconds: number;
  /** Of the terminal, in characters. Infinite where it is none. */
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

/** A live view as lines that fit: what is in trouble first, the rest by its traffic, and how much is left out. */
export function renderTop(frame: TopFrame): readonly string[] {
  const { columns, rows } = frame;
  const [head, ...sections] = [headOf(frame), listeners(frame), routes(frame), backends(frame)];
  const lines = [
    head!,
    ...sections.filter((text) => text !== "").flatMap((text) => ["", ...text.split("\n")]),
  ];
  const shown =
    lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`];
  return shown.map((line) => colored(cut(line, columns), frame.color));
}

/** Without what a terminal might take for a command. */
function cut(line: string, columns: number): string {
  const plain = line.replaceAll(/\p{Cc}/gu, "?");
  return plain.length <= columns ? plain : `${plain.slice(0, Math.max(0, columns - 1))}…`;
}

const styles: readonly (readonly [RegExp, Format])[] = [
  [/^(LISTENER|ROUTE|POOL) /, "bold"],
  [/^umay .* is (?!ready)/, ["bold", "red"]],
  [/^umay /, "bold"],
  [/^\S+ +\S+ +(down|ejected)\b/, "red"],
  [/^\S+ +\S+ +(draining|full|checking)\b/, "yellow"],
];

function colored(line: string, color: boolean): string {
  const format = color ? styles.find(([pattern]) => pattern.test(line))?.[1] : undefined;
  return format === undefined ? line : styleText(format, line, { validateStream: false });
}

function headOf({ status, before, seconds }: TopFrame): string {
  const { version, host, state, reason, uptime_seconds: up } = status;
  const why = reason === null || reason === state ? "" : ` (${reason})`;
  const sum = (
    of: Status | undefined,
    key: "received_bytes_total" | "sent_bytes_total",
  ): number | undefined =>
    of && Object.values(of.listeners).reduce((total, listener) => total + listener[key], 0);
  const moved = (["received_bytes_total", "sent_bytes_total"] as const).map((key) =>
    perSecond(sum(status, key), sum(before, key), seconds, bytes),
  );
  const facts = [
    `up ${duration(up)}`,
    `${status.connections} of ${plural(status.connections_limit, "connection")}`,
    ...(before === undefined ? [] : [`${moved[0] || "0"} in and ${moved[1] || "0"} out a second`]),
  ];
  return `umay ${version} on ${host} is ${state}${why}: ${facts.join(", ")}`;
}

function listeners({ status, before, seconds }: TopFrame): string {
  const rows = Object.entries(status.listeners).map(([name, now]) => {
    const then = before?.listeners[name];
    const per = (value: number | undefined, earlier: number | undefined, words = rate): string =>
      perSecond(value, earlier, seconds, words);
    const total = (counts: Readonly<Record<string, number>> | undefined): number | undefined =>
      counts && Object.values(counts).reduce((sum, count) => sum + count, 0);
    return [
      name,
      now.bind,
      String(now.connections),
      per(now.connections_total, then?.connections_total),
      per(now.requests?.total, then?.requests?.total),
      per(now.received_bytes_total, then?.received_bytes_total, bytes),
      per(now.sent_bytes_total, then?.sent_bytes_total, bytes),
      per(total(now.rejected_total), total(then?.rejected_total)),
      per(total(now.handshake_failures_total), total(then?.handshake_failures_total)),
      milliseconds((now.requests?.seconds ?? now.session_seconds).p99),
    ];
  });
  const titles = [
    "LISTENER",
    "BIND",
    "#OPEN",
    "#NEW/S",
    "#REQ/S",
    "#IN/S",
    "#OUT/S",
    "#REFUSED/S",
    "#TLS FAIL/S",
  ];
  return table([...titles, "#P99"], rows);
}

function routes({ status, before, seconds }: TopFrame): string {
  const rows = Object.entries(status.routes).map(
    ([name, { requests, requests_total: total, seconds: times }]) => [
      name,
      String(requests),
      perSecond(total, before?.routes[name]?.requests_total, seconds, rate),
      milliseconds(times.p50),
      milliseconds(times.p99),
    ],
  );
  return rows.length === 0 ? "" : table(["ROUTE", "#OPEN", "#REQ/S", "#P50", "#P99"], rows);
}

function backends({ status, before, seconds }: TopFrame): string {
  const all = Object.entries(status.pools).flatMap(([pool, { backends: its }]) =>
    its.map((now) => {
      const then = before?.pools[pool]?.backends.find(({ address }) => address === now.address);
      const traffic = now.connections_total - (then?.connections_total ?? now.connections_total);
      return { pool, now, then, traffic, moved: movedOn(now) - (then === undefined ? 0 : movedOn(then)) };
    }),
  );
  const order = all.toSorted(
    (a, b) => trouble(b.now) - trouble(a.now) || b.traffic - a.traffic || b.moved - a.moved,
  );
  const rows = order.map(({ pool, now, then }) => {
    const per = (value: number, earlier: number | undefined, words = rate): string =>
      perSecond(value, earlier, seconds, words);
    return [
      pool,
      now.address,
      now.state,
      since(now),
      String(now.connections),
      now.connections_limit === null ? "" : String(now.connections_limit),
      per(now.connections_total, then?.connections_total),
      per(now.connect_failures_total, then?.connect_failures_total),
      per(now.received_bytes_total, then?.received_bytes_total, bytes),
      per(now.sent_bytes_total, then?.sent_bytes_total, bytes),
      now.state === "up" ? "" : (now.cause ?? ""),
    ];
  });
  const titles = [
    "POOL",
    "BACKEND",
    "STATE",
    "SINCE",
    "#OPEN",
    "#LIMIT",
    "#NEW/S",
    "#FAIL/S",
    "#IN/S",
    "#OUT/S",
  ];
  return table([...titles, "WHY"], rows);
}

const trouble = ({ state }: BackendStatus): number => (state === "up" ? 0 : 1);

const movedOn = ({ received_bytes_total: received, sent_bytes_total: sent }: BackendStatus): number =>
  received + sent;

const since = ({ since: time }: BackendStatus): string =>
  time === null ? "" : duration(Math.max(0, (Date.now() - Date.parse(time)) / 1000));

/** Empty where there is none: at the first look, after a restart, and where nothing happened. */
function perSecond(
  now: number | undefined,
  before: number | undefined,
  seconds: number,
  words: (count: number) => string,
): string {
  if (now === undefined || before === undefined || now <= before || seconds <= 0) return "";
  return words((now - before) / seconds);
}

/** To two digits, whole from ten on. */
const rate = (count: number): string => (count < 9.95 ? count.toFixed(1) : String(Math.round(count)));

const milliseconds = (seconds: number | null): string =>
  seconds === null ? "" : `${Number((seconds * 1000).toPrecision(3))} ms`;
