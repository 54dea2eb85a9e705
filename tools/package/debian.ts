import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  globSync,
  linkSync,
  mkdirSync,
  mkdtempDisposableSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { createProgram } from "../../src/cli/program.ts";
import { bashCompletion } from "./completion.ts";
import { type Architecture, architectures, licences, root } from "./executable.ts";
import { manual } from "./manual.ts";

export interface DebianPackage {
  readonly version: string;
  readonly architecture: Architecture;
  /** The single executable. */
  readonly executable: string;
  /** Where the package goes. */
  readonly file: string;
}

const source = join(root, "packaging/debian");
const scripts = ["postinst", "prerm", "postrm"];

/** Writes a Debian package with dpkg-deb, as any user. @throws when dpkg-deb is missing or refuses. */
export function makeDebianPackage({ version, architecture, executable, file }: DebianPackage): void {
  using work = mkdtempDisposableSync(join(dirname(file), "umay-debian-"));
  const tree = join(work.path, "tree");
  const put = (path: string, content: string | Buffer, mode = 0o644): void => {
    const target = join(tree, path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, content, { mode });
    chmodSync(target, mode);
  };
  const program = createProgram(true, () => {});
  put("etc/umay/umay.toml", readFileSync(join(source, "umay.toml")));
  put("usr/lib/systemd/system/umay.service", readFileSync(join(source, "umay.service")));
  put("etc/logrotate.d/umay", readFileSync(join(source, "umay.logrotate")));
  put("usr/share/man/man1/umay.1.gz", gzipSync(manual(program, version), { level: 9 }));
  put("usr/share/bash-completion/completions/umay", bashCompletion(program));
  put("usr/share/doc/umay/copyright", licences());
  put("usr/share/doc/umay/changelog.gz", gzipSync(readFileSync(join(root, "CHANGELOG.md")), { level: 9 }));
  mkdirSync(join(tree, "usr/bin"));
  placeExecutable(executable, join(tree, "usr/bin/umay"));
  put("DEBIAN/control", control(version, architecture, sizeOf(tree)));
  put("DEBIAN/conffiles", "/etc/umay/umay.toml\n/etc/logrotate.d/umay\n");
  for (const script of scripts) put(`DEBIAN/${script}`, readFileSync(join(source, script)), 0o755);
  // xz would halve the file's size and take a minute for it.
  execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z6", "--build", tree, file], { stdio: "pipe" });
}

/** Without a second copy of 150 MB where both lie on one file system. */
function placeExecutable(executable: string, target: string): void {
  try {
    linkSync(executable, target);
  } catch {
    copyFileSync(executable, target);
  }
  chmodSync(target, 0o755);
}

/** @returns kibibytes. */
function sizeOf(tree: string): number {
  const files = globSync("**/*", { cwd: tree }).map((path) => statSync(join(tree, path)));
  return Math.ceil(files.reduce((sum, { size }) => sum + size, 0) / 1024);
}

/** The libraries are those that Node's binary loads. */
function control(version: string, architecture: Architecture, size: number): string {
  return `Package: umay
Version: ${version}
Architecture: ${architectures[architecture]}
Maintainer: umay <umay@localhost>
Installed-Size: ${size}
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, libatomic1, passwd, init-system-helpers
Recommends: systemd
Suggests: logrotate
Section: net
Priority: optional
Description: load balancer that terminates TLS
 umay terminates TLS and balances TCP connections over pools of backends. One
 TOML file says where it listens, which certificates it shows and where
 connections go. The package has its own Node.
`;
}
