import { readWhole } from "../lib/read-file.ts";
import { version } from "../lib/version.ts";
import type { AcmeSettings } from "../model/acme.ts";
import { AcmeClient } from "./client.ts";
import { AcmeError } from "./problem.ts";
import { Storage } from "./storage.ts";
import { type Send, secureTransport } from "./transport.ts";

const mostKeyBytes = 4096;

/** One authority with its storage and umay's account, which is made at first use, and again when it is not known any more. */
export class Authority {
  readonly storage: Storage;
  readonly #settings: AcmeSettings;
  readonly #directory: string;
  readonly #signal: AbortSignal;
  readonly #send: Send;
  #client: AcmeClient | undefined;

  /** @param directory one of the settings'. @param signal ends everything that is under way. */
  constructor(settings: AcmeSettings, directory: string, signal: AbortSignal) {
    this.#settings = settings;
    this.#directory = directory;
    this.#signal = signal;
    this.storage = new Storage(settings.storage, directory);
    this.#send = secureTransport(settings.ca?.pem, `umay/${version}`);
  }

  /**
   * Does something with an account. The account is asked for anew the next time where the authority says that it does
   * not know it. @throws what the work throws, or where the authority gives no account.
   */
  async work<T>(work: (client: AcmeClient) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#connect());
    } catch (error) {
      if (error instanceof AcmeError && error.type === "accountDoesNotExist") await this.#forgetAccount();
      throw error;
    }
  }

  async #connect(): Promise<AcmeClient> {
    if (this.#client !== undefined) return this.#client;
    const { key, url } = await this.storage.account();
    const client = new AcmeClient({
      directory: this.#directory,
      send: this.#send,
      key,
      contact: this.#settings.contact,
      external: await this.#external(),
      account: url,
      signal: this.#signal,
    });
    const account = await client.register();
    if (account !== url) await this.storage.setAccountUrl(account);
    this.#client = client;
    return client;
  }

  async #forgetAccount(): Promise<void> {
    this.#client = undefined;
    await this.storage.forgetAccountUrl();
  }

  async #external(): Promise<{ readonly keyId: string; readonly hmacKey: string } | undefined> {
    const { externalAccount } = this.#settings;
    if (externalAccount === undefined) return undefined;
    const { keyId, keyFile } = externalAccount;
    const hmacKey = (await readWhole(keyFile, mostKeyBytes)).toString("utf8").trim();
    if (!/^[A-Za-z0-9_-]+={0,2}$/.test(hmacKey)) throw new AcmeError(`${keyFile} has no key in base64url`);
    return { keyId, hmacKey };
  }
}
