import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endWithTest } from "./end-with-test.ts";
import { becomes } from "./settled.ts";

const needed = ["debootstrap", "dpkg-deb", "unshare", "nsenter", "ip"];
const missing = needed.filter((name) => spawnSync("which", [name]).status !== 0);

/** Why there can't be a Debian of its own on this machine; false: there can. */
export const noDebian: string | false =
  process.getuid?.() !== 0 ? "only root may chroot" : missing.length > 0 && `${missing.join(", ")} missing`;

/** Makes a small Debian in a folder. @param made names one that is copied instead. */
export function makeDebian(root: string, packages: readonly string[], made: string | undefined): void {
  const included = ["openssl", "libatomic1", "libstdc++6", "init-system-helpers", ...packages].join(",");
  if (made !== undefined) execFileSync("cp", ["--archive", made, root]);
  else
    execFileSync("debootstrap", ["--variant=minbase", `--include=${included}`, "bookworm", root], {
      stdio: "pipe",
    });
}

/** A folder of control groups for a systemd, below the one of this system. */
const controlGroups = existsSync("/sys/fs/cgroup/cgroup.controllers")
  ? { folder: "/sys/fs/cgroup", within: "", mount: "-t cgroup2 cgroup2" }
  : { folder: "/sys/fs/cgroup/systemd", within: "/systemd", mount: "-t cgroup -o none,name=systemd cgroup" };

/** Why no systemd can run as the first process of namespaces of its own; false: one can. */
export const noSystemd: string | false =
  noDebian || (existsSync(join(controlGroups.folder, "cgroup.procs")) ? false : "no control groups");

/** The mounts that systemd expects, in namespaces that see nothing else of this machine; the network is loopback alone. */
const boot = (root: string): string => `set -e
mount --make-rprivate /
mount --bind '${root}' '${root}'
cd '${root}'
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
mkdir -p sys/fs/cgroup${controlGroups.within}
mount ${controlGroups.mount} sys/fs/cgroup${controlGroups.within}
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  touch dev/$device; mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ip link set lo up
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --log-target=journal --show-status=0`;

/** A Debian that systemd has booted, as the first process of namespaces of its own. */
export class BootedDebian implements AsyncDisposable {
  readonly #holder: ChildProcess;
  readonly #group: string;
  #init = 0;

  private constructor(root: string) {
    this.#group = join(controlGroups.folder, `umay-test-${process.pid}`);
    mkdirSync(this.#group, { recursive: true });
    const enter = `echo $$ > '${this.#group}/cgroup.procs'`;
    const namespaces = "--mount --pid --fork --kill-child --net --uts --ipc --cgroup";
    this.#holder = endWithTest(
      spawn("sh", ["-c", `${enter} && exec unshare ${namespaces} sh -c "$1"`, "sh", boot(root)], {
        stdio: "ignore",
      }),
    );
  }

  static async boot(root: string): Promise<BootedDebian> {
    const booted = new BootedDebian(root);
    const state = (): string => booted.try("systemctl", "is-system-running").output.trim();
    // A unit for a terminal that is not there may have failed.
    await becomes(state, (now) => now === "running" || now === "degraded", "the state of systemd", 60_000);
    return booted;
  }

  /** Runs a command inside. */
  try(...command: readonly string[]): { readonly code: number | null; readonly output: string } {
    const children = spawnSync("ps", ["-o", "pid=", "--ppid", String(this.#holder.pid)], {
      encoding: "utf8",
    });
    this.#init ||= Number(children.stdout.trim());
    if (this.#init === 0) return { code: null, output: "" };
    const inside = `/proc/${this.#init}/root`;
    const all = ["--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", `--root=${inside}`, "--wd=/"];
    const { status, stdout, stderr } = spawnSync("nsenter", [`--target=${this.#init}`, ...all, ...command], {
      encoding: "utf8",
      timeout: 120_000,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive" },
    });
    return { code: status, output: stdout + stderr };
  }

  /** As {@link try}. @throws when the command fails. */
  run(...command: readonly string[]): string {
    const { code, output } = this.try(...command);
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${output}`);
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill("SIGKILL");
    if (this.#holder.exitCode === null && this.#holder.signalCode === null) await once(this.#holder, "exit");
    spawnSync("find", [this.#group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
  }
}

/** Writes a file of a Debian. @param path from its root on. */
export function writeInside(root: string, path: string, text: string): void {
  const file = join(root, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
}
