// What a platform package says of itself: package.json, README.md, licences of all that is in it, and an SBOM (CycloneDX 1.6).
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** What is in the package, with SPDX names of licences and where the texts are. `zig`, `blas`, `vector`: what scripts/release/build.mjs used. */
function components({ zig, blas, vector }) {
  const npm = (name, licence, file) => {
    const folder = dirname(require.resolve(`${name}/package.json`));
    return {
      name,
      version: readJson(join(folder, "package.json")).version,
      licence,
      purl: "npm",
      text: join(folder, file),
      how: "its headers are compiled in",
    };
  };
  const llvm = (name) => ({
    name,
    version: `of Zig ${zig.version}`,
    licence: "Apache-2.0 WITH LLVM-exception",
    text: join(zig.licences, name, "LICENSE.TXT"),
    how: "linked into the addon",
  });
  const info = readdirSync(blas.folder).find((name) => name.endsWith(".dist-info"));
  const list = [
    {
      name: "scipy-openblas32",
      version: blas.version,
      licence: "BSD-2-Clause AND BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1",
      purl: "pypi",
      text: join(blas.folder, info, "licenses/LICENSE.txt"),
      how: "OpenBLAS with LAPACK and the GNU Fortran runtime in it, beside the addon",
    },
    llvm("libcxx"),
    llvm("libcxxabi"),
    llvm("libunwind"),
    npm("node-addon-api", "MIT", "LICENSE.md"),
    npm("node-api-headers", "MIT", "LICENSE"),
  ];
  if (vector)
    list.push({
      name: "sleef",
      version: vector.version,
      licence: "BSL-1.0",
      purl: "deb/debian",
      text: join(vector.folder, "copyright"),
      how: "beside the addon",
    });
  return list;
}

const sha256 = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");

export function describe(platform, folder, parts) {
  const main = readJson(join(root, "package.json"));
  const { os, cpu, libc, floor } = readJson(join(root, "scripts/release/platforms.json"))[platform];
  const files = readdirSync(folder).sort();
  const inside = components(parts);
  const name = `@backsolve/${platform}`;
  const runsOn = { glibc: `Linux with glibc ${floor} or newer`, musl: "Linux with musl" }[libc] ?? os;

  mkdirSync(join(folder, "licenses"));
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  for (const c of inside) copyFileSync(c.text, join(folder, "licenses", `${c.name}.txt`));

  const licences = new Set(inside.flatMap((c) => c.licence.split(" AND ")));
  const manifest = {
    name,
    version: main.version,
    description: `The native part of backsolve for ${runsOn}, ${cpu}`,
    license: [main.license, ...[...licences].sort()].map((l) => (l.includes(" WITH ") ? `(${l})` : l)).join(" AND "),
    repository: main.repository,
    homepage: main.homepage,
    bugs: main.bugs,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    engines: main.engines,
    type: "commonjs",
    main: "./backsolve.node",
    exports: { ".": "./backsolve.node", "./backsolve.node": "./backsolve.node", "./package.json": "./package.json" },
    preferUnplugged: true,
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const lines = inside.map((c) => `* ${c.name} ${c.version}: ${c.how} (${c.licence}; [text](licenses/${c.name}.txt))`);
  writeFileSync(
    join(folder, "README.md"),
    `# ${name}\n\n${manifest.description}. Installed by npm as a part of [backsolve](${main.homepage}); not meant to be used alone.\n\nBesides the addon (${main.license}) it holds\n\n${lines.join("\n")}\n\nsbom.cdx.json lists the same for machines.\n`,
  );
  const sbom = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "library",
        "bom-ref": name,
        name,
        version: main.version,
        purl: `pkg:npm/%40backsolve/${platform}@${main.version}`,
        licenses: [{ license: { id: main.license } }],
        components: files.map((file) => ({ type: "file", name: file, hashes: [{ alg: "SHA-256", content: sha256(join(folder, file)) }] })),
      },
    },
    components: inside.map((c) => ({
      type: "library",
      "bom-ref": c.name,
      name: c.name,
      version: c.version,
      description: c.how,
      licenses: [{ expression: c.licence }],
      ...(c.purl && { purl: `pkg:${c.purl}/${c.name}@${encodeURIComponent(c.version)}` }),
    })),
    dependencies: [{ ref: name, dependsOn: inside.map((c) => c.name) }],
  };
  writeFileSync(join(folder, "sbom.cdx.json"), `${JSON.stringify(sbom, null, 2)}\n`);
}
