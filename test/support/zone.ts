import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DnsServer } from "./dns-server.ts";

const hook = `#!/bin/sh
# Adds a value to those of a name, or takes it away.
set -eu
file="$ZONE/$2"
echo "$1 $2 $3" >> "$ZONE/calls"
touch "$file"
case "$1" in
  set) echo "$3" >> "$file" ;;
  unset) grep -v -x -F -e "$3" "$file" > "$file.new" || true; mv "$file.new" "$file" ;;
esac
`;

/** A zone in files, which a program changes as `acme.dns.command` is to. */
export class Zone {
  /** The program. */
  readonly program: string;
  /** Its variables. */
  readonly environment: { readonly ZONE: string };

  /** @param dir gets a folder of it. */
  constructor(dir: string) {
    const folder = join(dir, "zone");
    mkdirSync(folder);
    this.environment = { ZONE: folder };
    this.program = this.write("hook", hook);
  }

  /** Writes another program. @returns its file. */
  write(name: string, text: string): string {
    const file = join(this.environment.ZONE, name);
    writeFileSync(file, text);
    chmodSync(file, 0o700);
    return file;
  }

  /** Each run of the program: a verb, a name and a value. */
  get calls(): readonly string[] {
    return this.#lines("calls");
  }

  /** The values of a name. */
  readonly valuesOf = (name: string): readonly string[] => this.#lines(name);

  /** Has a nameserver answer with the values of a name. */
  serve(dns: DnsServer, name: string): void {
    dns.reply(name, "TXT", () => ({
      answers: this.valuesOf(name).map((data) => ({ name, type: "TXT", ttl: 1, data })),
    }));
  }

  #lines(name: string): readonly string[] {
    try {
      return readFileSync(join(this.environment.ZONE, name), "utf8").split("\n").filter(Boolean);
    } catch {
      return [];
    }
  }
}
