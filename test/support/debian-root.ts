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

const asUmay = ["--userspec=umay:umay"];

/** Programs in a Debian of its own, whose network is nothing but loopback. */
export class LonelyDebian implements AsyncDisposable {
  readonly #root: string;
  readonly #holder: ChildProcess;
  readonly #started: ChildProcess[] = [];

  private constructor(root: string) {
    this.#root = root;
    const script = `mount -t proc proc '${root}/proc' && ip link set lo up && echo held && exec sleep infinity`;
    this.#holder = endWithTest(spawn("unshare", ["--mount", "--net", "sh", "-c", script]));
  }

  static async enter(root: string): Promise<LonelyDebian> {
    const debian = new LonelyDebian(root);
    await once(debian.#holder.stdout!, "data");
    return debian;
  }

  #inside(options: readonly string[], command: readonly string[]): string[] {
    const target = `--target=${this.#holder.pid}`;
    return [target, "--mount", "--net", "chroot", ...options, this.#root, ...command];
  }

  /** As root. @returns standard output. @throws when the command fails. */
  run(...command: readonly string[]): string {
    return this.#run([], command);
  }

  /** As {@link run}, as the user umay. */
  runAsUmay(...command: readonly string[]): string {
    return this.#run(asUmay, command);
  }

  #run(options: readonly string[], command: readonly string[]): string {
    return execFileSync("nsenter", this.#inside(options, command), {
      encoding: "utf8",
      stdio: "pipe",
      timeout: 120_000,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive" },
    });
  }

  /** As the user umay: a program that goes on, until it is told to end or this Debian goes. */
  start(...command: readonly string[]): ChildProcess {
    const child = endWithTest(spawn("nsenter", this.#inside(asUmay, command)));
    this.#started.push(child);
    return child;
  }

  /** Starts umay with the configuration of the installation, as its service does. */
  async serve(): Promise<ChildProcess> {
    this.run("install", "-d", "-o", "umay", "-g", "umay", "/run/umay");
    const umay = this.start("/usr/bin/umay", "run", "--config", "/etc/umay/umay.toml");
    let log = "";
    umay.stdout!.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    await becomes(
      () => log,
      (text) => text.includes("umay is ready"),
      "the log",
    );
    return umay;
  }

  /** Starts an echo server at an address. */
  async serveEchoes(address: string): Promise<void> {
    await once(this.start("/usr/bin/umay", "echo", "-b", address).stdout!, "data");
  }

  /** The answer of an echo server behind umay to a client that trusts the certificate of the installation. */
  hello(port = 9994): string {
    const client = `openssl s_client -connect 127.0.0.1:${port} -CAfile /etc/umay/certs/dev-ca.pem`;
    return this.run(
      "sh",
      "-c",
      `(echo hello; sleep 1) | ${client} -verify_return_error -quiet -no_ign_eof 2>&1`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#started, this.#holder]) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  }
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
