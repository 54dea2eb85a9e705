import type { RedisCheckSpec } from "../model/health.ts";
import { exchange, type HealthCheck } from "./check.ts";
import { createDial } from "./dial.ts";
import { quoted, Reply } from "./reply.ts";

const mostBytes = 1024;

/**
 * Passed when PING is answered with PONG, or with the wish for a password. Any other error fails, such as LOADING while
 * the data set is read (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 */
export function createRedisCheck(spec: RedisCheckSpec): HealthCheck {
  const dial = createDial(spec);
  return {
    check: (target, done) =>
      exchange(dial, target, done, ({ pass }) => {
        const reply = new Reply(mostBytes);
        return {
          ready: (connection) => connection.write("PING\r\n"),
          receive(chunk) {
            const bytes = reply.add(chunk);
            if (!bytes.includes("\r\n")) return;
            const line = bytes.toString("latin1");
            if (!line.startsWith("+PONG") && !line.startsWith("-NOAUTH"))
              throw new Error(`${quoted(bytes)}, expected +PONG`);
            pass();
          },
        };
      }),
  };
}
