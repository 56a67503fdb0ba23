# The same addon as CMakeLists.txt, by node-gyp (npm run build:gyp). Sources: native/sources.txt.
{
  "variables": {
    "config": "node scripts/native-config.mjs --gyp",
    "optimize": ["-O3", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-std=c++20", "-fvisibility=hidden"],
    "lanes": ["<!@(node scripts/native-config.mjs --gyp lanes)"],
    "conditions": [
      ["target_arch=='x64'", { "sets": ["lanes_baseline", "lanes_avx2", "lanes_avx512"], "have": ["BS_HAVE_BASELINE", "BS_HAVE_AVX2", "BS_HAVE_AVX512"] },
       "target_arch=='arm64'", { "sets": ["lanes_baseline", "lanes_neon"], "have": ["BS_HAVE_BASELINE", "BS_HAVE_NEON"] },
       { "sets": ["lanes_baseline"], "have": ["BS_HAVE_BASELINE"] }]
    ]
  },
  "target_defaults": {
    "defines": ["<!@(node scripts/native-config.mjs --gyp defines)"],
    "include_dirs": ["<!@(node scripts/native-config.mjs --gyp includes)"],
    "cflags": ["-fPIC"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20", "-O2", "-O3"],
    "cflags_cc": ["<@(optimize)", "-fexceptions"],
    "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES", "CLANG_CXX_LANGUAGE_STANDARD": "c++20", "OTHER_CPLUSPLUSFLAGS": ["<@(optimize)"] }
  },
  "targets": [
    {
      "target_name": "backsolve",
      "dependencies": ["<@(sets)"],
      "sources": ["<!@(node scripts/native-config.mjs --gyp sources)"],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS", "<@(have)",
                  "<!@(node scripts/native-config.mjs --gyp openblas)"],
      "libraries": ["<!@(node scripts/native-config.mjs --gyp libraries)", "-lpthread"],
      "conditions": [["OS=='linux'", { "libraries": ["-ldl"], "ldflags": ["-Wl,-z,nodelete", "-Wl,--exclude-libs,ALL"] }]]
    },
    { "target_name": "lanes_baseline", "type": "static_library", "sources": ["<@(lanes)"], "defines": ["BS_ISA=baseline", "BS_VECTOR_BYTES=16"], "cflags_cc": ["-ffp-contract=fast"] }
  ],
  "conditions": [
    ["target_arch=='x64'", { "targets": [
      { "target_name": "lanes_avx2", "type": "static_library", "sources": ["<@(lanes)"], "defines": ["BS_ISA=avx2", "BS_VECTOR_BYTES=32"], "cflags_cc": ["-ffp-contract=fast", "-mavx2", "-mfma"] },
      { "target_name": "lanes_avx512", "type": "static_library", "sources": ["<@(lanes)"], "defines": ["BS_ISA=avx512", "BS_VECTOR_BYTES=64"], "cflags_cc": ["-ffp-contract=fast", "-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma", "-mprefer-vector-width=512"] }
    ] }],
    ["target_arch=='arm64'", { "targets": [
      { "target_name": "lanes_neon", "type": "static_library", "sources": ["<@(lanes)"], "defines": ["BS_ISA=neon", "BS_VECTOR_BYTES=16"], "cflags_cc": ["-ffp-contract=fast"] }
    ] }]
  ]
}
