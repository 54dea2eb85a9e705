/** Renders the log's lines for people at a terminal. */
export type Render = (lines: string) => string;

/** The fields of a session's line that its short form has. */
interface SessionLine {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly id: string;
  readonly listener: string;
  readonly client?: string;
  readonly sni?: string;
  readonly pool?: string;
  readonly backend?: string;
  readonly received: number;
  readonly sent: number;
  readonly duration_ms: number;
  readonly reason: string;
}

/**
 * Loaded only for people at a terminal.
 * @param verbose whether sessions have all their fields; else each is one short line.
 */
export async function prettyRenderer(verbose: boolean): Promise<Render> {
  const { prettyFactory } = (await import("pino-pretty")).default;
  const pretty = prettyFactory({ singleLine: true, translateTime: "SYS:HH:MM:ss.l" });
  const render = (line: string): string => {
    const short = verbose ? undefined : shortened(line);
    return pretty(short ?? line);
  };
  return (lines) =>
    lines
      .split("\n")
      .filter((line) => line !== "")
      .map(render)
      .join("");
}

/** A session's line with all that it says in its message; undefined for any other line. */
function shortened(line: string): string | undefined {
  if (!line.endsWith('"msg":"session"}')) return undefined;
  const session = JSON.parse(line) as SessionLine;
  return JSON.stringify({ level: session.level, time: session.time, msg: sessionText(session) });
}

/** `session 3fa9c1-1z  127.0.0.1:59982 → web → echo 127.0.0.1:1995  13 B in, 21 B out, 1.98 s  client_closed` */
function sessionText(session: SessionLine): string {
  const { id, client, listener, sni, pool, backend, received, sent, reason } = session;
  const name = sni === undefined ? "" : ` (${sni})`;
  const way = [
    client ?? "a client",
    `${listener}${name}`,
    ...(pool === undefined ? [] : [backend === undefined ? pool : `${pool} ${backend}`]),
  ];
  const amounts = `${bytes(received)} in, ${bytes(sent)} out, ${time(session.duration_ms)}`;
  return `session ${id}  ${way.join(" → ")}  ${amounts}  ${reason}`;
}

function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let amount = count;
  for (; amount >= 1024 && unit < units.length - 1; unit++) amount /= 1024;
  return `${unit === 0 ? amount : amount.toFixed(1)} ${units[unit]}`;
}

const time = (ms: number): string =>
  ms < 1000 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toPrecision(3)} s`;
