import { HttpClient } from "./http-client.ts";

/** What became of one request of a crowd. */
export interface Served {
  /** 0: the connection ended instead. */
  readonly status: number;
  readonly reason: string;
  /** In milliseconds. */
  readonly took: number;
}

/** Requests of many clients, each with a connection of its own that it uses again. */
export interface Crowd {
  readonly clients: number;
  /** Of each client. */
  readonly requests: number;
  readonly method?: string;
  readonly path: string;
  /** Between two requests of a client, in milliseconds. */
  readonly pause?: number;
}

/** Sends all of them and waits for all answers. */
export async function crowd(
  port: number,
  { clients, requests, method = "GET", path, pause = 0 }: Crowd,
): Promise<readonly Served[]> {
  const outcomes: Served[] = [];
  const one = async (number: number): Promise<void> => {
    let client = await HttpClient.connect(port);
    for (let count = 0; count < requests; count++) {
      const began = performance.now();
      const length = method === "POST" ? "content-length: 0\r\n" : "";
      client.write(`${method} ${path}/${number}-${count} HTTP/1.1\r\nhost: a.example\r\n${length}\r\n`);
      try {
        const { status, body, fields } = await client.response(method);
        const reason = /: (\w+)/.exec(body.toString())?.[1] ?? "";
        outcomes.push({ status, reason, took: performance.now() - began });
        if (fields.get("connection") !== "close") {
          if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
          continue;
        }
      } catch (error) {
        outcomes.push({ status: 0, reason: String(error), took: performance.now() - began });
      }
      client[Symbol.dispose]();
      client = await HttpClient.connect(port);
    }
    client[Symbol.dispose]();
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => one(number)));
  return outcomes;
}

/** The median of their times, in milliseconds. */
export const median = (outcomes: readonly Served[]): number => percentile(outcomes, 0.5);

/** @param share from 0 to 1. @returns the time within which that share of them was over, in milliseconds. */
export function percentile(outcomes: readonly Served[], share: number): number {
  const times = outcomes.map(({ took }) => took).sort((one, other) => one - other);
  return times[Math.floor(times.length * share)]!;
}

/** How often each status came. */
export function statuses(outcomes: readonly Served[]): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
