/** The first file descriptor that systemd passes on. */
const firstDescriptor = 3;

/** Listening sockets that the process was started with, as systemd passes them on (sd_listen_fds(3)), by their names. */
export class InheritedSockets {
  readonly #descriptors = new Map<string, number>();

  /** @param pid of this process: what is meant for another one is not touched. */
  constructor(env: NodeJS.ProcessEnv, pid: number) {
    const { LISTEN_PID: meant, LISTEN_FDS: count, LISTEN_FDNAMES: names = "" } = env;
    if (meant !== String(pid)) return;
    for (const [index, name] of names.split(":").slice(0, Number(count)).entries())
      this.#descriptors.set(name, firstDescriptor + index);
  }

  /** Whether there is one for this listener that was not taken yet. */
  has(listener: string): boolean {
    return this.#descriptors.has(listener);
  }

  /** Takes the listener's, once: when it was closed, its number may be another file's. */
  take(listener: string): number | undefined {
    const descriptor = this.#descriptors.get(listener);
    this.#descriptors.delete(listener);
    return descriptor;
  }
}

/** This process's. */
export const inheritedSockets: InheritedSockets = new InheritedSockets(process.env, process.pid);
