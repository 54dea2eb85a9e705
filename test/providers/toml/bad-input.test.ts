// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration has ${…} of its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { problemLines, smallest } from "./loading.ts";

const listener = '[listeners.a]\nbind = "127.0.0.1:1"\npool = "p"\n';
const pool = '[pools.p.discovery]\ntype = "static"\nbackends = ["127.0.0.1:80"]\n';
const names = '"round-robin", "random", "least-connection", "power-of-two", "peak-ewma" or "consistent-hash"';

interface Case {
  readonly what: string;
  readonly text: string;
  readonly env?: NodeJS.ProcessEnv;
  /** All that is said about it. */
  readonly problems: readonly string[];
}

const cases: readonly Case[] = [
  {
    what: "a TOML syntax error",
    text: "[log]\nlevel = debug\n",
    problems: ['error umay.toml:2:9 : a text needs quotes [did you mean "debug"?]'],
  },
  {
    what: "a key that is there twice",
    text: '[log]\nlevel = "info"\nlevel = "debug"\n',
    problems: ["error umay.toml:3:1 : level is there twice: it is written in line 2 too; keep one"],
  },
  {
    what: "a name that JavaScript could trip over",
    text: `${smallest}[pools.__proto__.discovery]\n`,
    problems: ["error umay.toml:8:2 : the names __proto__ and constructor are not allowed; choose another"],
  },
  {
    what: "an empty file",
    text: "",
    problems: [
      "error umay.toml listeners: is missing; expected at least one table [listeners.<name>] with bind and pool",
    ],
  },
  {
    what: "a table of listeners without one",
    text: `[listeners]\n`,
    problems: [
      "error umay.toml:1:2 listeners: expected at least one table [listeners.<name>] with bind and pool, got a table",
    ],
  },
  {
    what: "text instead of a number",
    text: `${smallest}[pools.echo.connect]\nattempts = "3"\n`,
    problems: [
      'error umay.toml:9:12 pools.echo.connect.attempts: expected a whole number from 1 to 16, got "3"',
    ],
  },
  {
    what: "a number instead of a duration",
    text: `${smallest}[shutdown]\ntimeout = 30\n`,
    problems: [
      'error umay.toml:9:11 shutdown.timeout: expected a duration from "0s" to "24d", such as "250ms", "5s", "1m" or "1h", got 30',
    ],
  },
  {
    what: "an integer beyond 2^53",
    text: `workers = 99999999999999999999\n${smallest}`,
    problems: [
      'error umay.toml:1:11 workers: expected "auto" or a whole number from 1 to 1024, got 99999999999999999999',
    ],
  },
  {
    what: "a date",
    text: `workers = 2026-11-22\n${smallest}`,
    problems: ['error umay.toml:1:11 workers: expected "auto" or a whole number from 1 to 1024, got a date'],
  },
  {
    what: "a value instead of a table",
    text: `log = "debug"\n${smallest}`,
    problems: ['error umay.toml:1:7 log: expected a table, got "debug"'],
  },
  {
    what: "a misspelt key",
    text: `${smallest}[log]\nlevle = "info"\n`,
    problems: ['error umay.toml:9:1 log.levle: unknown key [did you mean "level"?]'],
  },
  {
    what: "a key that belongs to the top of the file",
    text: `${smallest}[log]\nworkers = 2\n`,
    problems: [
      "error umay.toml:9:1 log.workers: unknown key [it belongs at the top of the file, before the first [table]]",
    ],
  },
  {
    what: "a key that belongs to a table below",
    text: smallest.replace("[pools.echo.discovery]", "[pools.echo]"),
    problems: [
      'error umay.toml:5:2 pools.echo.discovery: is missing; expected a table [pools.<name>.discovery] with type = "static", "dns" or "file"',
      "error umay.toml:6:1 pools.echo.type: unknown key [it belongs in [pools.<name>.picker] or in [pools.<name>.health] or in [pools.<name>.discovery]]",
      "error umay.toml:7:1 pools.echo.backends: unknown key [it belongs in [pools.<name>.discovery]]",
    ],
  },
  {
    what: "a key that belongs to the other kind of discovery",
    text: `${smallest}name = "echo"\n`,
    problems: ['error umay.toml:8:1 pools.echo.discovery.name: unknown key [it belongs to type = "dns"]'],
  },
  {
    what: "a misspelt table",
    text: `${smallest}[shutdwon]\ndelay = "1s"\n`,
    problems: ['error umay.toml:8:2 shutdwon: unknown key [did you mean "shutdown"?]'],
  },
  {
    what: "a missing key",
    text: `[listeners.a]\nbind = "127.0.0.1:1"\n${pool}`,
    problems: ["error umay.toml:1:2 listeners.a.pool: is missing; expected the name of a pool"],
  },
  {
    what: "a name with a space",
    text: `${smallest}["listeners"."a b"]\nbind = "127.0.0.1:1"\npool = "echo"\n`,
    problems: ['error umay.toml:8:2 listeners."a b": expected a name of 1 to 64 letters, digits, _ or -'],
  },
  {
    what: "an unknown picker",
    text: `${listener}[pools.p]\npicker = "round-robbin"\n${pool}`,
    problems: [
      `error umay.toml:5:10 pools.p.picker: expected ${names}, got "round-robbin" [did you mean "round-robin"?]`,
    ],
  },
  {
    what: "an unknown picker in a table",
    text: `${listener}[pools.p]\npicker = { type = "hash" }\n${pool}`,
    problems: [
      `error umay.toml:5:19 pools.p.picker.type: expected "consistent-hash", "peak-ewma", "round-robin", "random", "least-connection" or "power-of-two", got "hash" [umay's word is "consistent-hash"]`,
    ],
  },
  {
    what: "an option that the picker does not have",
    text: `${listener}[pools.p]\npicker = { type = "random", key = "sni" }\n${pool}`,
    problems: [
      'error umay.toml:5:29 pools.p.picker.key: unknown key [it belongs to type = "consistent-hash"]',
    ],
  },
  {
    what: "a pool that no one defined",
    text: `[listeners.a]\nbind = "127.0.0.1:1"\npool = "q"\n${pool}${smallest}`,
    problems: [
      'error umay.toml:3:8 listeners.a.pool: no pool is named "q"; add a table [pools.q], pools are p, echo [did you mean "p"?]',
    ],
  },
  {
    what: "no pool at all",
    text: listener,
    problems: [
      'error umay.toml:3:8 listeners.a.pool: no pool is named "p"; add a table [pools.p], there are no pools',
    ],
  },
  {
    what: "the same bind twice",
    text: `${smallest}[listeners.b]\nbind = "127.0.0.1:9994"\npool = "echo"\n`,
    problems: [
      "error umay.toml:9:8 listeners.b.bind: 127.0.0.1:9994 is already taken by listeners.echo.bind; choose another port or address",
    ],
  },
  {
    what: "an admin server on a listener's port",
    text: `${smallest}[admin]\nbind = "0.0.0.0:9994"\n`,
    problems: [
      "error umay.toml:9:8 admin.bind: 0.0.0.0:9994 overlaps with 127.0.0.1:9994, which is already taken by listeners.echo.bind; choose another port or address",
    ],
  },
  {
    what: "an empty backend list",
    text: `${listener}[pools.p.discovery]\ntype = "static"\nbackends = []\n`,
    problems: [
      "error umay.toml:6:12 pools.p.discovery.backends: the list is empty; expected at least one backend",
    ],
  },
  {
    what: "a backend that is there twice",
    text: `${listener}[pools.p.discovery]\ntype = "static"\nbackends = ["a:80", { address = "A:80" }]\n`,
    problems: [
      "error umay.toml:6:21 pools.p.discovery.backends[1]: A:80 is in the list twice (also at index 0); to give it a larger share, set its weight",
    ],
  },
  {
    what: "a backend that is neither address nor table",
    text: `${listener}[pools.p.discovery]\ntype = "static"\nbackends = [80]\n`,
    problems: [
      "error umay.toml:6:13 pools.p.discovery.backends[0]: expected an address, or a table with address, got 80",
    ],
  },
  {
    what: "an override for a path that is not there",
    text: smallest,
    env: { UMAY__LOG__LEVLE: "debug" },
    problems: [
      "error UMAY__LOG__LEVLE : fits nothing: log has no key levle [did you mean UMAY__LOG__LEVEL?]",
    ],
  },
  {
    what: "an override with a wrong value",
    text: smallest,
    env: { UMAY__LOG__LEVEL: "loud" },
    problems: [
      'error UMAY__LOG__LEVEL log.level: expected "trace", "debug", "info", "warn", "error", "fatal" or "silent", got the value of UMAY__LOG__LEVEL',
    ],
  },
  {
    what: "a variable that is not set",
    text: smallest.replace("127.0.0.1:9994", "${ADDRES}:9994"),
    env: { ADDRESS: "127.0.0.1" },
    problems: [
      'error umay.toml:2:8 listeners.echo.bind: the environment variable ADDRES is not set; set it, or write ${ADDRES:-default} [did you mean "ADDRESS"?]',
    ],
  },
  {
    what: "TLS without a certificate",
    text: `${listener}[listeners.a.tls]\nmin_version = "TLSv1.3"\n${pool}`,
    problems: [
      "error umay.toml:4:2 listeners.a.tls.certificates: is missing; name a certificate with its key, or use acme",
    ],
  },
  {
    what: "refresh bounds the wrong way round",
    text: `${listener}[pools.p.discovery]\ntype = "dns"\nname = "x"\nport = 1\nrefresh = { min = "2s", max = "1s" }\n`,
    problems: [
      "error umay.toml:8:11 pools.p.discovery.refresh: min is longer than max; raise max or lower min",
    ],
  },
];

for (const { what, text, env, problems } of cases)
  test(`${what} is told with its place and what to do`, async () => {
    assert.deepEqual(await problemLines(text, env), problems);
  });

test("all problems come in one pass, sorted by position, variables last", async () => {
  const text = `[listeners.echo]
bind = "127.0.0.1"
pool = "missing"
max_connections = 0

[log]
format = "xml"

[pools.echo]
picker = "best"
`;
  const lines = await problemLines(text, { UMAY__NOTHING: "1", UMAY__WORKERS: "0" });
  assert.deepEqual(
    lines.map((line) => line.split(" ")[1]),
    [
      "umay.toml:2:8",
      "umay.toml:4:19",
      "umay.toml:7:10",
      "umay.toml:9:2",
      "umay.toml:10:10",
      "UMAY__WORKERS",
      "UMAY__NOTHING",
    ],
  );
});

test("an undefined pool and a missing certificate are told beside an error of form", async () => {
  const text = `[listeners.a]
bind = "127.0.0.1:1"
pool = "nowhere"
idle = "5s"
[[listeners.a.tls.certificates]]
cert = "missing.pem"
key = "missing.key"
${pool}`;
  const lines = await problemLines(text);
  assert.deepEqual(
    lines.map((line) => line.split(" ").slice(1, 3).join(" ")),
    [
      "umay.toml:3:8 listeners.a.pool:",
      "umay.toml:4:1 listeners.a.idle:",
      "umay.toml:6:8 listeners.a.tls.certificates[0].cert:",
      "umay.toml:7:7 listeners.a.tls.certificates[0].key:",
    ],
  );
});
