import type { Worker } from "node:worker_threads";

/** How long a thread is looked at, in milliseconds: V8 takes a sample about every millisecond of work. */
const lookingTime = 100;
/** How long Node may take to begin, and again to answer, in milliseconds. */
const patience = 1_000;
/** Most frames that are told of, as with any error of Node. */
const mostFrames = 10;

/** A node of a CPU profile, as V8 writes it: https://chromedevtools.github.io/devtools-protocol/v8/Profiler */
interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** From 0. */
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  readonly hitCount?: number;
  readonly children?: readonly number[];
}

/**
 * Where a thread whose event loop does not turn is, in the form of an error's stack: a CPU profile interrupts any
 * JavaScript, endless loops, regular expressions and `Atomics.wait` included. The innermost frame may be missing where
 * V8 optimised its loop while that ran.
 * @returns undefined where it does not answer, because it is in a call of the system.
 */
export async function stackOfHung(thread: Pick<Worker, "startCpuProfile">): Promise<string | undefined> {
  const profile = await inTime(profileOf(thread));
  return profile && stackOf(JSON.parse(profile) as { readonly nodes: readonly ProfileNode[] });
}

async function profileOf(thread: Pick<Worker, "startCpuProfile">): Promise<string | undefined> {
  const handle = await inTime(thread.startCpuProfile());
  if (handle === undefined) return undefined;
  await new Promise((resolve) => setTimeout(resolve, lookingTime));
  return handle.stop();
}

/** @returns undefined where it fails, because the thread ends meanwhile, or is late. */
async function inTime<T>(wanted: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(late.resolve, patience, undefined);
  const result = await Promise.race([wanted.catch(() => undefined), late.promise]);
  clearTimeout(timer);
  return result;
}

/** The stack on which the most samples were taken, innermost frame first. */
export function stackOf({ nodes }: { readonly nodes: readonly ProfileNode[] }): string | undefined {
  const hottest = nodes.reduce<ProfileNode | undefined>(
    (best, node) => ((node.hitCount ?? 0) > (best?.hitCount ?? 0) ? node : best),
    undefined,
  );
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node])));
  const frames: string[] = [];
  for (let node = hottest; node !== undefined && frames.length < mostFrames; node = parents.get(node.id)) {
    const { functionName, url, lineNumber, columnNumber } = node.callFrame;
    if (url !== "")
      frames.push(`    at ${functionName || "<anonymous>"} (${url}:${lineNumber + 1}:${columnNumber + 1})`);
  }
  return frames.length === 0 ? undefined : frames.join("\n");
}
