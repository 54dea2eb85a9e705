import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";
import pino from "pino";
import type { Wanting } from "../../src/acme/entry.ts";
import { Keeper, type Pace } from "../../src/acme/keeper.ts";
import { certificateFile } from "../../src/material/acme-paths.ts";
import {
  type AcmeSettings,
  type AcmeState,
  type Challenge,
  type ChallengeType,
  challengePath,
} from "../../src/model/acme.ts";
import { AcmeServer } from "./acme-server.ts";
import { becomes } from "./settled.ts";

const pace = { firstBackoff: 50, look: 100, lookForChallenges: 20, lockAgain: 20, ask: 10_000 };
/** A new one for each test, as all of these. */
export let authority: AcmeServer;
export let dir: string;
let web: Server;
/** By machine. */
export let shown: Map<string, readonly Challenge[]>;
let keepers: Keeper[] = [];

before(async () => {
  // Answers for every machine, as a balancer in front of them would.
  web = createServer(({ url = "" }, response) => {
    const all = [...shown.values()].flat();
    const found = all.find((each) => each.type === "http-01" && challengePath + each.token === url);
    response.end(found?.type === "http-01" ? found.answer : "nothing");
  }).listen(0, "127.0.0.1");
  await once(web, "listening");
});
after(() => web.close());
beforeEach(async () => {
  shown = new Map();
  dir = mkdtempSync(join(tmpdir(), "umay-keeper-"));
  authority = await AcmeServer.start(dir);
  authority.ports.http = (web.address() as AddressInfo).port;
});
afterEach(async () => {
  await Promise.all(keepers.map((keeper) => keeper.stop()));
  keepers = [];
  await authority[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

function settingsOf(more: Partial<AcmeSettings> = {}): AcmeSettings {
  return {
    directory: authority.directory,
    trial: undefined,
    contact: [],
    storage: join(dir, "storage"),
    ca: { file: "", pem: authority.ca.cert },
    externalAccount: undefined,
    keyType: "p256",
    profile: undefined,
    propagation: 0,
    dns: undefined,
    ...more,
  };
}

export const fileOf = (name: string, { directory } = authority): string =>
  certificateFile(join(dir, "storage"), directory, name);

export const listenerWith = (...names: string[]): Wanting =>
  wanting("http-01", ...names.map((name): [string] => [name]));

/** @param certificates the names of each. */
export function wanting(challenge: ChallengeType, ...certificates: [string, ...string[]][]): Wanting {
  const wanted = certificates.map((names) => {
    const file = fileOf(names[0]);
    return { name: names[0], names, source: { kind: "file", cert: file, key: file } as const };
  });
  return {
    name: "web",
    tls: [{ acme: { challenge, certificates: wanted } }] as unknown as Wanting["tls"],
  };
}

export const keep = (
  names: readonly string[],
  more: Partial<AcmeSettings> = {},
  machine = "one",
  otherPace: Partial<Pace> = {},
): Keeper => keepFor([listenerWith(...names)], more, machine, otherPace);

export function keepFor(
  listeners: readonly Wanting[],
  more: Partial<AcmeSettings>,
  machine = "one",
  otherPace: Partial<Pace> = {},
): Keeper {
  const publish = async (challenges: readonly Challenge[]): Promise<void> =>
    void shown.set(machine, challenges);
  const keeper = new Keeper(
    settingsOf(more),
    { logger: pino({ level: "silent" }), publish },
    {
      ...pace,
      ...otherPace,
    },
  );
  keepers.push(keeper);
  keeper.follow(listeners);
  return keeper;
}

export const until = (keeper: Keeper, holds: (state: AcmeState) => boolean): Promise<AcmeState> =>
  becomes(() => keeper.states[0]!, holds, "the certificate");

export const valid = ({ state }: AcmeState): boolean => state === "valid";
