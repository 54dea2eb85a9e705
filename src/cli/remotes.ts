import { type Command, Option } from "commander";
import { parseDuration } from "../lib/duration.ts";
import type { DrainOptions, UndrainOptions } from "./drain.ts";
import { exitCode } from "./exit.ts";
import type { HealthOptions } from "./health.ts";
import { adminOption, configOption, duration, wholeNumber } from "./options.ts";
import type { ReloadOptions } from "./reload.ts";
import type { KillOptions, SessionsOptions } from "./sessions.ts";
import type { StatusOptions } from "./status.ts";
import type { TopOptions } from "./top.ts";
import type { UpgradeOptions } from "./upgrade.ts";

/** Adds the commands that talk to a running umay, through its admin server. */
export function addRemotes(program: Command, done: (code: number) => void): void {
  const remote = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .addOption(adminOption())
      .addOption(configOption())
      .option("--json", "print the answer as JSON");

  remote("health", "ask a running umay whether it is ready: exit 0 if so, 1 if not").action(
    async (options: HealthOptions) => done(await (await import("./health.ts")).health(options)),
  );

  remote("status", "show the listeners, pools and backends of a running umay")
    .option("-w, --watch", "show it every two seconds, until Ctrl-C")
    .option("--wide", "show pickers and percentiles of times too")
    .action(async (options: StatusOptions) => done(await (await import("./status.ts")).status(options)));

  program
    .command("top")
    .description("watch a running umay live in the terminal, what is in trouble first, until q or Ctrl-C")
    .addOption(adminOption())
    .addOption(configOption())
    .addOption(
      new Option("-i, --interval <duration>", "time between two looks, from 100ms")
        .default("1s")
        .argParser(duration),
    )
    .option(
      "-n, --count <frames>",
      "how many to show; elsewhere than on a terminal one is the default",
      wholeNumber,
    )
    .action(async ({ interval, ...options }: Omit<TopOptions, "interval"> & { interval: string }) => {
      const time = Math.max(100, parseDuration(interval));
      done(await (await import("./top.ts")).top({ ...options, interval: time }));
    });

  remote(
    "reload",
    "make a running umay take its changed configuration into service: exit 78 if it is invalid",
  )
    .option("--dry-run", "only say what would change, with old and new values")
    .action(async (options: ReloadOptions) => done(await (await import("./reload.ts")).reload(options)));

  remote(
    "sessions",
    "list the connections that a running umay has open, those that are open for longest first",
  )
    .option("-l, --listener <name>", "only those of this listener")
    .option("--pool <name>", "only those to this pool")
    .option("--backend <address>", "only those to this backend")
    .option("--client <ip>", "only those of this address, or of this range: 10.0.0.0/8")
    .option("-n, --limit <count>", "how many to show, up to 10000 (default: 100)")
    .action(async (options: SessionsOptions) =>
      done(await (await import("./sessions.ts")).sessions(options)),
    );

  remote("kill", "end one connection of a running umay, by its id in umay sessions or in the log")
    .argument("<id>", "the connection's id")
    .action(async (id: string, options: KillOptions) =>
      done(await (await import("./sessions.ts")).kill(id, options)),
    );

  remote(
    "upgrade",
    "have a running umay start the program that is installed now, which takes over from it",
  ).action(async (options: UpgradeOptions) => done(await (await import("./upgrade.ts")).upgrade(options)));

  addDrains(remote, done);
}

function addDrains(
  remote: (name: string, description: string) => Command,
  done: (code: number) => void,
): void {
  remote("drain", "drain one backend of a running umay, or with --all the whole process")
    .option("--all", "drain and end the whole process, as umay stop does")
    .option("--pool <name>", "the backend's pool")
    .option("--backend <address>", "the backend that gets no more new sessions; open ones go on")
    .option(
      "--deadline <duration>",
      "reset the backend's sessions that are still open after this time: 30s, 5m",
      duration,
    )
    .option("--force", "drain also the last healthy backend of a pool")
    .option("--wait", "return when the backend has no connection left")
    .action(async (options: Partial<DrainOptions> & { all?: true }, command: Command) => {
      const { all, pool, backend, deadline, force, wait } = options;
      const ofBackend = [pool, backend, deadline, force, wait].some((given) => given !== undefined);
      if (all && ofBackend)
        command.error("error: --all drains the whole process; leave the options of a backend out");
      if (all) return done(await (await import("./drain.ts")).stop(options));
      if (!ofBackend) return showUsage(command, done);
      if (pool === undefined || backend === undefined)
        return command.error("error: --pool and --backend go together; for the whole process see --all");
      done(await (await import("./drain.ts")).drain({ ...options, pool, backend }));
    });

  remote("undrain", "let a drained backend of a running umay have new sessions again")
    .requiredOption("--pool <name>", "the backend's pool")
    .requiredOption("--backend <address>", "the backend's address, as in umay status")
    .action(async (options: UndrainOptions) => done(await (await import("./drain.ts")).undrain(options)));

  remote("stop", "drain a running umay and end it, as SIGTERM does").action(async (options) =>
    done(await (await import("./drain.ts")).stop(options)),
  );
}

function showUsage(command: Command, done: (code: number) => void): void {
  command.outputHelp({ error: true });
  done(exitCode.usage);
}
