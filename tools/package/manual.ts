import type { Command, Option } from "commander";
import { exitCode } from "../../src/cli/exit.ts";

/** Text for roff (man(7)): nothing in it is a request, an escape or a hyphen that may break or become another dash. */
function plain(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return escaped.replaceAll(/^(?=[.'])/gm, "\\&");
}

const codes: Readonly<Record<keyof typeof exitCode, string>> = {
  good: "Good; of run: drained, also when sessions were cut.",
  failed: "Could not start or run, or the answer is no.",
  usage: "Wrong usage of the command line.",
  badConfig: "Invalid configuration, or a Node that is too old.",
};

const files: Readonly<Record<string, string>> = {
  "/etc/umay/umay.toml": "The configuration, where no other one is named.",
  "/run/umay": "Unix sockets of listeners and of the admin server.",
};

/** The page umay(1), from the tables of commands and options that `--help` shows. */
export function manual(program: Command, version: string): string {
  return [
    `.TH UMAY 1 "" "umay ${version}" "User Commands"`,
    ".SH NAME",
    "umay \\- load balancer that terminates TLS",
    ".SH SYNOPSIS",
    ".B umay",
    "[\\fIcommand\\fR] [\\fIoption\\fR ...]",
    ".SH DESCRIPTION",
    plain(program.description()),
    "Without a command it runs.",
    ".SH COMMANDS",
    ...program.commands.flatMap(commandLines),
    ".SH OPTIONS",
    ...optionLines("\\-h, \\-\\-help", "print help; also after a command"),
    ...program.options.flatMap((option) => optionLines(plain(option.flags), describe(option))),
    ".SH EXIT STATUS",
    ...Object.entries(codes).flatMap(([name, text]) =>
      optionLines(String(exitCode[name as keyof typeof exitCode]), text),
    ),
    ".SH FILES",
    ...Object.entries(files).flatMap(([path, text]) => optionLines(plain(path), text)),
    "",
  ].join("\n");
}

function commandLines(command: Command): string[] {
  const heading = [`.SS "${plain(command.name())}"`, plain(`${capitalized(command.description())}.`)];
  return [
    ...heading,
    ...command.registeredArguments.flatMap((each) =>
      optionLines(plain(`[${each.name()}]`), each.description),
    ),
    ...command.options.flatMap((option) => optionLines(plain(option.flags), describe(option))),
  ];
}

const optionLines = (term: string, text: string): string[] => [".TP", `.B ${term}`, plain(text)];

function describe({ description, argChoices, defaultValue, envVar }: Option): string {
  const notes = [
    argChoices && `one of ${argChoices.join(", ")}`,
    defaultValue !== undefined && !Array.isArray(defaultValue) && `default: ${defaultValue}`,
    envVar !== undefined && `from the environment: ${envVar}`,
  ].filter((note) => typeof note === "string");
  return notes.length === 0 ? description : `${description} (${notes.join("; ")})`;
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
