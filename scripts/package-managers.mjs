// What package managers call the parts of NEEDS (scripts/requirements.mjs), and how they install them. Nothing but data.
export const MANAGERS = [
  {
    name: "apt-get",
    packages: {
      compiler: "build-essential",
      make: "build-essential",
      cmake: "cmake",
      openblas: "libopenblas-dev",
      sleef: "libsleef-dev",
      python: "python3-pip",
    },
    commands: (list) => [
      ["apt-get", "update"],
      ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends", ...list],
    ],
    root: true,
  },
  {
    name: "dnf",
    packages: {
      compiler: "gcc-c++",
      make: "make",
      cmake: "cmake",
      openblas: "openblas-devel",
      sleef: "sleef-devel",
      python: "python3-pip",
    },
    commands: (list) => [["dnf", "install", "-y", ...list]],
    root: true,
  },
  {
    name: "apk",
    packages: { compiler: "build-base", make: "build-base", cmake: "cmake", openblas: "openblas-dev", python: "py3-pip" },
    commands: (list) => [["apk", "add", ...list]],
    root: true,
  },
  {
    name: "brew",
    packages: { cmake: "cmake", openblas: "openblas", sleef: "sleef", python: "python" },
    commands: (list) => [["brew", "install", ...list]],
    root: false,
  },
];
/** What no package manager of this list has. */
export const OTHERWISE = { brew: { compiler: ["xcode-select", "--install"], make: ["xcode-select", "--install"] } };
