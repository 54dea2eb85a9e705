import type { Command, Option } from "commander";

/** Completion for bash, from the tables of commands and options that `--help` shows. */
export function bashCompletion(program: Command): string {
  const names = program.commands.map((command) => command.name());
  return `# bash completion for umay, generated from its tables of commands and options
_umay() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      ${names.join(" | ")}) command=$word; break ;;
    esac
  done
  COMPREPLY=()
  case $command:$previous in
${program.commands.flatMap(valueCases).join("\n")}
  esac
  case $command in
${program.commands.map(flagCase).join("\n")}
    *) mapfile -t COMPREPLY < <(compgen -W "${[...names, "help", ...flagsOf(program)].join(" ")}" -- "$current") ;;
  esac
}
complete -F _umay umay
`;
}

const flagsOf = (command: Command): string[] => [...command.options.flatMap(spellings), "--help"];

const spellings = ({ short, long }: Option): string[] =>
  [short, long].filter((text) => typeof text === "string");

function flagCase(command: Command): string {
  return `    ${command.name()}) mapfile -t COMPREPLY < <(compgen -W "${flagsOf(command).join(" ")}" -- "$current") ;;`;
}

/** The values that may follow an option: its choices, files, folders, or nothing that is known here. */
function valueCases(command: Command): string[] {
  return command.options
    .filter((option) => option.required)
    .map((option) => {
      const patterns = spellings(option).map((flag) => `${command.name()}:${flag}`);
      return `    ${patterns.join(" | ")}) ${completeValue(option)} ;;`;
    });
}

function completeValue({ flags, argChoices }: Option): string {
  const offer = (generator: string): string =>
    `mapfile -t COMPREPLY < <(compgen ${generator} -- "$current"); return`;
  if (argChoices !== undefined) return offer(`-W "${argChoices.join(" ")}"`);
  if (flags.endsWith("<file>")) return `compopt -o filenames 2>/dev/null; ${offer("-f")}`;
  if (flags.endsWith("<folder>")) return `compopt -o filenames 2>/dev/null; ${offer("-d")}`;
  return "return";
}
