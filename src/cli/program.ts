import { Command, InvalidArgumentError, Option } from "commander";
import { parseAddress } from "../lib/address.ts";
import { parseDuration } from "../lib/duration.ts";
import type { ConfigOptions } from "./config.ts";
import type { DrainOptions, UndrainOptions } from "./drain.ts";
import { exitCode } from "./exit.ts";
import type { ExplainOptions } from "./explain.ts";
import type { ReloadOptions } from "./reload.ts";
import type { StatusOptions } from "./status.ts";
import { versionLine } from "./version.ts";

const configOption = (): Option =>
  new Option(
    "-c, --config <file>",
    "configuration, - for standard input; else UMAY_CONFIG, ./umay.toml, ./config/umay.toml, /etc/umay/umay.toml",
  );

function wholeDays(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 36_500)
    throw new InvalidArgumentError("Give a whole number from 1 to 36500.");
  return days;
}

function address(text: string): string {
  const parsed = parseAddress(text);
  if (typeof parsed === "string") throw new InvalidArgumentError(`It ${parsed}.`);
  return text;
}

function duration(text: string): string {
  if (Number.isNaN(parseDuration(text)))
    throw new InvalidArgumentError("Give a duration, such as 30s or 5m.");
  return text;
}

const collect = (value: string, previous: readonly string[]): readonly string[] => [...previous, value];

const helpEnd = `
Without a command it runs: umay -c umay.toml; umay -t -c umay.toml only checks.
Exit codes: 0 good, 1 failed to start or run, 2 wrong usage, 78 invalid configuration.`;

/**
 * The tables of commands and options, which `--help`, the manual page and the completion follow from. Every command has
 * its own module, which is loaded when it is called: `umay --version` loads none of them.
 * @param implicitRun whether `run` is called when no command is given.
 * @param done takes the exit code.
 */
export function createProgram(implicitRun: boolean, done: (code: number) => void): Command {
  const program = new Command("umay")
    .description("A TLS-terminating load balancer that is driven by one TOML file.")
    .version(versionLine, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .exitOverride()
    .showHelpAfterError("(umay --help lists commands and options)")
    .addHelpText("after", helpEnd);

  program
    .command("run", { isDefault: implicitRun })
    .description("serve until SIGTERM or SIGINT drains (the default)")
    .addOption(configOption())
    .option("-t, --test", "check the configuration and exit")
    .action(async ({ config, test }: { config?: string; test?: true }) => {
      if (test) done(await (await import("./check.ts")).check({ config, format: "text" }));
      else done(await (await import("./run.ts")).run(config));
    });

  program
    .command("check")
    .description("check the configuration as a start does, without binding, and show what would run")
    .addOption(configOption())
    .addOption(
      new Option("--format <format>", "format of the answer").choices(["text", "json"]).default("text"),
    )
    .action(async (options: { config?: string; format: "text" | "json" }) =>
      done(await (await import("./check.ts")).check({ config: options.config, format: options.format })),
    );

  program
    .command("config")
    .description("print every effective key with its source: file, environment or default")
    .addOption(configOption())
    .addOption(
      new Option("-a, --admin <address>", "ask the running umay with this admin address, not a configuration")
        .argParser(address)
        .conflicts("config"),
    )
    .option("--json", "print the keys as JSON")
    .action(async (options: ConfigOptions) => done(await (await import("./config.ts")).config(options)));

  program
    .command("schema")
    .description("print the JSON Schema of the configuration")
    .action(async () => done(await (await import("./schema.ts")).schema()));

  addExplain(program, done);
  addTools(program, done);
  addRemotes(program, done);
  program
    .command("version")
    .description("print the version")
    .action(() => {
      process.stdout.write(`${versionLine}\n`);
      done(exitCode.good);
    });
  return program;
}

function addExplain(program: Command, done: (code: number) => void): void {
  program
    .command("explain")
    .argument("[url]", "a request, for listeners that speak HTTP; else the connection alone is asked about")
    .description(
      "say how umay would treat a connection or a request, and why: exit 0 if it would be served, 1 if not",
    )
    .option("-X, --method <method>", "the request's method", "GET")
    .option(
      "-H, --header <field>",
      'a header field of the request, "name: value"; may be repeated',
      collect,
      [],
    )
    .option("--cases <file>", "requests with the routes that they must have: exit 1 on a difference")
    .option(
      "-l, --listener <name>",
      "the listener that the connection reaches; not needed where there is only one",
    )
    .option("--client <ip>", "the client's address (default: 127.0.0.1)")
    .option("--via <ip>", "the proxy in front, on a listener with proxy_protocol; else a trusted one")
    .option("--sni <name>", "the server name that the client asks for")
    .option(
      "--alpn <protocol>",
      "an application protocol that the client offers; may be repeated",
      collect,
      [],
    )
    .option(
      "--protocol <protocol>",
      "the client's protocol: tls, http1, http2 or other; else the one that the listener is for",
    )
    .addOption(configOption())
    .addOption(
      new Option("-a, --admin <address>", "ask the running umay with this admin address, not a configuration")
        .argParser(address)
        .conflicts("config"),
    )
    .option("--json", "print the explanation as JSON")
    .action(async (url: string | undefined, options: Omit<ExplainOptions, "url">) =>
      done(await (await import("./explain.ts")).explain({ ...options, url })),
    );
}

/** Commands for trying umay out. */
function addTools(program: Command, done: (code: number) => void): void {
  program
    .command("demo")
    .description("run config/umay.toml with development certificates and three echo backends")
    .option("--http", "run config/http-demo.toml with three backends that answer requests")
    .action(async ({ http }: { http?: boolean }) => {
      const { demo, httpDemo } = await import("./demo.ts");
      done(await (http ? httpDemo() : demo()));
    });

  program
    .command("echo")
    .description("run an echo server that puts its name before each line")
    .addOption(
      new Option("-b, --bind <address>", "host:port, [v6]:port or unix:/path; port 0 picks a free port")
        .default("0.0.0.0:1994")
        .argParser(address),
    )
    .option("-n, --name <name>", "the name before each line; without it bytes come back unchanged")
    .action(async (options: { bind: string; name?: string }) =>
      done(await (await import("./echo.ts")).echo(options.bind, options.name)),
    );

  program
    .command("certs")
    .description("make a development CA and a certificate for localhost")
    .option("-d, --dir <folder>", "where the files go", "certs")
    .option("-n, --name <name>", "a further DNS name or IP address to cover; may be repeated", collect, [])
    .option("--days <days>", "how many days the certificates are valid", wholeDays, 824)
    .option("--force", "replace existing files")
    .action(async (options: { dir: string; name: readonly string[]; days: number; force?: true }) =>
      done(
        await (await import("./certs.ts")).certs({
          dir: options.dir,
          names: options.name,
          days: options.days,
          force: options.force === true,
        }),
      ),
    );
}

const adminOption = (text: string): Option =>
  new Option("-a, --admin <address>", text).env("UMAY_ADMIN").argParser(address);

/** Commands that talk to a running umay, through its admin server. */
function addRemotes(program: Command, done: (code: number) => void): void {
  program
    .command("health")
    .description("ask a running umay whether it is ready: exit 0 if so, 1 if not")
    .addOption(adminOption("umay's admin address").default("127.0.0.1:9901"))
    .action(async (options: { admin: string }) =>
      done(await (await import("./health.ts")).health(options.admin)),
    );

  const remote = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .addOption(adminOption("umay's admin address; else admin.bind of the configuration"))
      .addOption(configOption())
      .option("--json", "print the answer as JSON");

  remote("status", "show the listeners, pools and backends of a running umay").action(
    async (options: StatusOptions) => done(await (await import("./status.ts")).status(options)),
  );

  remote(
    "reload",
    "make a running umay take its changed configuration into service: exit 78 if it is invalid",
  )
    .option("--dry-run", "only say what would change")
    .action(async (options: ReloadOptions) => done(await (await import("./reload.ts")).reload(options)));

  remote("drain", "drain one backend of a running umay; without --backend drain and end the whole process")
    .option("--pool <name>", "the backend's pool")
    .option("--backend <address>", "the backend that gets no more new sessions; open ones go on")
    .option(
      "--deadline <duration>",
      "reset the backend's sessions that are still open after this time: 30s, 5m",
      duration,
    )
    .option("--wait", "return when the backend has no connection left")
    .action(async (options: DrainOptions, command: Command) => {
      const { pool, backend, deadline, wait } = options;
      if ((pool === undefined) !== (backend === undefined))
        command.error("error: --pool and --backend go together");
      if ((deadline !== undefined || wait) && backend === undefined)
        command.error("error: --deadline and --wait are for a backend; for a process see shutdown.timeout");
      done(await (await import("./drain.ts")).drain(options));
    });

  remote("undrain", "let a drained backend of a running umay have new sessions again")
    .requiredOption("--pool <name>", "the backend's pool")
    .requiredOption("--backend <address>", "the backend's address, as in umay status")
    .action(async (options: UndrainOptions) => done(await (await import("./drain.ts")).undrain(options)));
}
