import { relative } from "node:path";
import type { Program } from "./batches.ts";

/** As the runner tells of it. */
interface Told {
  readonly name: string;
  /** 0 for a test at the top of a program. */
  readonly nesting: number;
  /** The file that calls `test`. */
  readonly file?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
}

export interface Outcome {
  readonly passed: number;
  /** Files with a test that failed, or without a test. */
  readonly failed: readonly string[];
}

/** Counts the tests of a run, and knows which files failed. The runner tells of one program after the other. */
export class Outcomes {
  readonly #files = new Map<string, Program>();
  readonly #paths = new Map<string, Program>();
  readonly #root: string;
  readonly #failed = new Set<string>();
  /** Tests that passed, by themselves and inside others. */
  #count = 0;
  /** Tests that ran, or were skipped, in the file that is being told of. */
  #ofFile = 0;

  constructor(programs: readonly Program[], root: string) {
    this.#root = root;
    for (const program of programs) {
      this.#paths.set(program.path, program);
      for (const file of program.files) this.#files.set(file, program);
    }
  }

  passed(test: Told): void {
    if (test.nesting === 0 && this.#files.has(test.name)) this.#suiteEnds(test.name);
    // A program without a test passes as a test of its own, named by its path.
    else if (this.#paths.has(test.name)) this.#fail(test.name);
    else {
      this.#ofFile++;
      if (test.skip === undefined && test.todo === undefined) this.#count++;
    }
  }

  failed(test: Told): void {
    this.#ofFile++;
    if (test.todo !== undefined) return;
    if (this.#files.has(test.name)) this.#failed.add(test.name);
    else this.#fail(test.file ?? test.name);
  }

  all(): Outcome {
    return { passed: this.#count, failed: [...this.#failed] };
  }

  #suiteEnds(file: string): void {
    if (this.#ofFile === 0) this.#failed.add(file);
    this.#ofFile = 0;
  }

  /** @param path of a program, whose files all failed then, of a test file, or of another that defines tests for one. */
  #fail(path: string): void {
    const file = relative(this.#root, path);
    for (const each of this.#paths.get(path)?.files ?? [file]) this.#failed.add(each);
  }
}
