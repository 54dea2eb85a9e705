import { Command, InvalidArgumentError, Option } from "commander";
import type { AdminChoice } from "./admin-client.ts";
import type { ConfigOptions } from "./config.ts";
import { exitCode } from "./exit.ts";
import type { ExplainOptions } from "./explain.ts";
import type { InitOptions } from "./init.ts";
import { address, adminOption, configOption, envoyOption, runningOption } from "./options.ts";
import { addRemotes } from "./remotes.ts";
import { versionLine } from "./version.ts";

function wholeDays(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 36_500)
    throw new InvalidArgumentError("Give a whole number from 1 to 36500.");
  return days;
}

const collect = (value: string, previous: readonly string[]): readonly string[] => [...previous, value];

const helpEnd = `
Without a command it runs: umay umay.toml; umay check umay.toml only checks.
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
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "umay: ")) })
    .showHelpAfterError("(umay --help lists commands and options)")
    .addHelpText("after", helpEnd);

  program
    .command("run", { isDefault: implicitRun })
    .argument("[file]", "the configuration, as with --config")
    .description("serve until SIGTERM or SIGINT drains (the default)")
    .addOption(configOption())
    .addOption(envoyOption())
    .option("-t, --test", "check the configuration and exit")
    .option("-v, --verbose", "show all fields of sessions in the pretty form of the log")
    .option("--take-over", "take the listening sockets over from the umay that runs, which then drains")
    .addOption(adminOption())
    .action(
      async (
        file: string | undefined,
        options: ConfigChoice & { test?: true; verbose?: true; takeOver?: true; admin?: string },
        command: Command,
      ) => {
        const choice = oneConfig(file, options, command);
        if (options.test) done(await (await import("./check.ts")).check({ ...choice, json: false }));
        else {
          const { verbose = false, takeOver = false, admin } = options;
          done(await (await import("./run.ts")).run(choice, { verbose, takeOver, admin }));
        }
      },
    );

  program
    .command("check")
    .argument("[file]", "the configuration, as with --config")
    .description("check the configuration as a start does, without binding, and show what would run")
    .addOption(configOption())
    .addOption(envoyOption())
    .option("--json", "print the answer as JSON")
    .action(async (file: string | undefined, options: ConfigChoice & { json?: true }, command: Command) => {
      const choice = oneConfig(file, options, command);
      done(await (await import("./check.ts")).check({ ...choice, json: options.json === true }));
    });

  program
    .command("convert")
    .argument("<file>", "a bootstrap file of Envoy's, in YAML or JSON; - for standard input")
    .description(
      "print the TOML that means the same as a configuration of Envoy's, with comments where it can't",
    )
    .action(async (file: string) => done(await (await import("./convert.ts")).convert(file)));

  program
    .command("config")
    .argument("[key]", "only this key, or the keys of this table: log.level, pools.api")
    .description("print every effective key with its source: file, environment or default")
    .addOption(configOption())
    .addOption(envoyOption())
    .addOption(runningOption())
    .option("--changed", "leave out what has its default")
    .option("--json", "print the keys as JSON")
    .action(async (key: string | undefined, options: ConfigOptions) =>
      done(await (await import("./config.ts")).config(key, options)),
    );

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
    .addOption(envoyOption())
    .addOption(runningOption())
    .addOption(
      new Option(
        "--kubernetes <object>",
        "ask a cluster, about what comes in by gateway/name or ingress/name, by KUBECONFIG or ~/.kube/config",
      ).conflicts(["admin", "cases", "envoyConfig"]),
    )
    .option("-n, --namespace <name>", "the namespace of that object; else the kubeconfig's")
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
    .command("init")
    .argument("[file]", "where the configuration goes, - for standard output", "umay.toml")
    .description("write a first configuration with comments, of options and, on a terminal, of questions")
    .option("-l, --listen <address>", "a port, host:port or unix:/path (default: 443 with a certificate)")
    .option("--cert <file>", "terminate TLS with this certificate chain, a PEM file")
    .option("--key <file>", "its key (default: beside it, with the ending .key)")
    .option("-b, --backend <address>", "where connections go, host:port; may be repeated", collect, [])
    .addOption(new Option("--http", "read requests, and route them").conflicts("tcp"))
    .option("--tcp", "pass bytes on as they come (the default)")
    .option(
      "--redirect <address>",
      "with --http and --cert: send clients of plain HTTP on this port to https",
    )
    .option("--backend-tls", "speak TLS to backends, and verify them")
    .option(
      "--health-path <path>",
      "a path that a healthy backend answers with 2xx; else it has to accept connections",
    )
    .addOption(
      new Option("-a, --admin <address>", "the admin server's address")
        .default("127.0.0.1:9901")
        .argParser(address),
    )
    .option("-y, --yes", "ask no questions")
    .option("--force", "replace the file")
    .action(async (file: string, options: InitOptions) =>
      done(await (await import("./init.ts")).init(file, options)),
    );

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
    .description("make a development CA and a certificate for localhost, or tell of certificates over ACME")
    .option("-d, --dir <folder>", "where the files go", "certs")
    .option("-n, --name <name>", "a further DNS name or IP address to cover; may be repeated", collect, [])
    .option("--days <days>", "how many days the certificates are valid", wholeDays, 824)
    .option("--force", "replace existing files")
    .option("--list", "show the certificates that a running umay gets over ACME, instead")
    .option("--revoke <name>", "have the authority revoke the certificate of this name, instead")
    .addOption(adminOption())
    .addOption(configOption())
    .action(async (options: CertsChoice) => {
      if (options.list) return done(await (await import("./acme-certs.ts")).listAcme(options));
      if (options.revoke !== undefined)
        return done(await (await import("./acme-certs.ts")).revokeAcme(options.config, options.revoke));
      const { dir, name: names, days, force } = options;
      done(await (await import("./certs.ts")).certs({ dir, names, days, force: force === true }));
    });
}

interface CertsChoice extends AdminChoice {
  readonly dir: string;
  readonly name: readonly string[];
  readonly days: number;
  readonly force?: true;
  readonly list?: true;
  readonly revoke?: string;
}

interface ConfigChoice {
  readonly config?: string;
  readonly envoyConfig?: string;
}

function oneConfig(file: string | undefined, options: ConfigChoice, command: Command): ConfigChoice {
  const { config, envoyConfig } = options;
  const [key] = [
    config === undefined ? [] : "--config",
    envoyConfig === undefined ? [] : "--envoy-config",
  ].flat();
  if (file !== undefined && key !== undefined)
    command.error(`error: FILE and ${key} both name the configuration; give one`);
  const named = file ?? config;
  return { ...(named !== undefined && { config: named }), ...(envoyConfig !== undefined && { envoyConfig }) };
}
