import { InvalidArgumentError, Option } from "commander";
import { parseAddress } from "../lib/address.ts";
import { parseDuration } from "../lib/duration.ts";

/* Options that several commands have. */

export const configOption = (): Option =>
  new Option(
    "-c, --config <file>",
    "configuration, - for standard input; else UMAY_CONFIG, ./umay.toml, ./config/umay.toml, /etc/umay/umay.toml",
  );

export const envoyOption = (): Option =>
  new Option(
    "--envoy-config <file>",
    "a bootstrap file of Envoy's, in YAML or JSON, instead of a configuration; - for standard input",
  ).conflicts("config");

/** Which umay is asked, for every command that asks one. */
export const adminOption = (): Option =>
  new Option(
    "-a, --admin <address>",
    "umay's admin address; else admin.bind of the configuration, else 127.0.0.1:9901",
  )
    .env("UMAY_ADMIN")
    .argParser(address);

/** The same where a configuration may be looked at instead. */
export const runningOption = (): Option =>
  new Option("-a, --admin <address>", "ask the running umay with this admin address, not a configuration")
    .argParser(address)
    .conflicts("config");

/** @throws InvalidArgumentError when it is none. */
export function address(text: string): string {
  const parsed = parseAddress(text);
  if (typeof parsed === "string") throw new InvalidArgumentError(`It ${parsed}.`);
  return text;
}

/** @throws InvalidArgumentError when it is none. */
export function duration(text: string): string {
  if (Number.isNaN(parseDuration(text)))
    throw new InvalidArgumentError("Give a duration, such as 30s or 5m.");
  return text;
}

/** @throws InvalidArgumentError when it is none, or 0. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError("Give a whole number from 1 on.");
  return number;
}
