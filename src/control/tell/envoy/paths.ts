import { type Ask, type EnvoyPaths, jsonText, plainText } from "../../../admin/envoy.ts";
import { inPieces } from "../../../lib/long-text.ts";
import { version } from "../../../lib/version.ts";
import type { Provider } from "../../../providers/provider.ts";
import { exposition } from "../metrics/exposition.ts";
import type { MetricsInput, ProcessState } from "../readings.ts";
import { readStatus } from "../status/status.ts";
import { clusterLines, clusterStatuses } from "./clusters.ts";
import { listenerLines, listenerStatuses } from "./listeners.ts";
import { answerStats, prometheusOf, readStats } from "./stats.ts";

/** Envoy's words for how it stands with the process. */
const states: Readonly<Record<ProcessState, string>> = {
  starting: "INITIALIZING",
  ready: "LIVE",
  unready: "INITIALIZING",
  draining: "DRAINING",
};

/** The parts of the process that these paths tell of. */
export interface EnvoyParts {
  readonly input: MetricsInput;
  readonly provider: Provider;
  /** Asks the process to drain. */
  readonly drain: () => void;
}

/** Answers of Envoy's admin server, told of umay. @returns undefined where the configuration has nothing of Envoy's. */
export function envoyPaths({ input, provider, drain }: EnvoyParts): EnvoyPaths | undefined {
  const { envoy } = provider;
  if (envoy === undefined) return undefined;
  const state = (): string => states[input.readiness().state];
  return {
    looks: new Map<string, Ask>([
      ["/ready", () => plainText(`${state()}\n`, state() === "LIVE" ? 200 : 503)],
      [
        "/server_info",
        () =>
          jsonText({
            version: `umay/${version}`,
            state: state(),
            uptime_current_epoch: `${Math.floor(process.uptime())}s`,
            uptime_all_epochs: `${Math.floor(process.uptime())}s`,
            hot_restart_version: "disabled",
            command_line_options: { concurrency: input.memories.length, config_path: provider.source },
            node: envoy.node(),
          }),
      ],
      ["/config_dump", async (query) => jsonText(await envoy.dump(query.has("include_eds")))],
      [
        "/clusters",
        async (query) => {
          const status = await readStatus(input);
          if (query.get("format") === "json") return jsonText(clusterStatuses(status));
          return plainText(clusterLines(status));
        },
      ],
      [
        "/listeners",
        (query) => {
          const { listeners } = input.snapshot();
          if (query.get("format") === "json") return jsonText(listenerStatuses(listeners));
          return plainText(listenerLines(listeners));
        },
      ],
      ["/stats", (query) => answerStats(input, envoy, query)],
      [
        "/stats/prometheus",
        async () => {
          const own = await exposition(input, "");
          return {
            status: 200,
            contentType: own.contentType,
            body: joined(inPieces(prometheusOf(await readStats(input, envoy))), own.body),
          };
        },
      ],
    ]),
    changes: new Map([
      [
        "/drain_listeners",
        () => {
          drain();
          return plainText("OK\n");
        },
      ],
    ]),
  };
}

async function* joined(...texts: readonly AsyncIterable<string>[]): AsyncGenerator<string> {
  for (const text of texts) yield* text;
}
