import { spawn } from "node:child_process";

export interface RunLimits {
  /** In milliseconds. */
  readonly time: number;
  /** Of its output, in bytes. */
  readonly output: number;
}

const usual: RunLimits = { time: 60_000, output: 1024 * 1024 };
/** Of what it says about a failure, in characters. */
const mostOfComplaint = 1_000;

/**
 * Runs a program without a terminal, with nothing to read. Beyond its limits it is killed with all that it has started.
 * @returns its output. @throws where it can't be started, fails, takes too long or says too much.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { time, output }: RunLimits = usual,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env, detached: true });
  const parts: Buffer[] = [];
  let length = 0;
  let complaint = "";
  child.stdout.on("data", (part: Buffer) => {
    length += part.length;
    if (length <= output) parts.push(part);
    else reject(new Error(`it has said more than ${output} bytes`));
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    if (complaint.length < mostOfComplaint) complaint += part;
  });
  child.once("error", reject);
  child.once("close", (code, signal) => {
    const why = complaint.trim().slice(0, mostOfComplaint);
    if (code === 0) resolve(Buffer.concat(parts).toString("utf8"));
    else reject(new Error(`it ended with ${signal ?? code}${why === "" ? "" : `: ${why}`}`));
  });
  const timer = setTimeout(() => reject(new Error(`it has not ended within ${time / 1_000} s`)), time);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    end(child.pid);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** Ends a group of processes, where there is one left. */
function end(group: number | undefined): void {
  if (group === undefined) return;
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}
