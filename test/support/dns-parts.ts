import type { DnsServer } from "./dns-server.ts";

/**
 * Has a server answer as Consul and Route 53 do with large sets: each answer has two addresses, the next ones in turn.
 * @param last how many of 127.0.0.1, 127.0.0.2, … there are.
 */
export function answerInParts(dns: DnsServer, name: string, last: () => number): void {
  let next = 0;
  dns.reply(name, "A", () => {
    const answers = [0, 1].map((offset) => {
      const data = `127.0.0.${1 + ((next + offset) % last())}`;
      return { name, type: "A" as const, ttl: 0, data };
    });
    next += 2;
    return { answers };
  });
}
