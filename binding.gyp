# The same addon as CMakeLists.txt, by node-gyp (npm run build:gyp). Sources: native/sources.txt; instruction sets: native/sets.json.
{
  "variables": {
    "flags": ["<!@(node scripts/native-config.mjs --gyp flags)", "-std=c++20", "-fvisibility=hidden"],
    "lanes": ["<!@(node scripts/native-config.mjs --gyp lanes)"],
    "sets": "<!(node scripts/native-config.mjs sets)"
  },
  "target_defaults": {
    "defines": ["<!@(node scripts/native-config.mjs --gyp defines)"],
    "include_dirs": ["<!@(node scripts/native-config.mjs --gyp includes)"],
    "cflags": ["-fPIC"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20", "-O2", "-O3"],
    "cflags_cc": ["<@(flags)", "-fexceptions"],
    "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES", "CLANG_CXX_LANGUAGE_STANDARD": "c++20", "OTHER_CPLUSPLUSFLAGS": ["<@(flags)"] }
  },
  "targets": [
    {
      "target_name": "backsolve",
      "dependencies": ["<!@(node scripts/native-config.mjs --gyp targets)"],
      "sources": ["<!@(node scripts/native-config.mjs --gyp sources)"],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
                  "<!@(node scripts/native-config.mjs --gyp have)", "<!@(node scripts/native-config.mjs --gyp openblas)"],
      "libraries": ["<!@(node scripts/native-config.mjs --gyp libraries)", "-lpthread"],
      "conditions": [["OS=='linux'", { "libraries": ["-ldl"], "ldflags": ["-Wl,-z,nodelete", "-Wl,--version-script=<(module_root_dir)/native/exports.map"] }]]
    }
  ],
  # One library of lane kernels per instruction set, as there are targets that gyp knows only by what is written here.
  "conditions": [
    ["'baseline' in sets", { "targets": [{ "target_name": "lanes_baseline", "type": "static_library", "sources": ["<@(lanes)"],
      "defines": ["<!@(node scripts/native-config.mjs --gyp set-defines baseline)"], "cflags_cc": ["<!@(node scripts/native-config.mjs --gyp set-flags baseline)"] }] }],
    ["'avx2' in sets", { "targets": [{ "target_name": "lanes_avx2", "type": "static_library", "sources": ["<@(lanes)"],
      "defines": ["<!@(node scripts/native-config.mjs --gyp set-defines avx2)"], "cflags_cc": ["<!@(node scripts/native-config.mjs --gyp set-flags avx2)"] }] }],
    ["'avx512' in sets", { "targets": [{ "target_name": "lanes_avx512", "type": "static_library", "sources": ["<@(lanes)"],
      "defines": ["<!@(node scripts/native-config.mjs --gyp set-defines avx512)"], "cflags_cc": ["<!@(node scripts/native-config.mjs --gyp set-flags avx512)"] }] }],
    ["'neon' in sets", { "targets": [{ "target_name": "lanes_neon", "type": "static_library", "sources": ["<@(lanes)"],
      "defines": ["<!@(node scripts/native-config.mjs --gyp set-defines neon)"], "cflags_cc": ["<!@(node scripts/native-config.mjs --gyp set-flags neon)"] }] }]
  ]
}
